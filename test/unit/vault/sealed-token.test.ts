import { env } from 'cloudflare:workers'
import { EncryptJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { configOf } from '#src/config.ts'
import { issueSealedToken, readSealedToken, type Purpose } from '#src/vault/sealed-token.ts'

const config = configOf(env)
const Payload = z.strictObject({ id: z.string(), n: z.int() })
const payload = { id: 'ada 👩‍🚀', n: 7 }
const purposes: readonly Purpose[] = ['registration', 'cursor', 'audio']
const read = async (purpose: Purpose, token: string) => await readSealedToken(config, purpose, Payload, token)

afterEach(() => {
  vi.useRealTimers()
})

describe('a sealed token', () => {
  it('is read for its own purpose and for no other', async () => {
    for (const purpose of purposes) {
      const token = await issueSealedToken(config, purpose, payload, 60)
      const answers = await Promise.all(purposes.map((asked) => read(asked, token)))
      expect(answers).toEqual(purposes.map((asked) => (asked === purpose ? payload : undefined)))
    }
  })

  it('is good for as long as it was issued for, by the second', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 24) })
    const token = await issueSealedToken(config, 'audio', payload, 60)
    vi.setSystemTime(Date.UTC(2026, 10, 24, 0, 0, 59))
    expect(await read('audio', token)).toEqual(payload)
    vi.setSystemTime(Date.UTC(2026, 10, 24, 0, 1, 0))
    expect(await read('audio', token)).toBeUndefined()
  })

  it('shows nothing of what it holds, and never looks the same twice', async () => {
    const tokens = [
      await issueSealedToken(config, 'cursor', payload, 60),
      await issueSealedToken(config, 'cursor', payload, 60),
    ]
    expect(new Set(tokens).size).toBe(2)
    const decoded = tokens.flatMap((token) => token.split('.').map((part) => Buffer.from(part, 'base64url').toString()))
    expect(decoded.filter((text) => text.includes('ada'))).toEqual([])
  })

  it('is not read once any of its parts is altered, cut or swapped', async () => {
    const [token, other] = [
      await issueSealedToken(config, 'cursor', payload, 60),
      await issueSealedToken(config, 'cursor', payload, 60),
    ]
    const [parts, others] = [token.split('.'), other.split('.')]
    const altered = [
      ...parts.map((part, position) => parts.with(position, (part.startsWith('A') ? 'B' : 'A') + part.slice(1))),
      ...parts.map((part, position) => parts.with(position, part.slice(4))),
      ...parts.map((_, position) => parts.toSpliced(position, 1)),
      ...[2, 3, 4].map((position) => parts.with(position, others[position] ?? '')),
    ].map((segments) => segments.join('.'))
    const unlike = altered.filter((one) => one !== token)
    expect(new Set(await Promise.all(unlike.map((one) => read('cursor', one))))).toEqual(new Set([undefined]))
  })

  it('is not read when it holds something of another shape, or nothing', async () => {
    for (const other of [{}, { ...payload, n: '7' }, { ...payload, more: 1 }]) {
      expect(await read('cursor', await issueSealedToken(config, 'cursor', other, 60))).toBeUndefined()
    }
  })

  it.each(['', '.', '....', 'token', 'a.b.c', 'a.b.c.d.e', '\0', '\ud800', 'a'.repeat(10_000)])(
    'is not what nobody issued: %.20j',
    async (text) => {
      expect(await read('cursor', text)).toBeUndefined()
    },
  )

  it('is not one of another key, nor of another way to use one', async () => {
    const secret = crypto.getRandomValues(new Uint8Array(32))
    const forged = await Promise.all([
      issueSealedToken({ ...config, TOKEN_SIGNING_KEY: secret }, 'cursor', payload, 60),
      new EncryptJWT({ p: payload })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setExpirationTime('1m')
        .encrypt(secret),
      new EncryptJWT({ p: payload })
        .setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM' })
        .setExpirationTime('1m')
        .encrypt(secret),
    ])
    expect(await Promise.all(forged.map((token) => read('cursor', token)))).toEqual([undefined, undefined, undefined])
  })

  it('needs a key', async () => {
    const attempt = issueSealedToken({ ...config, TOKEN_SIGNING_KEY: undefined }, 'cursor', payload, 60)
    await expect(attempt).rejects.toMatchObject({ name: 'Problem', code: 'not_configured' })
  })
})
