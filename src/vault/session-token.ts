import { timingSafeEqual } from 'node:crypto'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

const utf8 = new TextEncoder()
const shape = /^nf_([\w-]{43})([\w-]{8})$/

/** A bearer token and the only thing that the database learns of it. */
export interface SessionToken {
  readonly token: string
  readonly tokenHash: Uint8Array
}

/** A new session token: `nf_`, 256 random bits and a 48-bit keyed tag, both base64url. */
export function createSessionToken(config: Config): SessionToken {
  return sessionToken(config, crypto.getRandomValues(new Uint8Array(32)))
}

/**
 * The token that follows this one: always the same, and nobody's guess without TOKEN_SIGNING_KEY, so that those who refresh
 * at once get one token between them and the database keeps none.
 */
export function succeedSessionToken(config: Config, token: string): SessionToken {
  return sessionToken(config, tagged(config, `neuraform/session-successor/1:${token}`))
}

/** The SHA-256 of a token that this service could have issued; undefined for any other, at no cost to the database. */
export function checkSessionToken(config: Config, token: string): Uint8Array | undefined {
  const [, random, tag] = shape.exec(token) ?? []
  if (random === undefined || tag === undefined) return undefined
  const expected = tagOf(config, random)
  return timingSafeEqual(utf8.encode(tag), utf8.encode(expected)) ? hashOf(token) : undefined
}

/** A single-purpose key (256 random bits) of a turn, and its SHA-256. */
export function createTurnKey(): Uint8Array {
  return sha256(crypto.getRandomValues(new Uint8Array(32)))
}

function sessionToken(config: Config, secret: Uint8Array): SessionToken {
  const random = encode(secret)
  const token = `nf_${random}${tagOf(config, random)}`
  return { token, tokenHash: hashOf(token) }
}

const hashOf = (token: string) => sha256(utf8.encode(token))

const tagOf = (config: Config, random: string) =>
  encode(tagged(config, `neuraform/session-tag/1:${random}`).subarray(0, 6))

// Every request has its token checked: Node's own HMAC, a stream in workerd, takes several times as long.
function tagged({ TOKEN_SIGNING_KEY: key }: Config, text: string): Uint8Array {
  if (key === undefined) throw new Problem('not_configured', 'TOKEN_SIGNING_KEY is not set.')
  return hmac(sha256, key, utf8.encode(text))
}

const encode = (bytes: Uint8Array) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
