import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Answer } from '#test/setup/client.ts'
import { providers } from '#src/auth/providers/verified-identity.ts'
import { databaseForMany } from '#test/setup/other-database.ts'
import { brokenAnswers, endless } from '#test/setup/providers/broken-answers.ts'
import { foundProvider, keySetPath, type PrivateProvider } from '#test/setup/providers/private-provider.ts'

const startOfTest = new Date()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: startOfTest })
})
afterEach(async () => {
  vi.useRealTimers()
  vi.mocked(fetch).mockRestore()
  await database.letGo()
})

const passSeconds = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1_000)
const codeOf = ({ status, body }: Answer) => `${status} ${JSON.stringify(body).match(/"(?:code|status)":"(\w+)"/)?.[1]}`
const database = databaseForMany()
/** A provider that does not answer is waited for this long. */
const soon = { ...database.variables, PROVIDER_DEADLINE_MS: '300' }
const fetchesOf = (provider: PrivateProvider) => provider.takeAsked(keySetPath).length
const taken = '200 registration_required'
const refused = '401 invalid_identity_token'
const unverifiable = '503 upstream_unavailable'

describe.each(providers)('the keys that %s publishes', (name) => {
  it('are fetched once for many sign-ins at once', async () => {
    const provider = await foundProvider(name, soon)
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => await provider.signIn(await provider.token())),
    )
    expect(answers.map(codeOf)).toEqual(Array.from({ length: 10 }, () => taken))
    expect(fetchesOf(provider)).toBe(1)
  })

  it('are fetched at most once in 30 s, whatever unknown keys are named', async () => {
    const provider = await foundProvider(name, soon)
    const sendUnknown = async (count: number) => {
      const tokens = await Promise.all(
        Array.from({ length: count }, () => provider.token({}, { header: { kid: crypto.randomUUID() } })),
      )
      return new Set((await Promise.all(tokens.map((token) => provider.signIn(token)))).map(codeOf))
    }
    expect(await sendUnknown(20)).toEqual(new Set([refused]))
    expect(fetchesOf(provider)).toBe(1)
    passSeconds(29)
    expect(await sendUnknown(20)).toEqual(new Set([refused]))
    expect(fetchesOf(provider)).toBe(0)
    passSeconds(2)
    expect(await sendUnknown(20)).toEqual(new Set([refused]))
    expect(fetchesOf(provider)).toBe(1)
  })

  it('are kept for an hour while nobody names another', async () => {
    const provider = await foundProvider(name, soon)
    await provider.signIn(await provider.token())
    passSeconds(3_590)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    expect(fetchesOf(provider)).toBe(1)
    passSeconds(20)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    expect(fetchesOf(provider)).toBe(1)
  })

  it('include a new one 30 s after the last fetch, and the older one as long as it is published', async () => {
    const provider = await foundProvider(name, soon)
    const old = await provider.token()
    await provider.signIn(old)
    await provider.rotate({ keepOlder: true })
    passSeconds(31)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    expect(codeOf(await provider.signIn(old))).toBe(taken)
    expect(fetchesOf(provider)).toBe(2)
  })

  it('include a new one at once, when it is published right after they were fetched', async () => {
    const provider = await foundProvider(name, soon)
    const old = await provider.token()
    expect(codeOf(await provider.signIn(old))).toBe(taken)
    await provider.rotate({ keepOlder: true })
    passSeconds(1)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    expect(codeOf(await provider.signIn(old))).toBe(taken)
    expect(fetchesOf(provider)).toBe(2)
  })

  it('include a new one within 30 s, though somebody names unknown ones all the time', async () => {
    const provider = await foundProvider(name, soon)
    const unknown = async () =>
      await provider.signIn(await provider.token({}, { header: { kid: crypto.randomUUID() } }))
    await provider.signIn(await provider.token())
    expect(codeOf(await unknown())).toBe(refused)
    await provider.rotate({ keepOlder: true })
    const answers: string[] = []
    for (const seconds of [1, 14, 14, 2]) {
      passSeconds(seconds)
      await unknown()
      answers.push(codeOf(await provider.signIn(await provider.token())))
    }
    expect(answers).toEqual([refused, refused, refused, taken])
    expect(fetchesOf(provider)).toBe(3)
  })

  it('include none that was taken back, once they were fetched again', async () => {
    const provider = await foundProvider(name, soon)
    const old = await provider.token()
    expect(codeOf(await provider.signIn(old))).toBe(taken)
    await provider.rotate({ keepOlder: false })
    passSeconds(31)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    expect(codeOf(await provider.signIn(old))).toBe(refused)
  })
})

const broken = [
  ...Object.entries(brokenAnswers),
  [
    'more keys than anybody has',
    { answer: () => Response.json({ keys: Array.from({ length: 51 }, () => ({ kty: 'RSA' })) }) },
  ] as const,
] as const

describe.each(providers)('a key set of %s that cannot be fetched', (name) => {
  it.each(broken)('answers 503 while nothing is kept, with one fetch in 30 s: %s', async (_, { answer }) => {
    const provider = await foundProvider(name, soon)
    const token = await provider.token()
    provider.publish(keySetPath, (asked) => answer(asked, () => provider.keySet()))
    const answers = await Promise.all(Array.from({ length: 10 }, () => provider.signIn(token)))
    expect(new Set(answers.map(codeOf))).toEqual(new Set([unverifiable]))
    expect(
      new Set(answers.map(({ headers }) => [headers.get('Retry-After'), headers.get('Server-Timing')].join())),
    ).toEqual(new Set(['5,db;desc="0 flights"']))
    expect(fetchesOf(provider)).toBe(1)
    provider.publish(keySetPath)
    passSeconds(29)
    expect(codeOf(await provider.signIn(token))).toBe(unverifiable)
    expect(fetchesOf(provider)).toBe(0)
    passSeconds(2)
    expect(codeOf(await provider.signIn(token))).toBe(taken)
    expect(fetchesOf(provider)).toBe(1)
  })

  it.each(broken)('leaves the keys of before in use: %s', async (_, { answer }) => {
    const provider = await foundProvider(name, soon)
    await provider.signIn(await provider.token())
    expect(fetchesOf(provider)).toBe(1)
    provider.publish(keySetPath, (asked) => answer(asked, () => provider.keySet()))
    passSeconds(3_700)
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => await provider.signIn(await provider.token())),
    )
    expect(new Set(answers.map(codeOf))).toEqual(new Set([taken]))
    expect(fetchesOf(provider)).toBe(1)
  })

  it('answers 503 to a key that is unknown, since nobody can tell whether it was published since', async () => {
    const provider = await foundProvider(name, soon)
    await provider.signIn(await provider.token())
    await provider.rotate({ keepOlder: false })
    provider.publish(keySetPath, () => new Response('down', { status: 500 }))
    for (const seconds of [1, 1, 27]) {
      passSeconds(seconds)
      expect(codeOf(await provider.signIn(await provider.token()))).toBe(unverifiable)
    }
    expect(fetchesOf(provider)).toBe(2)
    provider.publish(keySetPath)
    passSeconds(3)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
  })

  it('holds nobody up for longer than its deadline, though the request that asked for it was lost', async () => {
    const provider = await foundProvider(name, soon)
    provider.publish(keySetPath, async () => await new Promise<never>(() => undefined))
    const token = await provider.token()
    expect(codeOf(await provider.signIn(token))).toBe(unverifiable)
    provider.publish(keySetPath)
    passSeconds(31)
    expect(codeOf(await provider.signIn(token))).toBe(taken)
  })

  it('leaves them in use for a day and no longer', async () => {
    const provider = await foundProvider(name, soon)
    await provider.signIn(await provider.token())
    provider.publish(keySetPath, () => new Response('down', { status: 500 }))
    passSeconds(86_390)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(taken)
    passSeconds(60)
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(unverifiable)
  })

  it('is read no further than its bound', async () => {
    const provider = await foundProvider(name, soon)
    const { body, read } = endless()
    provider.publish(keySetPath, () => new Response(body))
    expect(codeOf(await provider.signIn(await provider.token()))).toBe(unverifiable)
    expect(read.bytes).toBeLessThan(200_000)
  })
})
