import * as z from 'zod'
import { accessTokenLifetimeSeconds, type AccessTokens } from '#scripts/upstream/identity/facebook/access-tokens.ts'
import { GraphFailure } from '#scripts/upstream/identity/facebook/graph-failure.ts'
import type { CodeRefusal, Codes } from '#scripts/upstream/identity/grants.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { formBody, queryParameters, type Ask } from '#scripts/upstream/part.ts'

const ExchangeRequest = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  redirect_uri: z.string(),
  code: z.string(),
  code_verifier: z.string().optional(),
})

/**
 * `oauth/access_token`, whose parameters come in the query or as a form
 * (developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow).
 */
export function exchangeCode(ask: Ask, method: 'GET' | 'POST', codes: Codes, tokens: AccessTokens) {
  const isForm = method === 'POST' && ask.text !== ''
  const asked = isForm ? formBody(ask, ExchangeRequest) : queryParameters(ask, ExchangeRequest)
  const { client_id: clientId, client_secret: clientSecret, redirect_uri: redirectUri, code } = asked
  if (clientId !== facebookApp.id) throw new GraphFailure(101, 'Error validating application. Invalid application ID.')
  if (clientSecret !== facebookApp.secret) throw new GraphFailure(1, 'Error validating client secret.')
  const grant = codes.redeem({ code, clientId, redirectUri, codeVerifier: asked.code_verifier })
  if (typeof grant === 'string') throw refusals[grant]()
  const accessToken = tokens.issue(grant.person, { scopes: [...grant.scope] })
  return { access_token: accessToken, token_type: 'bearer', expires_in: accessTokenLifetimeSeconds }
}

const refusals: Record<CodeRefusal, () => GraphFailure> = {
  unknown: () => new GraphFailure(100, 'Invalid verification code format.'),
  used: () => new GraphFailure(100, 'This authorization code has been used.', { subcode: 36_009 }),
  expired: () => new GraphFailure(100, 'This authorization code has expired.', { subcode: 36_007 }),
  client: () => new GraphFailure(100, 'The authorization code was issued to another app.'),
  redirect: () =>
    new GraphFailure(100, 'Error validating verification code. The redirect_uri is not the one of the dialog.', {
      subcode: 36_008,
    }),
  verifier: () => new GraphFailure(100, 'The code_verifier does not answer the code_challenge.'),
}
