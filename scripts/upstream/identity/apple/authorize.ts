import * as z from 'zod'
import { appleEmail } from '#scripts/upstream/identity/apple/claims.ts'
import { newCode, type AppleState } from '#scripts/upstream/identity/apple/state.ts'
import {
  AuthorizationRequest,
  checkAuthorization,
  grantOf,
  letChoose,
  redirectTo,
  scopeOf,
} from '#scripts/upstream/identity/authorization.ts'
import { appleTeam } from '#scripts/upstream/identity/local-clients.ts'
import { formPostPage } from '#scripts/upstream/identity/pages.ts'
import type { Person } from '#scripts/upstream/identity/people.ts'
import { Failure, queryParameters, type Ask, type Reply } from '#scripts/upstream/part.ts'

// Apple knows no PKCE: it lets the parameters pass and checks no verifier.
const AppleRequest = AuthorizationRequest.omit({ code_challenge: true, code_challenge_method: true }).extend({
  response_mode: z.enum(['query', 'form_post']).default('query'),
})
type AppleRequest = z.output<typeof AppleRequest>

const rules = {
  clientId: appleTeam.servicesId,
  callback: '/auth/apple/callback',
  scopes: ['openid', 'name', 'email'],
} as const

/** `/auth/authorize` (developer.apple.com/documentation/signinwithapplerestapi, "Request an authorization"). */
export function answerAuthorization(ask: Ask, state: AppleState): Reply {
  const request = queryParameters(ask, AppleRequest)
  checkAuthorization(request, rules)
  if (scopeOf(request).some((one) => one !== 'openid') && request.response_mode !== 'form_post') {
    throw new Failure(400, 'invalid_request', 'response_mode must be form_post when name or email scope is requested.')
  }
  return letChoose(ask, {
    provider: 'Apple',
    client: request.client_id,
    onCancel: () => sendBack(request, { error: 'user_cancelled_authorize' }),
    onChoice(person) {
      const code = state.codes.issue(newCode(), grantOf(request, person))
      return sendBack(request, { code, ...firstTimeUser(request, person, state) })
    },
  })
}

function sendBack({ redirect_uri: uri, state, response_mode: mode }: AppleRequest, fields: Record<string, string>) {
  const all = { ...fields, ...(state === undefined ? {} : { state }) }
  return mode === 'form_post' ? formPostPage(uri, all) : redirectTo(uri, all)
}

/** The member `user`, which comes unsigned and at a person's first authorization of the client only. */
function firstTimeUser(request: AppleRequest, person: Person, { firstAuthorizations }: AppleState) {
  const scope = scopeOf(request)
  if (!firstAuthorizations.claim({ person, clientId: request.client_id }) || scope.length === 0) return {}
  const { givenName: firstName, familyName: lastName } = person
  const user = {
    ...(scope.includes('name') ? { name: { firstName, lastName } } : {}),
    ...(scope.includes('email') ? { email: appleEmail(person) } : {}),
  }
  return { user: JSON.stringify(user) }
}
