import * as z from 'zod'
import {
  AuthorizationRequest,
  checkAuthorization,
  grantOf,
  letChoose,
  redirectTo,
} from '#scripts/upstream/identity/authorization.ts'
import { newCode, type GoogleState } from '#scripts/upstream/identity/google/state.ts'
import { googleClient } from '#scripts/upstream/identity/local-clients.ts'
import { queryParameters, type Ask, type Reply } from '#scripts/upstream/part.ts'

const GoogleRequest = AuthorizationRequest.extend({
  scope: z.string(),
  access_type: z.enum(['online', 'offline']).default('online'),
})

const rules = {
  clientId: googleClient.id,
  callback: '/auth/google/callback',
  scopes: ['openid', 'email', 'profile'],
} as const

/** `/o/oauth2/v2/auth` (developers.google.com/identity/openid-connect/openid-connect#authenticationuriparameters). */
export function answerAuthorization(ask: Ask, { issuer, codes }: GoogleState): Reply {
  const request = queryParameters(ask, GoogleRequest)
  checkAuthorization(request, rules)
  const { redirect_uri: redirectUri, state, scope } = request
  return letChoose(ask, {
    provider: 'Google',
    client: request.client_id,
    onCancel: () => redirectTo(redirectUri, { error: 'access_denied', state, iss: issuer }),
    onUnknown: () => redirectTo(redirectUri, { error: 'login_required', state, iss: issuer }),
    onChoice(person) {
      const grant = { ...grantOf(request, person), isOffline: request.access_type === 'offline' }
      const code = codes.issue(newCode(), grant)
      const { hostedDomain: hd } = person
      return redirectTo(redirectUri, { state, iss: issuer, code, scope, authuser: '0', hd, prompt: 'consent' })
    },
  })
}
