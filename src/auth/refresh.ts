import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { checkNativeProof, auditingNativeRefusals } from '#src/auth/native-sign-in.ts'
import { prepareGrant } from '#src/auth/grants.ts'
import type { Grant } from '#src/auth/providers/identity-provider.ts'
import type { FreshProof } from '#src/auth/shapes.ts'
import { spend } from '#src/auth/single-use.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, asUser, type Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { Problem } from '#src/http/problem.ts'
import { createSessionToken, succeedSessionToken, type SessionToken } from '#src/vault/session-token.ts'
import { moveDataKeys, openVault } from '#src/vault/open-vault.ts'

/** A session's new token, and until when it is good. */
export interface Renewed {
  readonly token: string
  readonly expiresAt: Date
}

const Outcome = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.enum(['refreshed', 'refreshed_before', 'superseded']), expires_at: z.coerce.date() }),
  z.object({ outcome: z.enum(['reused', 'unknown']), expires_at: z.null() }),
])

/**
 * Gives the presented session a new token. The token before works on for `SESSION_REFRESH_GRACE_SECONDS`, in which
 * refreshing with it answers the same successor, so that refreshes at once are one, and a lost answer can be asked for
 * again. Presented after that, it is taken for stolen: the session ends. Throws `unauthenticated`.
 */
export async function refreshSession(caller: Caller, presented: string): Promise<Renewed> {
  const { tokenHash, token, expiresAt } = await succeed(caller, { token: presented, tokenHash: caller.tokenHash })
  moveDataKeys(caller.tokenHash, tokenHash)
  return { token, expiresAt }
}

const mostSteps = 8

// One flight, and one more for each time that the token which follows was replaced within its own grace. Whoever is further
// behind than a few has not lost an answer.
async function succeed(caller: Caller, presented: SessionToken, step = 1): Promise<SessionToken & Renewed> {
  const successor = succeedSessionToken(caller.config, presented.token)
  const [answer] = await asService(caller, 'auth', 'refresh', (db) => [
    db.execute(sql`select * from app.refresh_session(
      ${presented.tokenHash}, ${successor.tokenHash}, ${caller.config.SESSION_REFRESH_GRACE_SECONDS}, ${caller.requestId})`),
  ])
  const { outcome, expires_at: expiresAt } = rowOf(Outcome, answer)
  if (expiresAt === null || step > mostSteps) throw new Problem('unauthenticated')
  return outcome === 'superseded' ? await succeed(caller, successor, step + 1) : { ...successor, expiresAt }
}

const Reauthenticated = z.object({ identity_id: z.uuid(), expires_at: z.coerce.date() })

/**
 * Renews the sign-in of the caller's session with one of their own identities, and gives it a new token; the old one ends
 * at once. It takes a nonce, for what carries none may have been made long before. Throws `invalid_identity_token`, also for
 * an identity that is not theirs. Two flights: a session that has ended
 * asks no provider.
 */
export async function reauthenticate(caller: Caller, proof: FreshProof): Promise<Renewed> {
  return await auditingNativeRefusals(caller, proof.provider, async () => {
    await asUser(caller, () => [])
    const { identity, grant, uses } = await checkNativeProof(caller, proof)
    const token = createSessionToken(caller.config)
    const [answer] = await asUser(caller, (db) => [
      db.execute(sql`select * from app.reauthenticate(
        ${identity.issuer}, ${identity.subject}, ${caller.tokenHash}, ${token.tokenHash}, ${caller.requestId})`),
      ...uses.map((use) => spend(db, use)),
    ])
    const { identity_id: identityId, expires_at: expiresAt } = rowOf(Reauthenticated, answer)
    moveDataKeys(caller.tokenHash, token.tokenHash)
    if (grant !== undefined) caller.defer(keepGrant(caller, identityId, grant))
    return { token: token.token, expiresAt }
  })
}

// After the answer, for the old token has ended: whoever is not told the new one must sign in anew.
async function keepGrant(caller: Caller, identityId: string, grant: Grant): Promise<void> {
  try {
    const statements = await prepareGrant(await openVault(caller), identityId, grant)
    await asService(caller, 'auth', 'grant', statements)
  } catch (error) {
    caller.report({ event: 'grant_not_kept', ...describeFailure(error) })
  }
}
