import { randomBytes } from 'node:crypto'
import {
  AuthorizationRequest,
  checkAuthorization,
  grantOf,
  letChoose,
  redirectTo,
} from '#scripts/upstream/identity/authorization.ts'
import type { Codes } from '#scripts/upstream/identity/grants.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { queryParameters, type Ask, type Reply } from '#scripts/upstream/part.ts'

const DialogRequest = AuthorizationRequest.extend({
  response_type: AuthorizationRequest.shape.response_type.default('code'),
})

const rules = {
  clientId: facebookApp.id,
  callback: '/auth/facebook/callback',
  scopes: ['openid', 'email', 'public_profile'],
} as const

// What Facebook adds to every address that it sends a browser back to.
const fragment = '#_=_'

const denial = {
  error: 'access_denied',
  error_code: '200',
  error_description: 'Permissions error',
  error_reason: 'user_denied',
}

/** `/{version}/dialog/oauth` (developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow). */
export function answerDialog(ask: Ask, codes: Codes): Reply {
  const request = queryParameters(ask, DialogRequest)
  checkAuthorization(request, rules)
  const { redirect_uri: redirectUri, state } = request
  return letChoose(ask, {
    provider: 'Facebook',
    client: facebookApp.name,
    onCancel: () => redirectTo(redirectUri, { ...denial, state }, fragment),
    onChoice(person) {
      const grant = grantOf(request, person)
      const scope = [...new Set(['public_profile', ...grant.scope])]
      const code = codes.issue(`AQ${randomBytes(48).toString('base64url')}`, { ...grant, scope })
      return redirectTo(redirectUri, { code, state }, fragment)
    },
  })
}
