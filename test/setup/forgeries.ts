import {
  base64url,
  CompactEncrypt,
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type CompactJWSHeaderParameters,
} from 'jose'
import { publishedKey, signedPayload, type LegalToken } from '#test/setup/google-tokens.ts'

/** Where the attacker would like keys to be fetched from. */
export const attackersKeySetUrl = 'https://attacker.test/jwks'

const attackersPair = await generateKeyPair('RS256', { extractable: true })

/** The attacker's public key under the name that the legal token's key has. */
export const attackersKey = async (kid: string) => ({
  ...(await exportJWK(attackersPair.publicKey)),
  kid,
  alg: 'RS256',
  use: 'sig',
})

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const segment = (value: unknown) => base64url.encode(JSON.stringify(value))

const signedByAttacker = ({ claims, kid }: LegalToken, header: Partial<CompactJWSHeaderParameters> = { kid }) =>
  new CompactSign(text(claims)).setProtectedHeader({ alg: 'RS256', ...header }).sign(attackersPair.privateKey)

async function signedWithPublicKey({ claims, kid }: LegalToken, secret: Uint8Array): Promise<string> {
  return await new CompactSign(text(claims)).setProtectedHeader({ alg: 'HS256', kid }).sign(secret)
}

async function publicKeyPem(): Promise<Uint8Array> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('jwk', await publishedKey(), algorithm, true, ['verify'])
  return new TextEncoder().encode(await exportSPKI(key))
}

async function encryptedTo(legal: LegalToken, key: JsonWebKey): Promise<string> {
  const publicKey = await importJWK({ ...key, alg: 'RSA-OAEP-256', use: 'enc' }, 'RSA-OAEP-256')
  return await new CompactEncrypt(text(legal.claims))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: legal.kid })
    .encrypt(publicKey)
}

function parts(token: string): [string, string, string] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return [header, payload, signature]
}

const flipped = (signature: string) => (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)

/** Tokens that Google would not make, by name. Each starts from one that would be taken. */
export const forgeries: Record<string, (legal: LegalToken) => string | Promise<string>> = {
  'alg none without a signature': ({ claims }) => `${segment({ alg: 'none', typ: 'JWT' })}.${segment(claims)}.`,
  'alg None in another case': ({ claims }) => `${segment({ alg: 'nOnE', typ: 'JWT' })}.${segment(claims)}.`,
  'alg none over a true signature': ({ token, claims }) =>
    `${segment({ alg: 'none' })}.${segment(claims)}.${parts(token)[2]}`,
  'HS256 with the public key in PEM as the secret': async (legal) =>
    await signedWithPublicKey(legal, await publicKeyPem()),
  'HS256 with the modulus as the secret': async (legal) =>
    await signedWithPublicKey(legal, base64url.decode((await publishedKey()).n ?? '')),
  'HS256 with the public JWK as the secret': async (legal) =>
    await signedWithPublicKey(legal, text(await publishedKey())),
  'another key under the true kid': async (legal) => await signedByAttacker(legal),
  'another key under no kid': async (legal) => await signedByAttacker(legal, {}),
  'another key that the header embeds': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, jwk: await attackersKey(legal.kid) }),
  'another key that jku points at': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, jku: attackersKeySetUrl }),
  'another key that x5u points at': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, x5u: attackersKeySetUrl }),
  'an unknown kid': async (legal) => await signedByAttacker(legal, { kid: 'nobody' }),
  'a kid that is a path': async (legal) => await signedByAttacker(legal, { kid: '../../etc/passwd' }),
  'a kid that is SQL': async (legal) => await signedByAttacker(legal, { kid: "' or 1=1 --" }),
  'a stripped signature': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}.`,
  'no signature segment at all': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}`,
  'a changed signature': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}.${flipped(parts(token)[2])}`,
  'a true signature over another payload': ({ token, claims }) =>
    `${parts(token)[0]}.${segment({ ...claims, given_name: 'Mallory' })}.${parts(token)[2]}`,
  'a JWE to the public key': async (legal) => await encryptedTo(legal, await publishedKey()),
  'a critical header that nobody knows': async ({ claims, kid }) => {
    const signed = await signedByAttacker({ claims, kid, token: '' })
    return `${segment({ alg: 'RS256', kid, crit: ['neuraform'], neuraform: true })}.${parts(signed)[1]}.${parts(signed)[2]}`
  },
  'a payload that is an array': async ({ claims }) => await signedPayload(JSON.stringify([claims])),
  'a payload that is a text': async ({ claims }) => await signedPayload(JSON.stringify(JSON.stringify(claims))),
  'a payload that is null': async () => await signedPayload('null'),
  'a payload that is no JSON': async () => await signedPayload('sub=1'),
  'a payload with a byte order mark': async ({ claims }) => await signedPayload(`\u{feff}${JSON.stringify(claims)}`),
  'a payload with __proto__': async ({ claims }) =>
    await signedPayload(JSON.stringify(claims).replace('{', '{"__proto__":{"admin":true},')),
  'two subjects in one payload': async ({ claims }) =>
    await signedPayload(JSON.stringify(claims).replace('{', '{"sub":"110169484474386276334",')),
  'two subjects, one of them escaped': async ({ claims }) =>
    await signedPayload(JSON.stringify(claims).replace('{', String.raw`{"\u0073ub":"110169484474386276334",`)),
  'two audiences in one payload': async ({ claims }) =>
    await signedPayload(JSON.stringify(claims).replace('{', '{"aud":"somebody-else",')),
  'two email addresses in one payload': async ({ claims }) =>
    await signedPayload(JSON.stringify(claims).replace('{', '{"email":"victim@gmail.com",')),
  'a token with white space around it': ({ token }) => ` ${token}\n`,
  'a token twice': ({ token }) => `${token}.${token}`,
  'a word': () => 'token',
  'dots alone': () => '..',
  'many dots': () => '.'.repeat(15_999),
  'as much junk as may be sent': () => 'a'.repeat(16_000),
  'a token of NUL and lone surrogates': () => 'a\0.\ud800.b',
  'segments that are no base64url': () => '!!!.???.###',
  'a header nested deep': () => `${base64url.encode('['.repeat(4_000))}.${base64url.encode('{}')}.AAAA`,
}
