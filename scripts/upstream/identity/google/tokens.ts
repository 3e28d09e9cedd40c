import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { googleClaims, googleSubject } from '#scripts/upstream/identity/google/claims.ts'
import type { GoogleState } from '#scripts/upstream/identity/google/state.ts'
import { halfHash, type CodeGrant, type CodeRefusal, type Grant } from '#scripts/upstream/identity/grants.ts'
import { googleClient } from '#scripts/upstream/identity/local-clients.ts'
import { Failure, formBody, json, queryParameters, type Ask, type Reply } from '#scripts/upstream/part.ts'

const TokenRequest = z.object({
  grant_type: z.string(),
  code: z.string(),
  // Google takes the code that a native SDK was handed with an empty one.
  redirect_uri: z.string().default(''),
  code_verifier: z.string().optional(),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
})
const RevokeRequest = z.object({ token: z.string() })

const accessTokenSeconds = 3_599

/** `/token`: the grant `authorization_code`, from a client that proves its secret either way (RFC 6749 §2.3.1). */
export async function answerToken(ask: Ask, state: GoogleState): Promise<Reply> {
  const request = formBody(ask, TokenRequest)
  authenticate(ask, request)
  if (request.grant_type !== 'authorization_code') {
    throw new Failure(400, 'unsupported_grant_type', `There is no grant ${request.grant_type}.`)
  }
  const { code, redirect_uri: redirectUri, code_verifier: codeVerifier } = request
  const grant = state.codes.redeem({ code, clientId: googleClient.id, redirectUri, codeVerifier })
  if (typeof grant === 'string') throw refusals[grant]()
  return json(await tokensFor(grant, state), { headers: { 'cache-control': 'no-store' } })
}

function authenticate(ask: Ask, request: z.output<typeof TokenRequest>): void {
  const basic = basicCredentials(ask)
  if (basic !== undefined && request.client_secret !== undefined) {
    throw new Failure(400, 'invalid_request', 'The client proves itself in two ways.')
  }
  const { id, secret } = basic ?? { id: request.client_id, secret: request.client_secret }
  if (id !== googleClient.id) throw new Failure(401, 'invalid_client', 'The OAuth client was not found.')
  if (secret !== googleClient.secret) throw new Failure(401, 'invalid_client', 'The client secret is wrong.')
}

function basicCredentials({ headers }: Ask): { id: string; secret: string } | undefined {
  const encoded = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  return { id: formDecoded(id), secret: formDecoded(secret) }
}

function formDecoded(text: string): string {
  return new URLSearchParams(`value=${text}`).get('value') ?? ''
}

const refusals: Record<CodeRefusal, () => Failure> = {
  unknown: () => new Failure(400, 'invalid_grant', 'Malformed auth code.'),
  used: () => new Failure(400, 'invalid_grant', 'The code has already been used.'),
  expired: () => new Failure(400, 'invalid_grant', 'The code has expired.'),
  client: () => new Failure(400, 'invalid_grant', 'The code was issued to another client.'),
  redirect: () => new Failure(400, 'redirect_uri_mismatch', 'The redirect_uri is not the one that the code went to.'),
  verifier: () => new Failure(400, 'invalid_grant', 'The code_verifier does not answer the code_challenge.'),
}

async function tokensFor(grant: CodeGrant, state: GoogleState) {
  const accessToken = state.tokens.issue('access', `ya29.${randomBytes(48).toString('base64url')}`, grant)
  return {
    access_token: accessToken,
    expires_in: accessTokenSeconds,
    ...(grant.isOffline ? { refresh_token: newRefreshToken(grant, state) } : {}),
    scope: grant.scope.join(' '),
    token_type: 'Bearer',
    ...(grant.scope.includes('openid') ? { id_token: await idTokenFor(grant, accessToken, state) } : {}),
  }
}

function newRefreshToken(grant: Grant, { tokens }: GoogleState): string {
  return tokens.issue('refresh', `1//0${randomBytes(48).toString('base64url')}`, grant)
}

async function idTokenFor({ person, clientId, scope, nonce }: Grant, accessToken: string, state: GoogleState) {
  const claims = {
    ...googleClaims(person, state.issuer, clientId, scope),
    at_hash: halfHash(accessToken),
    ...(nonce === undefined ? {} : { nonce }),
  }
  return await state.keyring.sign(JSON.stringify(claims))
}

/**
 * `/revoke`: ends the grant of an access or refresh token, which comes as a form or in the query
 * (developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke).
 */
export function answerRevocation(ask: Ask, { tokens, revocations }: GoogleState): Reply {
  const { token } = ask.text === '' ? queryParameters(ask, RevokeRequest) : formBody(ask, RevokeRequest)
  const grant = tokens.revoke(token)
  if (grant === undefined) throw new Failure(400, 'invalid_token', 'The token is unknown, expired or revoked.')
  const { person, clientId } = grant
  revocations.record({ provider: 'google', client: clientId, person, subject: googleSubject(person) })
  return json({})
}
