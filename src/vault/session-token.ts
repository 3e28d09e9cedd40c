import { createHmac, hash, timingSafeEqual } from 'node:crypto'
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
  const random = encode(crypto.getRandomValues(new Uint8Array(32)))
  const token = `nf_${random}${tagOf(config, random)}`
  return { token, tokenHash: sha256(token) }
}

/** The SHA-256 of a token that this service could have issued; undefined for any other, at no cost to the database. */
export function checkSessionToken(config: Config, token: string): Uint8Array | undefined {
  const [, random, tag] = shape.exec(token) ?? []
  if (random === undefined || tag === undefined) return undefined
  const expected = tagOf(config, random)
  return timingSafeEqual(utf8.encode(tag), utf8.encode(expected)) ? sha256(token) : undefined
}

/** A single-purpose key (256 random bits) of a turn, and its SHA-256. */
export function createTurnKey(): Uint8Array {
  return sha256(crypto.getRandomValues(new Uint8Array(32)))
}

function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', data, 'buffer'))
}

function tagOf(config: Config, random: string): string {
  if (config.TOKEN_SIGNING_KEY === undefined) throw new Problem('not_configured', 'TOKEN_SIGNING_KEY is not set.')
  const mac = createHmac('sha256', config.TOKEN_SIGNING_KEY).update(`neuraform/session-tag/1:${random}`).digest()
  return encode(mac.subarray(0, 6))
}

const encode = (bytes: Uint8Array) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
