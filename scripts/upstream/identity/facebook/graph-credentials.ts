import { createHmac } from 'node:crypto'
import { troubleOf, type AccessToken, type AccessTokens } from '#scripts/upstream/identity/facebook/access-tokens.ts'
import { GraphFailure } from '#scripts/upstream/identity/facebook/graph-failure.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import type { Ask, Handler } from '#scripts/upstream/part.ts'

const oldestMajor = 20

/** A call to a version of the Graph API that is still served. Throws GraphFailure for any other. */
export function versioned(handler: Handler): Handler {
  return async (ask) => {
    const version = ask.parameters['version'] ?? ''
    const major = /^v(\d{1,3})\.\d{1,2}$/.exec(version)?.[1]
    if (major === undefined) throw new GraphFailure(2500, `Unknown path components: ${ask.url.pathname}`)
    if (Number(major) < oldestMajor) {
      throw new GraphFailure(2635, `(#2635) You are calling a deprecated version of the API: ${version}.`)
    }
    return await handler(ask)
  }
}

/** Checks that the call carries the app's own token, `{id}|{secret}`, and a proof of it that is right where there is one. */
export function requireAppToken(ask: Ask): void {
  const token = accessTokenOf(ask)
  if (!isAppToken(token)) throw new GraphFailure(190, 'Invalid OAuth access token signature.')
  if (parameterOf(ask, 'appsecret_proof') !== undefined) requireProof(ask, token)
}

export function isAppToken(token: string): boolean {
  return token === `${facebookApp.id}|${facebookApp.secret}`
}

/** The user access token of a call, whose proof must come with it ("Require App Secret" is on for this app). */
export function requireUserToken(ask: Ask, tokens: AccessTokens): AccessToken {
  const token = accessTokenOf(ask)
  const found = tokens.find(token)
  if (found === undefined) throw new GraphFailure(190, 'Invalid OAuth access token - Cannot parse access token')
  const trouble = troubleOf(found)
  if (trouble !== undefined) throw new GraphFailure(trouble.code, trouble.message, { subcode: trouble.subcode })
  requireProof(ask, token)
  return found
}

export function accessTokenOf(ask: Ask): string {
  const inHeader = /^(?:Bearer|OAuth) (.+)$/i.exec(ask.headers.authorization ?? '')?.[1]
  const token = parameterOf(ask, 'access_token') ?? inHeader
  if (token === undefined) throw new GraphFailure(104, 'An access token is required to request this resource.')
  return token
}

/** A parameter of the query, or of the form that is the body. */
function parameterOf({ url, headers, text }: Ask, name: string): string | undefined {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  return url.searchParams.get(name) ?? new URLSearchParams(isForm ? text : '').get(name) ?? undefined
}

/** developers.facebook.com/docs/graph-api/guides/secure-requests: the token's HMAC-SHA256 under the app's secret, in hex. */
function requireProof(ask: Ask, token: string): void {
  const proof = parameterOf(ask, 'appsecret_proof')
  const type = 'GraphMethodException'
  if (proof === undefined) {
    throw new GraphFailure(100, 'API calls from the server require an appsecret_proof argument', { type })
  }
  if (proof !== createHmac('sha256', facebookApp.secret).update(token).digest('hex')) {
    throw new GraphFailure(100, 'Invalid appsecret_proof provided in the API argument', { type })
  }
}
