import { googleClaims } from '#scripts/upstream/identity/google/claims.ts'
import { IdTokenWish, signAsWished } from '#scripts/upstream/identity/id-token-wish.ts'
import { oauthFailure } from '#scripts/upstream/identity/oauth-failure.ts'
import { knownPerson, people } from '#scripts/upstream/identity/people.ts'
import { RotateRequest, type Keyring } from '#scripts/upstream/identity/signing-key.ts'
import { json, jsonBody, type Ask, type Part } from '#scripts/upstream/part.ts'

/**
 * Google as an OpenID provider. For tests only: `POST /google/id-token` signs an ID token as a native SDK would get
 * it, bent as `IdTokenWish` says; the answer names the person it is for. `POST /google/rotate-key` makes a new key.
 */
export function googlePart(origin: string, keyring: Keyring): Part {
  const issuer = `${origin}/google`
  return {
    summary: 'Google: signs real ID tokens',
    prefixes: ['/google'],
    routes: {
      'GET /google/.well-known/openid-configuration': () => json(discovery(issuer)),
      'GET /google/jwks': () => json(keyring.published(), { headers: { 'cache-control': 'public, max-age=3600' } }),
      'GET /google/people': () => json({ people }),
      'POST /google/id-token': async (ask) => json(await issueIdToken(ask, issuer, keyring)),
      'POST /google/rotate-key': async (ask) => json({ kid: await keyring.rotate(jsonBody(ask, RotateRequest)) }),
    },
    describeFailure: oauthFailure,
  }
}

async function issueIdToken(ask: Ask, issuer: string, keyring: Keyring) {
  const wish = jsonBody(ask, IdTokenWish)
  const { audience, nonce } = wish
  const person = knownPerson(wish.person)
  const claims = googleClaims(person, issuer, audience, ['openid', 'email', 'profile'])
  const usual = { ...claims, ...(nonce === undefined ? {} : { nonce }) }
  return { id_token: await signAsWished(keyring, usual, wish), person: person.label }
}

function discovery(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    claims_supported: [
      'aud',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'sub',
    ],
  }
}
