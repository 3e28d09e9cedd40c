import { base64url, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose'
import * as z from 'zod'
import { EmailClaim, NameClaim, PictureClaim, SubjectClaim } from '#src/auth/providers/claims.ts'
import { longestEventAgeSeconds } from '#src/auth/providers/identity-provider.ts'
import { publishedKeys } from '#src/auth/providers/key-sets.ts'
import { refuseToken } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

const leewaySeconds = 60
const longestAgeSeconds = 3_600
const longestLifeSeconds = 86_400

/** Whose tokens are taken: all of it comes from the configuration, nothing from the token. */
interface IdTokenRules {
  readonly issuers: readonly string[]
  readonly keySetUrl: string
  readonly audiences: readonly string[]
  /** What was presented beside the token, raw; `'any'` where the token answers for another that was checked. */
  readonly nonce: { readonly presented: string | undefined } | 'any'
}

/** The header of an ID token: signed once with a named key, and nothing in it that changes how or by what it is read. */
const Header = z.looseObject({
  alg: z.literal('RS256'),
  kid: z.string().min(1).max(255),
  // RFC 8725 §3.11: a token of another type is none that says who somebody is.
  typ: z.string().regex(/^jwt$/i).optional(),
  ...Object.fromEntries(
    ['b64', 'crit', 'cty', 'enc', 'jku', 'jwk', 'x5c', 'x5u', 'zip'].map((name) => [name, z.undefined().optional()]),
  ),
})

const Claims = z.object({
  sub: SubjectClaim,
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  azp: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
  nonce: z.string().optional(),
  email: EmailClaim,
  given_name: NameClaim,
  family_name: NameClaim,
  picture: PictureClaim,
})
type Claims = z.output<typeof Claims>

/** A token that was found good: the claims that all providers have, the client id of ours that it is for, and the rest. */
export interface VerifiedIdToken {
  readonly claims: Claims
  readonly clientId: string
  readonly payload: JWTPayload
}

/**
 * Verifies an ID token (OpenID Connect Core §3.1.3.7; RFC 8725): RS256 by a named key of the issuer, a strict payload,
 * all required claims, at most an hour old and good for a day at most, for one of our audiences and no other party.
 * Throws `invalid_identity_token` or `upstream_unavailable`.
 */
export async function verifyIdToken(config: Config, token: string, rules: IdTokenRules): Promise<VerifiedIdToken> {
  checkForm(token)
  const payload = await verifySignature(config, token, rules, {
    requiredClaims: ['sub', 'exp', 'iat'],
    maxTokenAge: longestAgeSeconds,
  })
  const claims = Claims.safeParse(payload)
  if (!claims.success) throw refuseToken('claims')
  const clientId = clientIdOf(claims.data, rules.audiences)
  checkLife(claims.data)
  if (rules.nonce !== 'any') await checkNonce(claims.data.nonce, rules.nonce.presented)
  return { claims: claims.data, clientId, payload }
}

const EventClaims = z.object({
  aud: Claims.shape.aud,
  iat: z.number(),
  jti: z.string().min(1).max(255),
  events: z.string().max(8_000),
})

/** What a provider's servers sign to tell of somebody (RFC 8417 in spirit): the same key set and form as an ID token. */
export async function verifyEventToken(
  config: Config,
  token: string,
  rules: Omit<IdTokenRules, 'nonce'>,
): Promise<{ readonly id: string; readonly issuedAt: number; readonly events: unknown }> {
  checkForm(token)
  const payload = await verifySignature(config, token, rules, {
    requiredClaims: ['iat', 'jti', 'events'],
    maxTokenAge: longestEventAgeSeconds,
  })
  const claims = EventClaims.safeParse(payload)
  if (!claims.success) throw refuseToken('claims')
  clientIdOf({ aud: claims.data.aud, azp: undefined }, rules.audiences)
  const { jti: id, iat: issuedAt } = claims.data
  return { id, issuedAt, events: readJson(new TextEncoder().encode(claims.data.events)) }
}

/** jose reads base64 in any spelling, and of two equal members keeps the last: which one was meant is anybody's guess. */
function checkForm(token: string): void {
  const segments = token.split('.').map(readSegment)
  if (segments.length !== 3) throw refuseToken('shape')
  const [header] = segments.slice(0, 2).map(readJson)
  if (!Header.safeParse(header).success) throw refuseToken('shape')
}

function readSegment(segment: string): Uint8Array {
  try {
    const bytes = base64url.decode(segment)
    if (segment !== '' && base64url.encode(bytes) === segment) return bytes
  } catch (error) {
    throw refuseToken('shape', error)
  }
  throw refuseToken('shape')
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    throw refuseToken('shape', error)
  }
}

async function verifySignature(
  config: Config,
  token: string,
  rules: Omit<IdTokenRules, 'nonce'>,
  more: Pick<JWTVerifyOptions, 'requiredClaims' | 'maxTokenAge'>,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, publishedKeys(config, rules.keySetUrl), {
      algorithms: ['RS256'],
      issuer: [...rules.issuers],
      audience: [...rules.audiences],
      ...more,
      clockTolerance: leewaySeconds,
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refuseToken('signature', error)
    if (error instanceof Problem) throw error
    throw refuseToken('shape', error)
  }
}

function clientIdOf({ aud, azp }: Pick<Claims, 'aud'> & { azp?: string | undefined }, ours: readonly string[]): string {
  const audiences = typeof aud === 'string' ? [aud] : aud
  const isOurs = (party: string) => ours.includes(party)
  if (azp === undefined ? !audiences.every(isOurs) : !isOurs(azp)) throw refuseToken('audience')
  const clientId = audiences.find(isOurs)
  if (clientId === undefined) throw refuseToken('audience')
  return clientId
}

function checkLife({ iat, exp }: Claims): void {
  // Apple's tokens live for a day to the second, and its clock may be ahead of ours.
  const longest = longestLifeSeconds + leewaySeconds
  if (exp - iat > longest || exp - Date.now() / 1_000 > longest) throw refuseToken('age')
}

/** Presence on one side only is a mismatch. Native SDKs put the nonce or its SHA-256 in hex into the token. */
async function checkNonce(inToken: string | undefined, presented: string | undefined): Promise<void> {
  if (inToken === undefined && presented === undefined) return
  if (inToken === undefined || presented === undefined) throw refuseToken('nonce')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(presented))
  if (inToken !== presented && inToken !== new Uint8Array(digest).toHex()) throw refuseToken('nonce')
}
