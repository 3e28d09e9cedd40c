import { randomBytes } from 'node:crypto'
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import * as z from 'zod'

/** What a test says to have a provider change its key; see `Keyring.rotate`. */
export const RotateRequest = z.strictObject({ retire: z.boolean().default(false) })

/** One provider's signing keys. The newest signs; the older ones stay published until they are retired. */
export interface Keyring {
  published(): { keys: JWK[] }
  /** A compact RS256 JWS over the payload, whatever it holds: a test may want a token that no provider would make. */
  sign(payload: string, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** Makes a new key and returns its `kid`. With `retire`, all older keys leave the published set. */
  rotate(options: { retire: boolean }): Promise<string>
}

interface SigningKey {
  readonly privateKey: CryptoKey
  readonly kid: string
  readonly jwk: JWK
}

/** A keyring with one fresh key. */
export async function createKeyring(): Promise<Keyring> {
  let newest = await generateSigningKey()
  let published = [newest]
  return {
    published: () => ({ keys: published.map(({ jwk }) => jwk) }),
    sign: (payload, header = {}) => {
      const members = Object.entries({ kid: newest.kid, typ: 'JWT', ...header }).filter(([, value]) => value !== null)
      return new CompactSign(new TextEncoder().encode(payload))
        .setProtectedHeader({ ...Object.fromEntries(members), alg: 'RS256' })
        .sign(newest.privateKey)
    },
    rotate: async ({ retire }) => {
      newest = await generateSigningKey()
      published = retire ? [newest] : [newest, ...published]
      return newest.kid
    },
  }
}

async function generateSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const kid = randomBytes(20).toString('hex')
  return { privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
}
