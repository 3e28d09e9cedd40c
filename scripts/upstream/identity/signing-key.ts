import { randomBytes } from 'node:crypto'
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'

/** One provider's signing keys. The newest signs; the older ones stay published until they are retired. */
export interface Keyring {
  published(): { keys: JWK[] }
  /** A compact RS256 JWS over the claims, whatever they hold: a test may want a token that no provider would make. */
  sign(claims: object): Promise<string>
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
    sign: (claims) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'RS256', kid: newest.kid, typ: 'JWT' })
        .sign(newest.privateKey),
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
