import { digest, type Person } from '#scripts/upstream/identity/people.ts'

const lifetimeSeconds = 3_600

/** A person's subject at Google: 21 digits, always the same for one label. */
export function googleSubject({ label }: Person): string {
  return `1${BigInt(`0x${digest(label)}`)
    .toString()
    .slice(0, 20)
    .padStart(20, '0')}`
}

/**
 * The claims of a Google ID token (developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload),
 * as far as the scope goes.
 */
export function googleClaims(person: Person, issuer: string, audience: string, scope: readonly string[]) {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer,
    azp: audience,
    aud: audience,
    sub: googleSubject(person),
    ...(person.hostedDomain === undefined ? {} : { hd: person.hostedDomain }),
    ...(scope.includes('email') ? emailClaims(person) : {}),
    ...(scope.includes('profile') ? profileClaims(person) : {}),
    iat: now,
    exp: now + lifetimeSeconds,
  }
}

function emailClaims({ email, isEmailVerified }: Person) {
  return email === undefined ? {} : { email, email_verified: isEmailVerified }
}

function profileClaims(person: Person) {
  const { givenName, familyName, locale } = person
  return {
    name: `${givenName} ${familyName}`,
    picture: `https://lh3.googleusercontent.com/a/${googleSubject(person)}=s96-c`,
    given_name: givenName,
    family_name: familyName,
    locale,
  }
}
