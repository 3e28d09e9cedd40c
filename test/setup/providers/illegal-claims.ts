import type { LegalToken, PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { secondsFromNow } from '#test/setup/providers/vendors.ts'

/** What a test makes of legal claims; undefined takes one away. */
export type ClaimChange = (legal: LegalToken['claims'], provider: PrivateProvider) => Record<string, unknown>

const times: Record<string, ClaimChange> = {
  'no exp': () => ({ exp: undefined }),
  'an exp that is a text': () => ({ exp: String(secondsFromNow(3_600)) }),
  'an exp that is null': () => ({ exp: null }),
  'an exp in the past': () => ({ iat: secondsFromNow(-600), exp: secondsFromNow(-61) }),
  'an exp more than a day ahead': () => ({ exp: secondsFromNow(86_400 + 120) }),
  'an exp a hundred years ahead': () => ({ exp: secondsFromNow(100 * 365 * 86_400) }),
  'an exp a day and more after iat': () => ({ iat: secondsFromNow(-300), exp: secondsFromNow(86_400 - 200) }),
  'no iat': () => ({ iat: undefined }),
  'an iat that is a text': () => ({ iat: String(secondsFromNow(0)) }),
  'an iat more than five minutes ahead': () => ({ iat: secondsFromNow(310), exp: secondsFromNow(3_000) }),
  'an iat two minutes ahead': () => ({ iat: secondsFromNow(120), exp: secondsFromNow(3_000) }),
  'an iat more than an hour ago': () => ({ iat: secondsFromNow(-3_700), exp: secondsFromNow(600) }),
  'an nbf ahead': () => ({ nbf: secondsFromNow(120) }),
  'an nbf that is a text': () => ({ nbf: 'now' }),
}

const subjects: Record<string, ClaimChange> = {
  'no sub': () => ({ sub: undefined }),
  'an empty sub': () => ({ sub: '' }),
  'a sub that is a number': () => ({ sub: 110_169_484_474_386 }),
  'a sub that is an object': ({ sub }) => ({ sub: { id: sub } }),
  'a sub that is an array': ({ sub }) => ({ sub: [sub] }),
  'a sub that is null': () => ({ sub: null }),
  'a sub that is a truth value': () => ({ sub: true }),
  'a sub of 256 characters': ({ sub }) => ({ sub: sub.padEnd(256, '0') }),
  'a sub with NUL': ({ sub }) => ({ sub: `${sub}\0` }),
  'a sub with a lone surrogate': ({ sub }) => ({ sub: `${sub}\ud800` }),
}

const audiences: Record<string, ClaimChange> = {
  'no aud': () => ({ aud: undefined }),
  'an aud that is not ours': () => ({ aud: 'somebody-else', azp: 'somebody-else' }),
  'an aud that is not ours with ours as azp': (_, { audience }) => ({ aud: 'somebody-else', azp: audience }),
  'an aud that begins with ours': (_, { audience }) => ({ aud: `${audience}.evil`, azp: undefined }),
  'an aud in another case': (_, { audience }) => ({ aud: ` ${audience.toUpperCase()}`, azp: undefined }),
  'an aud that is a number': () => ({ aud: 1_234_567_890_123, azp: undefined }),
  'an aud of an empty list': () => ({ aud: [], azp: undefined }),
  'an aud of a list in a list': (_, { audience }) => ({ aud: [[audience]], azp: undefined }),
  'an aud of ours and another without azp': (_, { audience }) => ({ aud: [audience, 'somebody-else'], azp: undefined }),
  'an aud of ours and another with the other as azp': (_, { audience }) => ({
    aud: [audience, 'somebody-else'],
    azp: 'somebody-else',
  }),
  'an azp that is not ours': () => ({ azp: 'somebody-else' }),
  'an azp that is a list': (_, { audience }) => ({ azp: [audience] }),
  'an azp that is empty': () => ({ azp: '' }),
  'an azp that is null': () => ({ azp: null }),
}

const issuers: Record<string, ClaimChange> = {
  'no iss': () => ({ iss: undefined }),
  'an empty iss': () => ({ iss: '' }),
  'an attacker’s issuer': () => ({ iss: 'https://accounts.attacker.test' }),
  'the real Google as issuer, where another is configured': () => ({ iss: 'https://accounts.google.com' }),
  'the real Apple as issuer, where another is configured': () => ({ iss: 'https://appleid.apple.com' }),
  'the real Facebook as issuer, where another is configured': () => ({ iss: 'https://www.facebook.com' }),
  'an issuer that begins with ours': ({ iss }) => ({ iss: `${String(iss)}/` }),
  'an issuer in another case': ({ iss }) => ({ iss: String(iss).toUpperCase() }),
  'an issuer over http': ({ iss }) => ({ iss: String(iss).replace('https:', 'http:') }),
  'an issuer in a list': ({ iss }) => ({ iss: [iss] }),
}

const nonces: Record<string, ClaimChange> = {
  // Where one was asked for it is missing; where none was, there is one.
  'a nonce on one side only': ({ nonce }) => ({ nonce: nonce === undefined ? crypto.randomUUID() : undefined }),
  'another nonce': () => ({ nonce: crypto.randomUUID() }),
  'an empty nonce': () => ({ nonce: '' }),
  'a nonce that is a number': () => ({ nonce: 7 }),
  'a nonce that is null': () => ({ nonce: null }),
  'a nonce in a list': ({ nonce }) => ({ nonce: [nonce ?? ''] }),
}

/** Claims that make a truly signed token none of ours, by what is wrong with them. */
export const illegalClaims: Readonly<Record<string, ClaimChange>> = {
  ...times,
  ...subjects,
  ...audiences,
  ...issuers,
  ...nonces,
}
