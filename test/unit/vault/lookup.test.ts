import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configOf } from '#src/config.ts'
import { canonicalEmail, lookupIndex, type LookupScope } from '#src/vault/lookup.ts'

const config = configOf(env)
const scopes: readonly LookupScope[] = ['email', 'subject', 'request']

describe('a lookup index', () => {
  it('is the same for the same text, and 32 bytes', async () => {
    const [one, again] = await Promise.all([lookupIndex(config, 'email', 'ada'), lookupIndex(config, 'email', 'ada')])
    expect([one.length, one]).toEqual([32, again])
  })

  it('is unrelated in another scope, for another text and under another key', async () => {
    const otherKey = { ...config, LOOKUP_KEY: crypto.getRandomValues(new Uint8Array(32)) }
    const indexes = await Promise.all([
      ...scopes.map((scope) => lookupIndex(config, scope, 'ada')),
      lookupIndex(config, 'email', 'ada '),
      lookupIndex(config, 'email', ''),
      lookupIndex(otherKey, 'email', 'ada'),
    ])
    expect(new Set(indexes.map((index) => index.toHex())).size).toBe(indexes.length)
  })

  it('is no plain hash of the text', async () => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('email:ada')))
    expect(await lookupIndex(config, 'email', 'ada')).not.toEqual(digest)
  })

  it('needs a key', async () => {
    const attempt = lookupIndex({ ...config, LOOKUP_KEY: undefined }, 'email', 'ada')
    await expect(attempt).rejects.toMatchObject({ name: 'Problem', code: 'not_configured' })
  })
})

describe('canonicalEmail', () => {
  it.each([
    ['ada@gmail.com', 'ada@gmail.com'],
    ['A.D.A@GMail.com', 'ada@gmail.com'],
    ['ada+shop@gmail.com', 'ada@gmail.com'],
    ['a.d.a+x+y@googlemail.com', 'ada@gmail.com'],
    ['ada＠gmail.com', 'ada@gmail.com'],
    ['ａｄａ@ｇｍａｉｌ.com', 'ada@gmail.com'],
    [' ada@gmail.com ', 'ada@gmail.com'],
    ['Ada.L+shop@Example.com', 'ada.l+shop@example.com'],
    ['ada@not-gmail.com', 'ada@not-gmail.com'],
    ['a.da@gmail.com.example', 'a.da@gmail.com.example'],
    ['"a@b"@example.com', '"a@b"@example.com'],
  ])('writes %s as %s', (email, expected) => {
    expect(canonicalEmail(email)).toBe(expected)
  })

  it('changes nothing more when it is asked again', () => {
    const emails = fc.tuple(fc.emailAddress(), fc.constantFrom('gmail.com', 'googlemail.com', 'example.org'))
    fc.assert(
      fc.property(emails, ([email, domain]) => {
        const once = canonicalEmail(`${email.split('@')[0]}@${domain}`)
        expect(canonicalEmail(once)).toBe(once)
      }),
    )
  })
})
