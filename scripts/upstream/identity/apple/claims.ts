import { halfHash } from '#scripts/upstream/identity/grants.ts'
import { digest, type Person } from '#scripts/upstream/identity/people.ts'

const lifetimeSeconds = 86_400

/** A person's subject at Apple: the same for all apps of the team. */
export function appleSubject({ label }: Person): string {
  const hex = digest(`apple:${label}`)
  return `00${digitsOf(hex.slice(0, 8))}.${hex.slice(8, 40)}.${digitsOf(hex.slice(40, 48))}`
}

function digitsOf(hex: string): string {
  return String(Number.parseInt(hex, 16) % 10_000).padStart(4, '0')
}

/** The address that Apple gives the team's apps: the true one, or a relay for a person who hides it. */
export function appleEmail({ label, email, hidesEmail }: Person): string | undefined {
  return email !== undefined && hidesEmail ? `${digest(`relay:${label}`).slice(0, 10)}@privaterelay.appleid.com` : email
}

/** What Apple says of an address. It writes these booleans as strings. */
function appleEmailClaims(person: Person) {
  const email = appleEmail(person)
  if (email === undefined) return {}
  return { email, email_verified: 'true', ...(person.hidesEmail ? { is_private_email: 'true' } : {}) }
}

export interface AppleTokenSubject {
  readonly person: Person
  readonly audience: string
  readonly scope: readonly string[]
  readonly nonce?: string | undefined
}

/** The claims of Apple's identity token (developer.apple.com/documentation/signinwithapple, "Authenticating users"). */
export function appleClaims(issuer: string, { person, audience, scope, nonce }: AppleTokenSubject) {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    aud: audience,
    exp: now + lifetimeSeconds,
    iat: now,
    sub: appleSubject(person),
    ...(nonce === undefined ? {} : { nonce }),
    ...(scope.includes('email') ? appleEmailClaims(person) : {}),
    auth_time: now,
    nonce_supported: true,
  }
}

/** What only the token that iOS hands to an app carries: the code's hash, and that the person is likely real (2). */
export function nativeClaims(authorizationCode: string) {
  return { c_hash: halfHash(authorizationCode), real_user_status: 2 }
}
