import { env } from 'cloudflare:workers'
import { configOf } from '#src/config.ts'
import { canonicalEmail, lookupIndex } from '#src/vault/lookup.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { subjectName } from '#src/auth/ticket.ts'
import { inject } from 'vitest'

/** How many rows the database holds of somebody who signs in with Google. */
export interface Traces {
  readonly users: number
  readonly identities: number
  readonly login_tickets: number
}

export const noTrace: Traces = { users: 0, identities: 0, login_tickets: 0 }

/** The rows of a person, found by what stands in clear or under a keyed index: subject and verified address. */
export async function tracesOf({ sub, email }: { sub: unknown; email: unknown }): Promise<Traces> {
  const subject = String(sub).replaceAll('\0', '')
  const [traces] = await asOwner<Traces>(
    `select
      (select count(*)::int from users where email_index = $1) as users,
      (select count(*)::int from identities where subject = $2) as identities,
      (select count(*)::int from login_tickets where subject_hash = $3) as login_tickets`,
    [await lookupIndex(configOf(env), 'email', canonicalEmail(String(email))), subject, await subjectHashOf(subject)],
  )
  if (traces === undefined) throw new Error('the database did not count')
  return traces
}

/** The keyed hash under which a subject of the local Google is refused. */
export async function subjectHashOf(subject: string): Promise<Uint8Array> {
  const issuer = `${inject('stack').upstreamOrigin}/google`
  return await lookupIndex(configOf(env), 'subject', subjectName({ issuer, subject }))
}
