import * as z from 'zod'
import { answerAuthorization } from '#scripts/upstream/identity/apple/authorize.ts'
import { appleClaims, nativeClaims } from '#scripts/upstream/identity/apple/claims.ts'
import { NotificationWish, signNotification } from '#scripts/upstream/identity/apple/notification.ts'
import { createAppleState, newCode, type AppleState } from '#scripts/upstream/identity/apple/state.ts'
import { answerRevocation, answerToken } from '#scripts/upstream/identity/apple/tokens.ts'
import { withErrorPage } from '#scripts/upstream/identity/authorization.ts'
import { IdTokenWish, signAsWished } from '#scripts/upstream/identity/id-token-wish.ts'
import { appleTeam } from '#scripts/upstream/identity/local-clients.ts'
import { oauthFailure } from '#scripts/upstream/identity/oauth-failure.ts'
import { knownPerson } from '#scripts/upstream/identity/people.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import { RotateRequest, type Keyring } from '#scripts/upstream/identity/signing-key.ts'
import { json, jsonBody, type Ask, type Part } from '#scripts/upstream/part.ts'

const AppleTokenWish = IdTokenWish.extend({
  audience: z.string().default(appleTeam.bundleIds[0] ?? ''),
  redirect_uri: z.string().default(''),
})

/**
 * Sign in with Apple. For tests only: `POST /apple/id-token` answers what an SDK hands to an app, a signed identity token
 * (bent as `IdTokenWish` says) with an authorization code for the same client, and `POST /apple/notification` the body
 * that Apple would send to the team's server.
 */
export function applePart(origin: string, keyring: Keyring, revocations: Revocations): Part {
  const issuer = `${origin}/apple`
  const state = createAppleState(issuer, keyring, revocations)
  return {
    summary: 'Apple: signs identity tokens, takes codes and client secrets',
    prefixes: ['/apple'],
    routes: {
      'GET /apple/.well-known/openid-configuration': () => json(discovery(issuer)),
      'GET /apple/jwks': () => json(keyring.published()),
      'GET /apple/authorize': withErrorPage('Apple', (ask) => answerAuthorization(ask, state)),
      'POST /apple/token': async (ask) => await answerToken(ask, state),
      'POST /apple/revoke': async (ask) => await answerRevocation(ask, state),
      'POST /apple/id-token': async (ask) => json(await handOver(ask, state)),
      'POST /apple/notification': async (ask) =>
        json({ payload: await signNotification(issuer, keyring, jsonBody(ask, NotificationWish)) }),
      'POST /apple/rotate-key': async (ask) => json({ kid: await keyring.rotate(jsonBody(ask, RotateRequest)) }),
    },
    describeFailure: oauthFailure,
  }
}

async function handOver(ask: Ask, { issuer, keyring, codes }: AppleState) {
  const wish = jsonBody(ask, AppleTokenWish)
  const { audience, nonce, redirect_uri: redirectUri } = wish
  const person = knownPerson(wish.person)
  const scope = ['name', 'email']
  const code = codes.issue(newCode(), {
    person,
    clientId: audience,
    scope,
    nonce,
    redirectUri,
    codeChallenge: undefined,
    isOffline: true,
  })
  const usual = { ...appleClaims(issuer, { person, audience, scope, nonce }), ...nativeClaims(code) }
  const idToken = await signAsWished(keyring, usual, { ...wish, header: { typ: null, ...wish.header } })
  return { id_token: idToken, authorization_code: code, person: person.label }
}

/** OpenID Connect Discovery §3. */
function discovery(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'name'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }
}
