import { env } from 'cloudflare:workers'
import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { checkSessionToken, createSessionToken, succeedSessionToken } from '#src/vault/session-token.ts'

const config = configOf(env)
const sha256 = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))

describe('a session token', () => {
  it('is a prefix, 256 random bits and a tag, and is known by its SHA-256', async () => {
    const { token, tokenHash } = createSessionToken(config)
    expect(token).toMatch(/^nf_[A-Za-z0-9_-]{51}$/)
    expect(tokenHash).toEqual(await sha256(token))
    expect(checkSessionToken(config, token)).toEqual(tokenHash)
  })

  it('and what follows it are what another HMAC makes of the key, so that none that is out is lost', () => {
    const hmac = (text: string) =>
      createHmac('sha256', config.TOKEN_SIGNING_KEY ?? '')
        .update(text)
        .digest()
    const tokenOf = (random: string) =>
      `nf_${random}${hmac(`neuraform/session-tag/1:${random}`).subarray(0, 6).toString('base64url')}`
    const token = tokenOf('a'.repeat(43))
    const next = tokenOf(hmac(`neuraform/session-successor/1:${token}`).toString('base64url'))
    const sha = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
    expect(checkSessionToken(config, token)).toEqual(sha(token))
    expect(succeedSessionToken(config, token)).toEqual({ token: next, tokenHash: sha(next) })
  })

  it('never comes twice in twenty thousand, and each of its bits is a coin’s', () => {
    const count = 20_000
    const seen = new Set<string>()
    const ones = new Uint32Array(256)
    for (let made = 0; made < count; made += 1_000) {
      const batch = Array.from({ length: 1_000 }, () => createSessionToken(config))
      for (const { token } of batch) {
        const random = token.slice(3, 46)
        seen.add(random)
        const bytes = Uint8Array.fromBase64(random, { alphabet: 'base64url' })
        for (let bit = 0; bit < 256; bit += 1) {
          if (((bytes[bit >> 3] ?? 0) >> (bit & 7)) % 2 === 1) ones[bit] = (ones[bit] ?? 0) + 1
        }
      }
    }
    expect(seen.size).toBe(count)
    // Seven standard deviations of a fair coin.
    expect([...ones].filter((times) => Math.abs(times - count / 2) > 495)).toEqual([])
  })

  it('is refused once any of its characters is another', () => {
    const { token } = createSessionToken(config)
    const altered = Array.from(token, (character, position) => {
      return token.slice(0, position) + (character === 'B' ? 'C' : 'B') + token.slice(position + 1)
    })
    expect(new Set(altered.map((one) => checkSessionToken(config, one)))).toEqual(new Set([undefined]))
  })

  it.each(['', 'nf_', `nf_${'A'.repeat(51)}`, 'NF_x', crypto.randomUUID(), `nf_${'é'.repeat(51)}`, 'a'.repeat(20_000)])(
    'is not what nobody issued: %.40j',
    (text) => {
      expect(checkSessionToken(config, text)).toBeUndefined()
    },
  )

  it('is not one with anything before, after or cut off', () => {
    const { token } = createSessionToken(config)
    const altered = [
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      `${token}A`,
      token.slice(0, -1),
      token.slice(3),
      token + token,
    ]
    expect(new Set(altered.map((one) => checkSessionToken(config, one)))).toEqual(new Set([undefined]))
  })

  it('is not one of another service with the same code', () => {
    const { token } = createSessionToken({
      ...config,
      TOKEN_SIGNING_KEY: crypto.getRandomValues(new Uint8Array(32)),
    })
    expect(checkSessionToken(config, token)).toBeUndefined()
  })
})
