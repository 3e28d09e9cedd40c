import { describe, expect, it, vi } from 'vitest'
import type { LoginAnswer, Nonce, RegistrationRequired } from '#src/auth/shapes.ts'
import { appleHandover, askUpstream, call, freshNonce, googleToken, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith } from '#test/setup/worker-with.ts'

const login = async (body: Record<string, unknown>, provider = 'google') =>
  await call<LoginAnswer | { code: string }>('POST', '/auth/login', { body: { provider, ...body } })

const said = ({ status, body }: Awaited<ReturnType<typeof login>>) =>
  `${status} ${'code' in body ? body.code : body.status}`

const sha256Hex = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toHex()

const refusal = '401 invalid_identity_token'

describe('the nonce of a native sign-in', () => {
  it('is good for ten minutes and never the same', async () => {
    const before = Date.now()
    const { status, body } = await call<Nonce>('POST', '/auth/nonce')
    expect(status).toBe(200)
    expect(Math.abs(Date.parse(body.expires_at) - before - 600_000)).toBeLessThan(20_000)
    expect(await freshNonce()).not.toBe(body.nonce)
  })

  it.each([
    ['raw', async (nonce: string) => nonce],
    ['as its SHA-256 in hex', sha256Hex],
  ])('is taken from a Google token %s', async (_form, inToken) => {
    const nonce = await freshNonce()
    expect(said(await login({ token: await googleToken({ nonce: await inToken(nonce) }), nonce }))).toBe(
      '200 registration_required',
    )
  })

  it('is taken from Apple’s token as its SHA-256 in hex', async () => {
    const nonce = await freshNonce()
    const { token } = await appleHandover({ nonce: await sha256Hex(nonce) })
    expect(said(await login({ token, nonce }, 'apple'))).toBe('200 registration_required')
  })

  it('is taken from Facebook’s limited token', async () => {
    const nonce = await freshNonce()
    const { id_token: token } = await askUpstream<{ id_token: string }>('/facebook/limited-token', {
      person: 'new',
      audience: '1000200030004000',
      nonce,
    })
    expect(said(await login({ token, nonce }, 'facebook'))).toBe('200 registration_required')
  })

  it('is refused when it differs, stands on one side only, or was never issued', async () => {
    const [nonce, other] = [await freshNonce(), await freshNonce()]
    const invented = crypto.randomUUID()
    const token = await googleToken({ nonce })
    const answers = [
      await login({ token, nonce: other }),
      await login({ token, nonce: await sha256Hex(nonce) }),
      await login({ token }),
      await login({ token: await googleToken(), nonce }),
      await login({ token: await googleToken({ claims: { nonce: 7 } }), nonce: '7' }),
      await login({ token: await googleToken({ nonce: '' }) }),
      await login({ token: await googleToken({ nonce: invented }), nonce: invented }),
    ]
    expect(answers.map(said)).toEqual(answers.map(() => refusal))
    expect(said(await login({ token, nonce }))).toBe('200 registration_required')
  })

  it('is refused after its ten minutes', async () => {
    const nonce = await freshNonce()
    vi.useFakeTimers({ now: Date.now() + 601_000, toFake: ['Date'] })
    const claims = { iat: Math.floor(Date.now() / 1_000), exp: Math.floor(Date.now() / 1_000) + 3_600 }
    const late = await login({ token: await googleToken({ nonce, claims }), nonce })
    vi.useRealTimers()
    expect(said(late)).toBe(refusal)
  })

  it('is good once, whether its token is somebody’s or nobody’s yet', async () => {
    const { person } = await newUser()
    for (const [who, first] of [
      [person, '200 authenticated'],
      [`new:${crypto.randomUUID()}`, '200 registration_required'],
    ] as const) {
      const nonce = await freshNonce()
      const body = { token: await googleToken({ person: who, nonce }), nonce }
      expect([said(await login(body)), said(await login(body))]).toEqual([first, refusal])
    }
  })

  it('begins one session, however often it is presented at once', async () => {
    const { person, user } = await newUser()
    const nonce = await freshNonce()
    const body = { token: await googleToken({ person, nonce }), nonce }
    const answers = await Promise.all(Array.from({ length: 10 }, async () => await login(body)))
    expect(answers.map(said).toSorted()).toEqual(['200 authenticated', ...Array.from({ length: 9 }, () => refusal)])
    expect(await asOwner('select count(*)::int as sessions from user_sessions where user_id = $1', [user.id])).toEqual([
      { sessions: 2 },
    ])
  })

  it('is needed where the operator says so', async () => {
    const nonce = await freshNonce()
    const replaced = { REQUIRE_NONCE: 'true' }
    const bare = { provider: 'google', token: await googleToken() }
    const refused = await callWith<{ code: string }>(replaced, 'POST', '/auth/login', { body: bare })
    expect([refused.status, refused.body.code]).toEqual([401, 'invalid_identity_token'])
    const bound = { provider: 'google', token: await googleToken({ nonce }), nonce }
    const taken = await callWith<RegistrationRequired>(replaced, 'POST', '/auth/login', { body: bound })
    expect([taken.status, taken.body.status]).toEqual([200, 'registration_required'])
  })
})
