import { env } from 'cloudflare:workers'
import { sealedIdentityOf } from '#src/auth/ticket.ts'
import { issueSingleUse } from '#src/auth/single-use.ts'
import { configOf } from '#src/config.ts'
import { googleClaims } from '#scripts/upstream/identity/google/claims.ts'
import { googleClient } from '#scripts/upstream/identity/local-clients.ts'
import { knownPerson } from '#scripts/upstream/identity/people.ts'

/**
 * The registration ticket that a sign-in with Google hands to somebody new, without the sign-in, which is half of what an
 * account costs: most tests are of what comes after.
 */
export async function ownTicket(label: string): Promise<string> {
  const config = configOf(env)
  const person = knownPerson(label)
  const { issuer } = config.GOOGLE_ENDPOINTS
  if (issuer === undefined) throw new Error('GOOGLE_ENDPOINTS names no issuer')
  const claims = googleClaims(person, issuer, googleClient.id, ['email', 'profile'])
  const identity = {
    provider: 'google',
    issuer,
    subject: claims.sub,
    clientId: claims.aud,
    email: person.email ?? null,
    isEmailVerified: person.isEmailVerified,
    isPrivateEmail: false,
    firstName: person.givenName,
    lastName: person.familyName,
    avatarUrl: claims.picture ?? null,
  } as const
  const sealed = sealedIdentityOf({ identity, grant: undefined })
  return (await issueSingleUse(config, 'registration', sealed, 600)).token
}
