import { base64url } from 'jose'

type PublicJwk = JsonWebKey & { readonly kid: string }

/** How a test wants a token signed: other header members (null leaves one away), a header as text, another algorithm. */
export interface SigningWish {
  readonly header?: Readonly<Record<string, unknown>>
  readonly headerText?: string
  readonly algorithm?: 'RS256' | 'RS384' | 'RS512' | 'PS256'
}

/** An RSA key that signs whatever it is given, also what no provider would sign. */
export interface SigningKey {
  readonly jwk: PublicJwk
  sign(payload: string, wish?: SigningWish): Promise<string>
}

const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  RS512: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
}

interface Material {
  readonly privateKeyFor: (algorithm: keyof typeof algorithms) => Promise<CryptoKey>
  readonly publicJwk: JsonWebKey
}

async function makeMaterial(): Promise<Material> {
  const pair = (await crypto.subtle.generateKey(
    { ...algorithms.RS256, modulusLength: 2_048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  )) as CryptoKeyPair
  const { kty, n, e } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JsonWebKey
  const pkcs8 = (await crypto.subtle.exportKey('pkcs8', pair.privateKey)) as ArrayBuffer
  const imported = new Map<string, Promise<CryptoKey>>()
  const privateKeyFor = async (algorithm: keyof typeof algorithms) => {
    const key =
      imported.get(algorithm) ?? crypto.subtle.importKey('pkcs8', pkcs8, algorithms[algorithm], false, ['sign'])
    imported.set(algorithm, key)
    return await key
  }
  return { privateKeyFor, publicJwk: { kty, n, e } as JsonWebKey }
}

const kept = new Map<string, Promise<Material>>()

/** A key under a name of its own. What is `of` the same has the same numbers in one test file, since new ones take long. */
export async function makeSigningKey(of: string = crypto.randomUUID()): Promise<SigningKey> {
  const material = kept.get(of) ?? makeMaterial()
  kept.set(of, material)
  const { privateKeyFor, publicJwk } = await material
  const kid = crypto.randomUUID()
  const jwk = { ...publicJwk, kid, alg: 'RS256', use: 'sig' }
  return {
    jwk,
    sign: async (payload, { header = {}, headerText, algorithm = 'RS256' } = {}) => {
      const key = await privateKeyFor(algorithm)
      const members = Object.entries({ alg: algorithm, kid, typ: 'JWT', ...header }).filter(
        ([, value]) => value !== null,
      )
      const input = [headerText ?? JSON.stringify(Object.fromEntries(members)), payload].map(encoded).join('.')
      const signature = await crypto.subtle.sign(algorithms[algorithm], key, new TextEncoder().encode(input))
      return `${input}.${base64url.encode(new Uint8Array(signature))}`
    },
  }
}

const encoded = (text: string) => base64url.encode(text)
