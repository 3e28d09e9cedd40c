import * as z from 'zod'
import { withErrorPage } from '#scripts/upstream/identity/authorization.ts'
import { answerAuthorization } from '#scripts/upstream/identity/google/authorize.ts'
import { googleClaims } from '#scripts/upstream/identity/google/claims.ts'
import { createGoogleState, newCode, type GoogleState } from '#scripts/upstream/identity/google/state.ts'
import { answerRevocation, answerToken } from '#scripts/upstream/identity/google/tokens.ts'
import { IdTokenWish, signAsWished } from '#scripts/upstream/identity/id-token-wish.ts'
import { googleClient } from '#scripts/upstream/identity/local-clients.ts'
import { oauthFailure } from '#scripts/upstream/identity/oauth-failure.ts'
import { knownPerson, people } from '#scripts/upstream/identity/people.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import { RotateRequest, type Keyring } from '#scripts/upstream/identity/signing-key.ts'
import { json, jsonBody, type Ask, type Part } from '#scripts/upstream/part.ts'

const scope = ['openid', 'email', 'profile']

const ServerCodeWish = z.strictObject({ person: z.string().min(1).max(200), nonce: z.string().optional() })

/**
 * Google as an OpenID provider. For tests only: `POST /google/id-token` signs an ID token as a native SDK would get
 * it, bent as `IdTokenWish` says, and names the person it is for; `POST /google/server-auth-code` hands out the code
 * that such an SDK gets for its server; `POST /google/rotate-key` makes a new key.
 */
export function googlePart(origin: string, keyring: Keyring, revocations: Revocations): Part {
  const issuer = `${origin}/google`
  const state = createGoogleState(issuer, keyring, revocations)
  return {
    summary: 'Google: an OpenID provider',
    prefixes: ['/google'],
    routes: {
      'GET /google/.well-known/openid-configuration': () => json(discovery(issuer)),
      'GET /google/jwks': () => json(keyring.published(), { headers: { 'cache-control': 'public, max-age=3600' } }),
      'GET /google/authorize': withErrorPage('Google', (ask) => answerAuthorization(ask, state)),
      'POST /google/token': async (ask) => await answerToken(ask, state),
      'POST /google/revoke': (ask) => answerRevocation(ask, state),
      'GET /google/people': () => json({ people }),
      'POST /google/id-token': async (ask) => json(await issueIdToken(ask, issuer, keyring)),
      'POST /google/server-auth-code': (ask) => json(handOutCode(ask, state)),
      'POST /google/rotate-key': async (ask) => json({ kid: await keyring.rotate(jsonBody(ask, RotateRequest)) }),
    },
    describeFailure: oauthFailure,
  }
}

async function issueIdToken(ask: Ask, issuer: string, keyring: Keyring) {
  const wish = jsonBody(ask, IdTokenWish)
  const { audience, nonce } = wish
  const person = knownPerson(wish.person)
  const claims = googleClaims(person, issuer, audience, scope)
  const usual = { ...claims, ...(nonce === undefined ? {} : { nonce }) }
  return { id_token: await signAsWished(keyring, usual, wish), person: person.label }
}

function handOutCode(ask: Ask, { codes }: GoogleState) {
  const { person: label, nonce } = jsonBody(ask, ServerCodeWish)
  const person = knownPerson(label)
  const sent = { clientId: googleClient.id, redirectUri: '', codeChallenge: undefined }
  return { code: codes.issue(newCode(), { ...sent, person, scope, nonce, isOffline: true }), person: person.label }
}

/** OpenID Connect Discovery §3, RFC 8414 §2 and RFC 9207 §3. */
function discovery(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: scope,
    claims_supported: [
      'at_hash',
      'aud',
      'email',
      'email_verified',
      'exp',
      'family_name',
      'given_name',
      'iat',
      'iss',
      'name',
      'nonce',
      'picture',
      'sub',
    ],
  }
}
