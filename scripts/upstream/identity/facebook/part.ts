import * as z from 'zod'
import { withErrorPage } from '#scripts/upstream/identity/authorization.ts'
import { createAccessTokens, type AccessTokens } from '#scripts/upstream/identity/facebook/access-tokens.ts'
import { exchangeCode } from '#scripts/upstream/identity/facebook/code-exchange.ts'
import { answerDialog } from '#scripts/upstream/identity/facebook/dialog.ts'
import { versioned } from '#scripts/upstream/identity/facebook/graph-credentials.ts'
import { graphFailure } from '#scripts/upstream/identity/facebook/graph-failure.ts'
import { debugToken, deletePermissions, readMe } from '#scripts/upstream/identity/facebook/graph.ts'
import { LimitedTokenWish, signLimitedToken } from '#scripts/upstream/identity/facebook/limited-login.ts'
import { facebookUserId } from '#scripts/upstream/identity/facebook/profile.ts'
import { SignedRequestWish, signRequest } from '#scripts/upstream/identity/facebook/signed-request.ts'
import { createCodes } from '#scripts/upstream/identity/grants.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { knownPerson } from '#scripts/upstream/identity/people.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import { RotateRequest, type Keyring } from '#scripts/upstream/identity/signing-key.ts'
import { json, jsonBody, type Ask, type Handler, type Part } from '#scripts/upstream/part.ts'

const codeLifetimeSeconds = 600

const AccessTokenWish = z.strictObject({
  person: z.string().min(1).max(200),
  app_id: z.string().default(facebookApp.id),
  scopes: z.array(z.string()).default(['email', 'public_profile']),
  valid: z.boolean().default(true),
  expires_at: z.number().int().optional(),
  debug_data: z.record(z.string(), z.unknown()).default({}),
  profile: z.record(z.string(), z.unknown()).default({}),
})

/**
 * Facebook: the dialog below `/facebook/dialog`, the Graph API below `/facebook/graph`, and Limited Login. For tests only:
 * `POST /facebook/access-token` hands out a classic token (`debug_data` and `profile` override members of what
 * `debug_token` and `/me` answer of it; null takes one away), `POST /facebook/limited-token` a Limited Login token (bent
 * as `IdTokenWish` says), and `POST /facebook/signed-request` what the deauthorize and data deletion callbacks carry.
 */
export function facebookPart(origin: string, keyring: Keyring, revocations: Revocations): Part {
  const limitedIssuer = `${origin}/facebook/limited`
  const tokens = createAccessTokens()
  const codes = createCodes(codeLifetimeSeconds)
  const graph = (answer: (ask: Ask) => unknown): Handler => versioned((ask) => json(answer(ask)))
  return {
    summary: 'Facebook: Graph API, Limited Login, signed requests',
    prefixes: ['/facebook'],
    routes: {
      'GET /facebook/dialog/{version}/dialog/oauth': withErrorPage(
        'Facebook',
        versioned((ask) => answerDialog(ask, codes)),
      ),
      'GET /facebook/graph/{version}/debug_token': graph((ask) => debugToken(ask, tokens)),
      'GET /facebook/graph/{version}/me': graph((ask) => readMe(ask, tokens)),
      'DELETE /facebook/graph/{version}/{user}/permissions': graph((ask) =>
        deletePermissions(ask, tokens, revocations),
      ),
      'GET /facebook/graph/{version}/oauth/access_token': graph((ask) => exchangeCode(ask, 'GET', codes, tokens)),
      'POST /facebook/graph/{version}/oauth/access_token': graph((ask) => exchangeCode(ask, 'POST', codes, tokens)),
      'GET /facebook/limited/jwks': () => json(keyring.published()),
      'POST /facebook/access-token': (ask) => json(handOut(ask, tokens)),
      'POST /facebook/limited-token': async (ask) =>
        json(await signLimitedToken(limitedIssuer, keyring, jsonBody(ask, LimitedTokenWish))),
      'POST /facebook/signed-request': (ask) => json({ signed_request: signRequest(jsonBody(ask, SignedRequestWish)) }),
      'POST /facebook/rotate-key': async (ask) => json({ kid: await keyring.rotate(jsonBody(ask, RotateRequest)) }),
    },
    describeFailure: graphFailure,
  }
}

function handOut(ask: Ask, tokens: AccessTokens) {
  const wish = jsonBody(ask, AccessTokenWish)
  const person = knownPerson(wish.person)
  const accessToken = tokens.issue(person, {
    appId: wish.app_id,
    scopes: wish.scopes,
    isValid: wish.valid,
    ...(wish.expires_at === undefined ? {} : { expiresAt: wish.expires_at }),
    debugData: wish.debug_data,
    profile: wish.profile,
  })
  return { access_token: accessToken, user_id: facebookUserId(person, wish.app_id), person: person.label }
}
