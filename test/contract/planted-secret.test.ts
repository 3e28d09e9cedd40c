import { afterEach, expect, it, vi } from 'vitest'
import { call, googleToken, newUser } from '#test/setup/client.ts'
import { callWith } from '#test/setup/worker-with.ts'
import { walkEveryRoute } from '#test/setup/walk.ts'

const secret = {
  firstName: 'Zephyrine-canary',
  lastName: 'Quandle-canary',
  title: 'Canary title of the marmalade',
  said: 'The canary said marmalade to nobody else.',
  device: 'Canary tablet of Zephyrine',
}

afterEach(() => {
  vi.restoreAllMocks()
})

/** Everything that is printed from now on. */
function listen(): () => string {
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(() => undefined),
  )
  return () => spies.flatMap((spy) => spy.mock.calls.flat().map((part) => String(part))).join('\n')
}

it('never shows a person’s words, names or tokens in the log', async () => {
  const printed = listen()
  const exchanges = await walkEveryRoute({ ...secret, person: `new:canary-${crypto.randomUUID()}` })
  const tokens = exchanges.flatMap(
    ({ text }) => /"(?:session_token|registration_ticket)":"([^"]+)"/.exec(text)?.[1] ?? [],
  )
  const emails = exchanges.flatMap(({ text }) => /"email":"([^"]+)"/.exec(text)?.[1] ?? [])
  const log = printed()
  expect(log.split('\n').length).toBeGreaterThanOrEqual(exchanges.length)
  expect(tokens.length).toBeGreaterThan(3)
  for (const canary of [...Object.values(secret), 'canary', 'marmalade', '1990-06-15', ...tokens, ...emails]) {
    expect([canary, log.toLowerCase().includes(canary.toLowerCase())]).toEqual([canary, false])
  }
})

it('never shows them when something fails', async () => {
  const printed = listen()
  const { token } = await newUser()
  const idToken = await googleToken()
  const nowhere = 'http://127.0.0.1:9'
  const refused = { connectionString: 'postgres://canary-user:canary-password@127.0.0.1:9/canary' }
  const conversation = await call<{ id: string }>('POST', '/conversations', {
    token,
    body: { persona_id: '0198f000-0000-7000-8000-000000000001', title: secret.title },
  })
  const turns = `/conversations/${conversation.body.id}/turns`
  const failures = [
    await call('POST', '/auth/login', { body: { provider: 'google', token: `${idToken}canary` } }),
    await call('POST', '/conversations', { token, body: `{"title":"${secret.title}` }),
    await call('POST', '/conversations', { token, body: { title: secret.title, canary: secret.said } }),
    await call('GET', `/conversations?cursor=${encodeURIComponent(secret.said)}`, { token }),
    await callWith({ LLM_BASE_URL: nowhere }, 'POST', turns, { token, body: { content: secret.said } }),
    await callWith({ SPEECH_BASE_URL: nowhere }, 'POST', '/voice/speech', {
      token,
      body: { text: secret.said, voice: 'slt' },
    }),
    await callWith({ HYPERDRIVE: refused as Hyperdrive }, 'POST', turns, { token, body: { content: secret.said } }),
    await callWith({ KEY_ENCRYPTION_KEYS: 'canary' }, 'GET', '/auth/profile', { token }),
  ]
  expect(failures.map(({ status }) => status)).toEqual([401, 400, 422, 400, 503, 503, 503, 503])
  const bodies = failures.map(({ body }) => JSON.stringify(body)).join('\n')
  // A field that the client misnamed is named back to that client, and to nobody else.
  expect(bodies.replace('Unrecognized key: \\"canary\\"', '')).not.toMatch(/canary|marmalade/i)
  const log = printed()
  expect(log).toContain('upstream_unavailable')
  expect(log).not.toMatch(/canary|marmalade/i)
  expect(log).not.toContain(token)
  expect(log).not.toContain(idToken.slice(0, 40))
})
