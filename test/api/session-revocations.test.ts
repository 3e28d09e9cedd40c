import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { openDatabase } from '#src/db/connect.ts'
import { asUser } from '#src/db/scope.ts'
import { createSessionToken, type SessionToken } from '#src/vault/session-token.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'

const count = 1_000

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

/** How often the door lets somebody in, over one connection for all: where a session is taken or refused is there. */
async function admitted(tokens: readonly SessionToken[]): Promise<number> {
  const config = configOf(env)
  const scope = {
    config,
    database: openDatabase(config),
    requestId: crypto.randomUUID(),
    defer: () => undefined,
    report: () => undefined,
  }
  let number = 0
  for (const { tokenHash } of tokens) {
    const isIn = await asUser({ ...scope, tokenHash, session: undefined }, () => []).then(
      () => true,
      (error: { code?: string }) => {
        if (error.code !== 'unauthenticated') throw error
        return false
      },
    )
    if (isIn) number += 1
  }
  return number
}

const statusOf = async (token: string) => (await call('GET', '/auth/session', { token })).status

it('of a thousand sessions that end, none is accepted afterwards', { timeout: 120_000 }, async () => {
  const { token, user } = await newUser()
  const tokens = await sessionsOf(user.id)
  expect(await admitted(tokens)).toBe(count)
  // Some end themselves, and the rest at once.
  const [alone, together] = [tokens.slice(0, 50), tokens.slice(50)]
  for (const one of alone) expect((await call('POST', '/auth/logout', { token: one.token })).status).toBe(204)
  expect([await admitted(alone), await admitted(together)]).toEqual([0, together.length])
  expect((await call('POST', '/auth/logout?scope=others', { token })).status).toBe(204)
  expect(await admitted(tokens)).toBe(0)
  expect([await statusOf(tokens[0]?.token ?? ''), await statusOf(tokens.at(-1)?.token ?? '')]).toEqual([401, 401])
  expect(await statusOf(token)).toBe(200)
})
