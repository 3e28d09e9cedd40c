import { troubleOf, type AccessToken, type AccessTokens } from '#scripts/upstream/identity/facebook/access-tokens.ts'
import {
  accessTokenOf,
  isAppToken,
  requireAppToken,
  requireUserToken,
} from '#scripts/upstream/identity/facebook/graph-credentials.ts'
import { GraphFailure } from '#scripts/upstream/identity/facebook/graph-failure.ts'
import { pictureUrl } from '#scripts/upstream/identity/facebook/profile.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import type { Ask } from '#scripts/upstream/part.ts'

const dataAccessSeconds = 7_776_000

/**
 * What a token is (developers.facebook.com/docs/graph-api/reference/debug_token). A dead one is told in `data`; one of
 * another app is an error of its own, as both tokens must be of one app.
 */
export function debugToken(ask: Ask, tokens: AccessTokens) {
  requireAppToken(ask)
  const inputToken = ask.url.searchParams.get('input_token')
  if (inputToken === null) throw new GraphFailure(100, '(#100) The parameter input_token is required')
  const token = tokens.find(inputToken)
  if (token === undefined) {
    const error = { code: 190, message: 'Invalid OAuth access token - Cannot parse access token' }
    return { data: { error, is_valid: false, scopes: [] } }
  }
  if (token.appId !== facebookApp.id) {
    throw new GraphFailure(100, '(#100) The App_id in the input_token did not match the Viewing App')
  }
  return { data: bent(dataOf(token), token.debugData) }
}

function dataOf(token: AccessToken) {
  const trouble = troubleOf(token)
  return {
    app_id: token.appId,
    type: 'USER',
    application: facebookApp.name,
    data_access_expires_at: token.issuedAt + dataAccessSeconds,
    ...(trouble === undefined ? {} : { error: trouble }),
    expires_at: token.expiresAt,
    is_valid: trouble === undefined,
    issued_at: token.issuedAt,
    scopes: token.scopes,
    user_id: token.userId,
  }
}

/** The fields asked for of the person whose token it is: an address only where there is one and it was allowed. */
export function readMe(ask: Ask, tokens: AccessTokens) {
  const token = requireUserToken(ask, tokens)
  const profile = bent(profileOf(token), token.profile)
  const fields = fieldsOf(ask.url.searchParams.get('fields') ?? 'name')
  const unknown = fields.find((field) => !profileFields.has(field))
  if (unknown !== undefined) throw new GraphFailure(100, `(#100) Tried accessing nonexisting field (${unknown})`)
  return Object.fromEntries(Object.entries(profile).filter(([name]) => name === 'id' || fields.includes(name)))
}

const profileFields = new Set(['id', 'first_name', 'last_name', 'name', 'email', 'picture'])

/** The names of `a,b.type(large),c{d,e}`. */
function fieldsOf(fields: string): string[] {
  return fields.replaceAll(/\{[^}]*\}|\.\w+\([^)]*\)/g, '').split(',')
}

function profileOf({ person, userId, scopes }: AccessToken) {
  const { givenName, familyName, email } = person
  return {
    id: userId,
    first_name: givenName,
    last_name: familyName,
    name: `${givenName} ${familyName}`,
    ...(email === undefined || !scopes.includes('email') ? {} : { email }),
    picture: { data: { height: 50, is_silhouette: false, url: pictureUrl(userId), width: 50 } },
  }
}

/** Takes all permissions from the app: with the person's own token, or by their id with the app's. */
export function deletePermissions(ask: Ask, tokens: AccessTokens, revocations: Revocations) {
  const userId = permittedUser(ask, tokens)
  const person = tokens.revoke(facebookApp.id, userId)
  if (person === undefined) {
    const message = `Unsupported delete request. Object with ID '${userId}' does not exist or cannot be loaded.`
    throw new GraphFailure(100, message, { subcode: 33, type: 'GraphMethodException' })
  }
  revocations.record({ provider: 'facebook', client: facebookApp.id, person, subject: userId })
  return { success: true }
}

function permittedUser(ask: Ask, tokens: AccessTokens): string {
  const named = ask.parameters['user'] ?? ''
  if (isAppToken(accessTokenOf(ask))) {
    requireAppToken(ask)
    if (named !== 'me') return named
    throw new GraphFailure(2500, 'An active access token must be used to query information about the current user.')
  }
  const { userId, appId } = requireUserToken(ask, tokens)
  if (appId === facebookApp.id && (named === 'me' || named === userId)) return userId
  throw new GraphFailure(10, '(#10) The token is not allowed to change the permissions of this user.')
}

function bent(usual: Readonly<Record<string, unknown>>, overrides: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries({ ...usual, ...overrides }).filter(([, value]) => value !== null))
}
