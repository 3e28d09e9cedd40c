import { base64url, CompactEncrypt, CompactSign, exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose'
import { illegalClaims } from '#test/setup/providers/illegal-claims.ts'
import type { LegalToken, PrivateProvider } from '#test/setup/providers/private-provider.ts'
import type { SigningKey, SigningWish } from '#test/setup/providers/signing-key.ts'

/**
 * Makes a token that its provider would not make, or not for us, from one that would be taken. It fits whatever entry
 * takes ID tokens: a sign-in that presents it, or a token endpoint that returns it.
 */
export type Forge = (legal: LegalToken, provider: PrivateProvider) => string | Promise<string>

/** Where the attacker would like keys to be fetched from. */
export const attackersKeySetUrl = 'https://attacker.test/jwks'

const attackersPair = await generateKeyPair('RS256', { extractable: true })
const attackersCurve = await generateKeyPair('ES256')
const attackersEdwards = await generateKeyPair('Ed25519')

/** The attacker's public key under the name that the legal token's key has. */
export const attackersKey = async (kid: string) => ({
  ...(await exportJWK(attackersPair.publicKey)),
  kid,
  alg: 'RS256',
  use: 'sig',
})

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const segment = (value: unknown) => base64url.encode(JSON.stringify(value))

const signedByAttacker = ({ claims, kid }: LegalToken, header: Record<string, unknown> = { kid }) =>
  new CompactSign(text(claims)).setProtectedHeader({ alg: 'RS256', ...header }).sign(attackersPair.privateKey)

const signedWithPublicKey = async ({ claims, kid }: LegalToken, secret: Uint8Array) =>
  await new CompactSign(text(claims)).setProtectedHeader({ alg: 'HS256', kid }).sign(secret)

async function publicKeyPem({ jwk }: SigningKey): Promise<Uint8Array> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  return new TextEncoder().encode(
    await exportSPKI(await crypto.subtle.importKey('jwk', jwk, algorithm, true, ['verify'])),
  )
}

async function encryptedTo(legal: LegalToken, { jwk }: SigningKey): Promise<string> {
  const publicKey = await importJWK({ ...jwk, alg: 'RSA-OAEP-256', use: 'enc' } as JsonWebKey, 'RSA-OAEP-256')
  return await new CompactEncrypt(text(legal.claims))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: legal.kid })
    .encrypt(publicKey)
}

function parts(token: string): [string, string, string] {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return [header, payload, signature]
}

const flipped = (signature: string) => (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)

// 256 bytes end in a character of which four bits say nothing.
const neighbours: Readonly<Record<string, string>> = { A: 'B', Q: 'R', g: 'h', w: 'x' }

// One in 10^9 signatures has neither of the two characters.
const inOtherBase64 = (signature: string) => signature.replaceAll('-', '+').replaceAll('_', '/')

/** The true key signs the legal claims under a header that no provider writes. */
const trulySigned =
  (wish: SigningWish): Forge =>
  async ({ claims }, provider) =>
    await provider.key().sign(JSON.stringify(claims), wish)

/** The true key signs a text in place of the claims. */
const trulySigns =
  (write: (claims: string) => string): Forge =>
  async ({ claims }, provider) =>
    await provider.key().sign(write(JSON.stringify(claims)))

const unsigned: Record<string, Forge> = {
  'alg none without a signature': ({ claims }) => `${segment({ alg: 'none', typ: 'JWT' })}.${segment(claims)}.`,
  'alg None in another case': ({ claims }) => `${segment({ alg: 'nOnE', typ: 'JWT' })}.${segment(claims)}.`,
  'alg none over a true signature': ({ token, claims }) =>
    `${segment({ alg: 'none' })}.${segment(claims)}.${parts(token)[2]}`,
  'a stripped signature': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}.`,
  'no signature segment at all': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}`,
  'a changed signature': ({ token }) => `${parts(token)[0]}.${parts(token)[1]}.${flipped(parts(token)[2])}`,
  'a true signature over another payload': ({ token, claims }) =>
    `${parts(token)[0]}.${segment({ ...claims, given_name: 'Mallory' })}.${parts(token)[2]}`,
}

const signedByOthers: Record<string, Forge> = {
  'HS256 with the public key in PEM as the secret': async (legal, provider) =>
    await signedWithPublicKey(legal, await publicKeyPem(provider.key())),
  'HS256 with the modulus as the secret': async (legal, provider) =>
    await signedWithPublicKey(legal, base64url.decode(provider.key().jwk.n ?? '')),
  'HS256 with the public JWK as the secret': async (legal, provider) =>
    await signedWithPublicKey(legal, text(provider.key().jwk)),
  'another key under the true kid': async (legal) => await signedByAttacker(legal),
  'another key under no kid': async (legal) => await signedByAttacker(legal, {}),
  'another key that the header embeds': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, jwk: await attackersKey(legal.kid) }),
  'another key that jku points at': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, jku: attackersKeySetUrl }),
  'another key that x5u points at': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, x5u: attackersKeySetUrl }),
  'another key with a certificate chain': async (legal) =>
    await signedByAttacker(legal, { kid: legal.kid, x5c: [btoa('a certificate')] }),
  'an unknown kid': async (legal) => await signedByAttacker(legal, { kid: 'nobody' }),
  'a kid that is a path': async (legal) => await signedByAttacker(legal, { kid: '../../etc/passwd' }),
  'a kid that is SQL': async (legal) => await signedByAttacker(legal, { kid: "' or 1=1 --" }),
  'ES256 under the true kid': async ({ claims, kid }) =>
    await new CompactSign(text(claims)).setProtectedHeader({ alg: 'ES256', kid }).sign(attackersCurve.privateKey),
  'EdDSA under the true kid': async ({ claims, kid }) =>
    await new CompactSign(text(claims)).setProtectedHeader({ alg: 'EdDSA', kid }).sign(attackersEdwards.privateKey),
  'a JWE to the public key': async (legal, provider) => await encryptedTo(legal, provider.key()),
}

const underOtherHeaders: Record<string, Forge> = {
  'the true key with PS256': trulySigned({ algorithm: 'PS256' }),
  'the true key with RS384': trulySigned({ algorithm: 'RS384' }),
  'the true key with RS512': trulySigned({ algorithm: 'RS512' }),
  'the true key with PS256, called RS256': trulySigned({ algorithm: 'PS256', header: { alg: 'RS256' } }),
  'the true key with RS256, called ES256': trulySigned({ header: { alg: 'ES256' } }),
  'no alg': trulySigned({ header: { alg: null } }),
  'an alg in lower case': trulySigned({ header: { alg: 'rs256' } }),
  'an alg in a list': trulySigned({ header: { alg: ['RS256'] } }),
  'no kid': trulySigned({ header: { kid: null } }),
  'an empty kid': trulySigned({ header: { kid: '' } }),
  'a kid that is a number': trulySigned({ header: { kid: 7 } }),
  'a payload that is called unencoded': trulySigned({ header: { b64: false } }),
  'a payload that is critically unencoded': trulySigned({ header: { b64: false, crit: ['b64'] } }),
  'a critical header that nobody knows': trulySigned({ header: { crit: ['neuraform'], neuraform: true } }),
  'a critical header of none': trulySigned({ header: { crit: [] } }),
  'a compressed payload': trulySigned({ header: { zip: 'DEF' } }),
  'a token inside a token': trulySigned({ header: { cty: 'JWT' } }),
  'the type of an access token': trulySigned({ header: { typ: 'at+jwt' } }),
  'the type of a logout token': trulySigned({ header: { typ: 'logout+jwt' } }),
  'the type of a security event': trulySigned({ header: { typ: 'secevent+jwt' } }),
  'a type that is no text': trulySigned({ header: { typ: 7 } }),
  'a header that embeds a key, though the true one signed': async (legal, provider) =>
    await trulySigned({ header: { jwk: await attackersKey(legal.kid) } })(legal, provider),
  'two algs in one header': async (legal, provider) =>
    await trulySigned({ headerText: `{"alg":"none","alg":"RS256","kid":"${legal.kid}"}` })(legal, provider),
  'a header with a byte order mark': async (legal, provider) =>
    await trulySigned({ headerText: `\u{feff}{"alg":"RS256","kid":"${legal.kid}"}` })(legal, provider),
  'a header that is an array': trulySigned({ headerText: '["RS256"]' }),
  'a header that is null': trulySigned({ headerText: 'null' }),
}

const withOtherPayloads: Record<string, Forge> = {
  'a payload that is an array': trulySigns((claims) => `[${claims}]`),
  'a payload that is a text': trulySigns((claims) => JSON.stringify(claims)),
  'a payload that is null': trulySigns(() => 'null'),
  'a payload that is no JSON': trulySigns(() => 'sub=1'),
  'an empty payload': trulySigns(() => ''),
  'a payload with a byte order mark': trulySigns((claims) => `\u{feff}${claims}`),
  'a payload with __proto__': trulySigns((claims) => claims.replace('{', '{"__proto__":{"admin":true},')),
  'two subjects in one payload': trulySigns((claims) => claims.replace('{', '{"sub":"110169484474386276334",')),
  'two subjects, one of them escaped': trulySigns((claims) =>
    claims.replace('{', String.raw`{"\u0073ub":"110169484474386276334",`),
  ),
  'two audiences in one payload': trulySigns((claims) => claims.replace('{', '{"aud":"somebody-else",')),
  'two email addresses in one payload': trulySigns((claims) => claims.replace('{', '{"email":"victim@gmail.com",')),
  'a payload nested deep': trulySigns((claims) => claims.replace('{', `{"deep":${'['.repeat(40)}${']'.repeat(40)},`)),
}

const junk: Record<string, Forge> = {
  'a token with white space around it': ({ token }) => ` ${token}\n`,
  'a token with white space inside': ({ token }) => token.replace('.', '. '),
  'a token in quotes': ({ token }) => `"${token}"`,
  'a token after its scheme': ({ token }) => `Bearer ${token}`,
  'a token twice': ({ token }) => `${token}.${token}`,
  'a token in base64 with padding': ({ token }) => `${token}==`,
  'a signature with other spare bits at its end': ({ token }) => token.slice(0, -1) + neighbours[token.at(-1) ?? ''],
  'a signature in the other base64': ({ token }) => token.replace(/[^.]*$/, (signature) => inOtherBase64(signature)),
  'a signature with white space inside': ({ token }) => `${token.slice(0, -9)}\n${token.slice(-9)}`,
  'dots alone': () => '..',
  'many dots': () => '.'.repeat(15_999),
  'as much junk as may be sent': () => 'a'.repeat(16_000),
  'a token of NUL and lone surrogates': () => 'a\0.\ud800.b',
  'segments that are no base64url': () => '!!!.???.###',
  'a header nested deep': () => `${base64url.encode('['.repeat(4_000))}.${base64url.encode('{}')}.AAAA`,
}

const withOtherClaims = Object.fromEntries(
  Object.entries(illegalClaims).map(([name, change]): [string, Forge] => [
    `a true signature for ${name}`,
    async ({ claims }, provider) =>
      await provider.key().sign(JSON.stringify({ ...claims, ...change(claims, provider) })),
  ]),
)

/** Tokens that nobody may get in with, by name. */
export const forgeries: Readonly<Record<string, Forge>> = {
  ...unsigned,
  ...signedByOthers,
  ...underOtherHeaders,
  ...withOtherPayloads,
  ...junk,
  ...withOtherClaims,
}
