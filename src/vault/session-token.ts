import { timingSafeEqual } from 'node:crypto'
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
export async function createSessionToken(config: Config): Promise<SessionToken> {
  const random = encode(crypto.getRandomValues(new Uint8Array(32)))
  const token = `nf_${random}${await tagOf(config, random)}`
  return { token, tokenHash: await hashToken(token) }
}

/** The SHA-256 of a token that this service could have issued; undefined for any other, at no cost to the database. */
export async function checkSessionToken(config: Config, token: string): Promise<Uint8Array | undefined> {
  const [, random, tag] = shape.exec(token) ?? []
  if (random === undefined || tag === undefined) return undefined
  const expected = await tagOf(config, random)
  return timingSafeEqual(utf8.encode(tag), utf8.encode(expected)) ? await hashToken(token) : undefined
}

/** A single-purpose key (256 random bits) of a turn, and its SHA-256. */
export async function createTurnKey(): Promise<Uint8Array> {
  return await sha256(crypto.getRandomValues(new Uint8Array(32)))
}

const hashToken = async (token: string) => await sha256(utf8.encode(token))

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}

async function tagOf(config: Config, random: string): Promise<string> {
  const key = await signingKey(config)
  const mac = await crypto.subtle.sign('HMAC', key, utf8.encode(`neuraform/session-tag/1:${random}`))
  return encode(new Uint8Array(mac).subarray(0, 6))
}

const signingKeys = new WeakMap<Config, CryptoKey>()

async function signingKey(config: Config): Promise<CryptoKey> {
  const known = signingKeys.get(config)
  if (known !== undefined) return known
  if (config.TOKEN_SIGNING_KEY === undefined) throw new Problem('not_configured', 'TOKEN_SIGNING_KEY is not set.')
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', config.TOKEN_SIGNING_KEY, algorithm, false, ['sign'])
  signingKeys.set(config, key)
  return key
}

const encode = (bytes: Uint8Array) => bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
