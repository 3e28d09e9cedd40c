import { env } from 'cloudflare:workers'
import { configOf } from '#src/config.ts'
import { canonicalEmail, lookupIndex } from '#src/vault/lookup.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { subjectHashOf as hashOf } from '#src/auth/subject-hash.ts'
import { inject } from 'vitest'

/** How many rows the database holds of somebody. */
export interface Traces {
  readonly users: number
  readonly identities: number
  readonly login_tickets: number
  readonly grants_to_revoke: number
}

export const noTrace: Traces = { users: 0, identities: 0, login_tickets: 0, grants_to_revoke: 0 }

interface About {
  readonly sub: unknown
  readonly email: unknown
  /** The local Google's, unless another one is named. */
  readonly issuer?: string
}

/** The rows of a person, found by what stands in clear or under a keyed index: subject and verified address. */
export async function tracesOf({ sub, email, issuer }: About): Promise<Traces> {
  const subject = String(sub).replaceAll('\0', '')
  const [traces] = await asOwner<Traces>(
    `select
      (select count(*)::int from users where email_index = $1) as users,
      (select count(*)::int from identities where subject = $2) as identities,
      (select count(*)::int from login_tickets where subject_hash = $3) as login_tickets,
      (select count(*)::int from grants_to_revoke where subject_hash = $3) as grants_to_revoke`,
    [
      await lookupIndex(configOf(env), 'email', canonicalEmail(String(email))),
      subject,
      await subjectHashOf(subject, issuer),
    ],
  )
  if (traces === undefined) throw new Error('the database did not count')
  return traces
}

/** The keyed hash under which a subject is refused: one of the local Google, unless another issuer is named. */
export async function subjectHashOf(
  subject: string,
  issuer = `${inject('stack').upstreamOrigin}/google`,
): Promise<Uint8Array> {
  return await hashOf(configOf(env), { issuer, subject })
}
