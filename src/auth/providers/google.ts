import { base64url, errors, jwtVerify, type JWTPayload } from 'jose'
import * as z from 'zod'
import { publishedKeys } from '#src/auth/providers/key-sets.ts'
import { refuseToken, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

const googleIssuer = 'https://accounts.google.com'
const googleKeys = 'https://www.googleapis.com/oauth2/v3/certs'
const leewaySeconds = 60
const longestLifeSeconds = 86_400

const Claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(255)
    .refine((text) => text.isWellFormed() && !text.includes('\0')),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  azp: z.string().optional(),
  iat: z.number(),
  exp: z.number(),
  nonce: z.string().optional(),
  // A full-width @ is an @ to whoever delivers mail.
  email: z
    .string()
    .transform((text) => text.normalize('NFKC'))
    .pipe(z.email().max(320))
    .optional()
    .catch(undefined),
  email_verified: z.boolean().optional().catch(false),
  hd: z.string().optional(),
  given_name: z.string().optional().catch(undefined),
  family_name: z.string().optional().catch(undefined),
  picture: z
    .url({ protocol: /^https$/ })
    .max(2_048)
    .optional()
    .catch(undefined),
})
type Claims = z.output<typeof Claims>

/**
 * Verifies a Google ID token (OpenID Connect Core §3.1.3.7) against the issuer, keys and client ids of the configuration,
 * never of the token. Throws `invalid_identity_token`, `upstream_unavailable` or `not_configured`.
 */
export async function verifyGoogleToken(
  config: Config,
  token: string,
  nonce: string | undefined,
): Promise<VerifiedIdentity> {
  if (config.GOOGLE_CLIENT_ID.length === 0)
    throw new Problem('not_configured', 'Sign-in with Google is not configured.')
  const issuer = config.GOOGLE_ENDPOINTS.issuer ?? googleIssuer
  const claims = checkClaims(config, token, await verifySignature(config, token, issuer))
  await checkNonce(claims.nonce, nonce)
  return {
    provider: 'google',
    issuer,
    subject: claims.sub,
    email: claims.email ?? null,
    isEmailVerified: isVouchedFor(claims),
    firstName: claims.given_name ?? null,
    lastName: claims.family_name ?? null,
    avatarUrl: claims.picture ?? null,
  }
}

async function verifySignature(config: Config, token: string, issuer: string): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, publishedKeys(config.GOOGLE_ENDPOINTS.jwks ?? googleKeys), {
      algorithms: ['RS256'],
      // Google spells its issuer both ways.
      issuer: issuer === googleIssuer ? [googleIssuer, 'accounts.google.com'] : issuer,
      audience: config.GOOGLE_CLIENT_ID,
      requiredClaims: ['sub', 'exp', 'iat'],
      maxTokenAge: 3_600,
      clockTolerance: leewaySeconds,
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refuseToken('signature', error)
    if (error instanceof Problem) throw error
    throw refuseToken('shape', error)
  }
}

function checkClaims(config: Config, token: string, payload: JWTPayload): Claims {
  // jose keeps the last of two equal claims; which one the issuer meant is anybody's guess.
  const claims = Claims.safeParse(hasStrictPayload(token) ? payload : undefined)
  if (!claims.success) throw refuseToken('claims')
  const { aud, azp, iat, exp } = claims.data
  const isOurs = (party: string) => config.GOOGLE_CLIENT_ID.includes(party)
  const audiences = typeof aud === 'string' ? [aud] : aud
  if (azp === undefined ? !audiences.every(isOurs) : !isOurs(azp)) throw refuseToken('audience')
  if (exp - iat > longestLifeSeconds || exp - Date.now() / 1_000 > longestLifeSeconds) throw refuseToken('age')
  return claims.data
}

function hasStrictPayload(token: string): boolean {
  const segment = token.split('.')[1] ?? ''
  try {
    parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(base64url.decode(segment)))
    return true
  } catch {
    return false
  }
}

/** Presence on one side only is a mismatch. Native SDKs put the nonce or its SHA-256 in hex into the token. */
async function checkNonce(inToken: string | undefined, presented: string | undefined): Promise<void> {
  if (inToken === undefined && presented === undefined) return
  if (inToken === undefined || presented === undefined) throw refuseToken('nonce')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(presented))
  if (inToken !== presented && inToken !== new Uint8Array(digest).toHex()) throw refuseToken('nonce')
}

/** Google vouches for an address only where it runs the mailbox: gmail.com, or a Workspace domain (`hd`). */
function isVouchedFor({ email, email_verified: isVerified, hd }: Claims): boolean {
  return isVerified === true && email !== undefined && (hd !== undefined || email.toLowerCase().endsWith('@gmail.com'))
}
