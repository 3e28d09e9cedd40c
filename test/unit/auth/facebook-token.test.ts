import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { facebook as provider } from '#src/auth/providers/facebook.ts'
import type { Config } from '#src/config.ts'
import { graphError, graphPaths, illegalAccessTokens, openGraph, type Graph } from '#test/setup/providers/graph.ts'
import { foundProvider, keySetPath, type PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { secretsOf } from '#test/setup/providers/vendors.ts'

let facebook: PrivateProvider
let graph: Graph

beforeEach(async () => {
  facebook = await foundProvider('facebook')
  graph = openGraph(facebook)
})
afterEach(() => {
  vi.mocked(fetch).mockRestore()
})

const verify = async (token: string, nonce?: string, replaced: Partial<Config> = {}) =>
  await provider.verifyToken({ ...facebook.config, ...replaced }, token, nonce)
const refused = { code: 'invalid_identity_token' }

describe('an access token of Facebook', () => {
  it('says who its person is, of whose address nobody knows whether it is theirs', async () => {
    const { token, id } = graph.issue({ me: { email: 'ada@gmail.com', email_verified: true, first_name: '美' } })
    expect(await verify(token)).toEqual({
      provider: 'facebook',
      issuer: facebook.origin,
      subject: id,
      clientId: facebook.audience,
      email: 'ada@gmail.com',
      isEmailVerified: false,
      isPrivateEmail: false,
      firstName: '美',
      lastName: 'Marlowe',
      avatarUrl: 'https://platform-lookaside.fbsbx.com/1.jpg',
    })
  })

  it('is asked about at Graph alone, with its proof, and never at the keys', async () => {
    const { token } = graph.issue()
    await verify(token)
    const asked = facebook.takeAsked()
    expect(asked.map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
      `GET ${graphPaths.inspection}`,
      `GET ${graphPaths.me}`,
    ])
    expect(asked.map(({ url }) => [...url.searchParams.keys()])).toEqual([
      ['input_token', 'appsecret_proof'],
      ['fields', 'appsecret_proof'],
    ])
    expect(asked.map(({ headers }) => headers.get('Authorization'))).toEqual([
      `Bearer ${facebook.audience}|${secretsOf.facebook}`,
      `Bearer ${token}`,
    ])
    expect(asked.map(({ init }) => init?.redirect)).toEqual(['manual', 'manual'])
  })

  it.each([
    [
      'no address, names or picture',
      { email: undefined, first_name: undefined, last_name: undefined, picture: undefined },
    ],
    ['an address and names of other kinds', { email: 'nobody', first_name: 7, last_name: '\0', picture: 'x' }],
    [
      'the outline that stands for no picture',
      {
        email: '',
        first_name: '',
        last_name: null,
        picture: { data: { url: 'https://a.example/b', is_silhouette: true } },
      },
    ],
    [
      'a picture that is no https link',
      { email: null, first_name: [], last_name: {}, picture: { data: { url: 'javascript:alert(1)' } } },
    ],
  ])('is taken with %s', async (_, me) => {
    const { token } = graph.issue({ me })
    expect(await verify(token)).toMatchObject({ email: null, firstName: null, lastName: null, avatarUrl: null })
  })

  it('is taken when it never ends', async () => {
    const { token, id } = graph.issue({ inspection: { expires_at: 0 } })
    expect((await verify(token)).subject).toBe(id)
  })

  it.each(Object.entries(illegalAccessTokens))('is refused %s', async (_, wish) => {
    const { token } = graph.issue(wish)
    const answer = await facebook.signIn(token)
    expect([answer.status, answer.body, answer.headers.get('Server-Timing')]).toEqual([
      401,
      expect.objectContaining(refused),
      'db;desc="0 flights"',
    ])
  })

  it('is refused when Graph does not know it, and then nobody asks who it is', async () => {
    await expect(verify('EAABsomebodyelse')).rejects.toMatchObject(refused)
    expect(facebook.takeAsked().map(({ url }) => url.pathname)).toEqual([graphPaths.inspection])
  })

  it.each([190, 100, 104, 200, 10, 3])('is refused when Graph refuses with code %i', async (code) => {
    const { token } = graph.issue()
    facebook.publish(graphPaths.me, () => graphError(code))
    await expect(verify(token)).rejects.toMatchObject(refused)
    facebook.publish(graphPaths.inspection, () => graphError(code))
    await expect(verify(token)).rejects.toMatchObject(refused)
  })

  it('is refused with a nonce, which it cannot carry, and Graph is not asked', async () => {
    const { token } = graph.issue()
    await expect(verify(token, crypto.randomUUID())).rejects.toMatchObject(refused)
    expect(facebook.takeAsked()).toEqual([])
  })

  it('is refused unasked when it cannot be one', async () => {
    for (const token of ['EAAB 1', 'EAAB\n', 'EAAB\0', 'EAÄB', 'EAAB%00', 'EAAB&access_token=1', 'a'.repeat(8_193)]) {
      await expect(verify(token)).rejects.toMatchObject(refused)
    }
    expect(facebook.takeAsked()).toEqual([])
  })

  it('needs the app’s secret, which Limited Login does not', async () => {
    const { token } = graph.issue()
    const replaced = { FACEBOOK_APP_SECRET: undefined }
    await expect(verify(token, undefined, replaced)).rejects.toMatchObject({ code: 'not_configured' })
    expect((await verify(await facebook.token(), undefined, replaced)).provider).toBe('facebook')
    const attempt = verify(await facebook.token(), undefined, { FACEBOOK_APP_ID: undefined })
    await expect(attempt).rejects.toMatchObject({ code: 'not_configured' })
  })
})

describe('Graph', () => {
  it.each([1, 2, 4, 17, 32, 341, 613])(
    'that answers "later" with code %i makes a sign-in wait, not fail',
    async (code) => {
      const { token } = graph.issue()
      for (const path of [graphPaths.me, graphPaths.inspection]) {
        for (const status of [400, 403, 429, 500]) {
          facebook.publish(path, () => graphError(code, {}, status))
          const answer = await facebook.signIn(token)
          expect([answer.status, answer.body]).toMatchObject([503, { code: 'upstream_unavailable' }])
          expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
        }
      }
    },
  )

  it('that calls a failure transient makes a sign-in wait, whatever its code', async () => {
    const { token } = graph.issue()
    facebook.publish(graphPaths.inspection, () => graphError(190, { is_transient: true }))
    await expect(verify(token)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('that does not know the app says nothing of the token', async () => {
    const { token } = graph.issue()
    facebook.publish(graphPaths.inspection, () => graphError(101))
    await expect(verify(token)).rejects.toMatchObject({ code: 'not_configured' })
  })

  it('is asked in the version that is configured', async () => {
    const { token } = graph.issue()
    await expect(verify(token, undefined, { FACEBOOK_GRAPH_VERSION: 'v31.0' })).rejects.toMatchObject({
      code: 'upstream_nonsense',
    })
    expect(facebook.takeAsked().map(({ url }) => url.pathname)).toEqual(['/graph/v31.0/debug_token'])
  })
})

describe('a Limited Login token of Facebook', () => {
  it('names the same identity as an access token, is verified by its own keys and never sent to Graph', async () => {
    const { token, id } = graph.issue()
    const classic = await verify(token)
    facebook.takeAsked()
    const limited = await verify(await facebook.token({ sub: id }))
    expect([limited.issuer, limited.subject]).toEqual([classic.issuer, classic.subject])
    expect(facebook.takeAsked().map(({ url }) => url.pathname)).toEqual([keySetPath])
  })

  it.each(['https://limited.facebook.com', 'https://www.facebook.com'])('may name %s as its issuer', async (iss) => {
    const replaced = { FACEBOOK_ENDPOINTS: { limited_jwks: `${facebook.origin}/jwks` } }
    const identity = await verify(await facebook.token({ iss }), undefined, replaced)
    expect([identity.issuer, identity.isEmailVerified]).toEqual(['https://www.facebook.com', false])
  })

  it.each(['https://facebook.com', 'http://www.facebook.com', 'https://www.facebook.com/', 'https://m.facebook.com'])(
    'may not name %s',
    async (iss) => {
      const replaced = { FACEBOOK_ENDPOINTS: { limited_jwks: `${facebook.origin}/jwks` } }
      await expect(verify(await facebook.token({ iss }), undefined, replaced)).rejects.toMatchObject(refused)
    },
  )

  it.each(['1.2', '1/2', '..', 'a b', 'ä'])('is refused for a subject that is no app-scoped id: %j', async (sub) => {
    await expect(verify(await facebook.token({ sub }))).rejects.toMatchObject(refused)
  })

  it.each(['a.b', 'a.b.c', '.EAAB.', 'EAAB.', `${btoa('{}')}.e30.AA`, '1|2.3'])(
    'is not one that looks like %s, and then nobody is asked',
    async (token) => {
      await expect(verify(token)).rejects.toMatchObject(refused)
      expect(facebook.takeAsked()).toEqual([])
    },
  )
})
