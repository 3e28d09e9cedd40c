import { randomUUID } from 'node:crypto'
import type * as z from 'zod'
import { facebookUserId, pictureUrl } from '#scripts/upstream/identity/facebook/profile.ts'
import { IdTokenWish, signAsWished } from '#scripts/upstream/identity/id-token-wish.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { knownPerson } from '#scripts/upstream/identity/people.ts'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'

const lifetimeSeconds = 3_600

export const LimitedTokenWish = IdTokenWish.extend({
  audience: IdTokenWish.shape.audience.default(facebookApp.id),
})

/** The OIDC token that iOS gets with tracking denied (developers.facebook.com/docs/facebook-login/limited-login/token). */
export async function signLimitedToken(issuer: string, keyring: Keyring, wish: z.output<typeof LimitedTokenWish>) {
  const person = knownPerson(wish.person)
  const { givenName, familyName, email } = person
  const now = Math.floor(Date.now() / 1000)
  const userId = facebookUserId(person, wish.audience)
  const usual = {
    iss: issuer,
    aud: wish.audience,
    sub: userId,
    iat: now,
    exp: now + lifetimeSeconds,
    jti: randomUUID(),
    ...(wish.nonce === undefined ? {} : { nonce: wish.nonce }),
    ...(email === undefined ? {} : { email }),
    given_name: givenName,
    family_name: familyName,
    name: `${givenName} ${familyName}`,
    picture: pictureUrl(userId),
  }
  return { id_token: await signAsWished(keyring, usual, wish), person: person.label }
}
