import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { appleClaims, appleSubject } from '#scripts/upstream/identity/apple/claims.ts'
import { checkClientSecret } from '#scripts/upstream/identity/apple/client-secret.ts'
import type { AppleState } from '#scripts/upstream/identity/apple/state.ts'
import { halfHash, type CodeRefusal, type Grant } from '#scripts/upstream/identity/grants.ts'
import { Failure, formBody, json, type Ask, type Reply } from '#scripts/upstream/part.ts'

const Client = z.object({ client_id: z.string(), client_secret: z.string() })
const GrantType = z.object({ grant_type: z.string() })
const CodeRequest = z.object({ code: z.string(), redirect_uri: z.string().default('') })
const RefreshRequest = z.object({ refresh_token: z.string() })
const RevokeRequest = z.object({
  token: z.string(),
  token_type_hint: z.enum(['access_token', 'refresh_token']).optional(),
})

const noStore = { 'cache-control': 'no-store' }

/** `POST /auth/token`: the grants `authorization_code` and `refresh_token`. */
export async function answerToken(ask: Ask, state: AppleState): Promise<Reply> {
  const clientId = await authenticatedClient(ask, state)
  const { grant_type: grantType } = formBody(ask, GrantType)
  switch (grantType) {
    case 'authorization_code': {
      const grant = redeemCode(ask, state, clientId)
      const refreshToken = state.tokens.issue('refresh', `r${opaque()}.0.local`, grant)
      return json(
        { ...(await freshTokens(state, grant, grant.nonce)), refresh_token: refreshToken },
        { headers: noStore },
      )
    }
    case 'refresh_token': {
      const grant = state.tokens.find('refresh', formBody(ask, RefreshRequest).refresh_token)
      if (grant?.clientId !== clientId) throw invalidGrant('The refresh token is expired, revoked or another client’s.')
      return json(await freshTokens(state, grant, undefined), { headers: noStore })
    }
    default: {
      throw new Failure(400, 'unsupported_grant_type', `There is no grant ${grantType}.`)
    }
  }
}

/** `POST /auth/revoke`: 200 with nothing in it for the client's own token and for one that is dead or unknown. */
export async function answerRevocation(ask: Ask, state: AppleState): Promise<Reply> {
  const clientId = await authenticatedClient(ask, state)
  const { token } = formBody(ask, RevokeRequest)
  const grant = state.tokens.find('refresh', token) ?? state.tokens.find('access', token)
  if (grant !== undefined && grant.clientId !== clientId) throw invalidGrant('The token is another client’s.')
  if (state.tokens.revoke(token) !== undefined && grant !== undefined) {
    state.firstAuthorizations.forget(grant)
    state.revocations.record({
      provider: 'apple',
      client: clientId,
      person: grant.person,
      subject: appleSubject(grant.person),
    })
  }
  return { body: '' }
}

async function authenticatedClient(ask: Ask, { issuer }: AppleState): Promise<string> {
  const { client_id: clientId, client_secret: clientSecret } = formBody(ask, Client)
  await checkClientSecret(issuer, clientId, clientSecret)
  return clientId
}

function redeemCode(ask: Ask, { codes }: AppleState, clientId: string): Grant {
  const { code, redirect_uri: redirectUri } = formBody(ask, CodeRequest)
  const grant = codes.redeem({ code, clientId, redirectUri })
  if (typeof grant === 'string') throw invalidGrant(reasons[grant])
  return grant
}

// PKCE is nothing that Apple knows, so that no code has a challenge to fail.
const reasons: Record<CodeRefusal, string> = {
  unknown: 'The code is not known.',
  used: 'The code has already been used.',
  expired: 'The code has expired.',
  client: 'The code was not issued to this client.',
  redirect: 'The redirect_uri is not the one that the code was sent to.',
  verifier: 'The verifier does not match.',
}

/** A refreshed token has no nonce (OpenID Connect Core §12.2). */
async function freshTokens({ issuer, keyring, tokens }: AppleState, grant: Grant, nonce: string | undefined) {
  const accessToken = tokens.issue('access', `a${opaque()}.0.local`, grant)
  const claims = appleClaims(issuer, { ...grant, nonce, audience: grant.clientId })
  const idToken = await keyring.sign(JSON.stringify({ ...claims, at_hash: halfHash(accessToken) }), { typ: null })
  return { access_token: accessToken, token_type: 'Bearer', expires_in: 3600, id_token: idToken }
}

function opaque(): string {
  return randomBytes(16).toString('hex')
}

function invalidGrant(message: string): Failure {
  return new Failure(400, 'invalid_grant', message)
}
