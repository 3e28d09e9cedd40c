import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { createSessionToken, type SessionToken } from '#src/vault/session-token.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

const count = 1_000
const atOnce = 20

/** So many live sessions of one person, which no person may have by signing in. */
async function sessionsOf(userId: string): Promise<readonly SessionToken[]> {
  const tokens = Array.from({ length: count }, () => createSessionToken(configOf(env)))
  await asOwner(
    `insert into user_sessions (id, user_id, identity_id, token_hash, idle_lifetime_seconds, expires_at, absolute_expires_at)
     select gen_random_uuid(), s.user_id, s.identity_id, decode(h.hash, 'hex'), s.idle_lifetime_seconds, s.expires_at,
       s.absolute_expires_at
     from user_sessions s cross join unnest($2::text[]) h (hash) where s.user_id = $1`,
    [userId, tokens.map(({ tokenHash }) => tokenHash.toHex())],
  )
  return tokens
}

/** How often each status was the answer. */
async function statuses(tokens: readonly SessionToken[], askOne: (token: string) => Promise<{ status: number }>) {
  const seen = new Map<number, number>()
  const waiting = [...tokens]
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const { status } = await askOne(next.token)
        seen.set(status, (seen.get(status) ?? 0) + 1)
      }
    }),
  )
  return Object.fromEntries(seen)
}

it('of a thousand sessions that end, none is accepted afterwards', { timeout: 300_000 }, async () => {
  const { token, user } = await newUser()
  const tokens = await sessionsOf(user.id)
  const use = async (one: string) => await call('GET', '/auth/session', { token: one })
  // Some end themselves, and the rest at once.
  const [alone, together] = [tokens.slice(0, 100), tokens.slice(100)]
  expect(await statuses(tokens.slice(90, 110), use)).toEqual({ 200: 20 })
  expect(await statuses(alone, async (one) => await call('POST', '/auth/logout', { token: one }))).toEqual({ 204: 100 })
  expect(await statuses(together.slice(0, 20), use)).toEqual({ 200: 20 })
  expect((await call('POST', '/auth/logout?scope=others', { token })).status).toBe(204)
  expect(await statuses(tokens, use)).toEqual({ 401: count })
  expect((await use(token)).status).toBe(200)
})
