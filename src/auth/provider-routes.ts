import { createRoute, z } from '@hono/zod-openapi'
import { applyProviderEvent, readProviderEvent } from '#src/auth/provider-events.ts'
import type { ProviderEvent } from '#src/auth/providers/identity-provider.ts'
import { jsonBodyBytes, open } from '#src/http/access.ts'
import { scopeOf, type AppContext } from '#src/http/context.ts'
import { readForm } from '#src/http/form-body.ts'
import { formBody, jsonBody, jsonContent } from '#src/http/openapi.ts'
import { Problem } from '#src/http/problem.ts'
import { newRouter } from '#src/http/router.ts'

const tag = 'What providers tell'
const formBytes = 16 * 1_024

/** A message of Apple's servers (developer.apple.com/documentation/signinwithapple/processing-changes-for-sign-in-with-apple-accounts). */
const AppleNotification = z
  .strictObject({ payload: z.string().min(1).max(16_000).openapi({ description: 'A JWS under Apple’s keys.' }) })
  .openapi('AppleNotification')

/** What Facebook's callbacks post: base64url of an HMAC-SHA256 and of what it signs, with a dot between. */
const SignedRequest = z.strictObject({ signed_request: z.string() })

/** Where a person may see how far their deletion has come, as Facebook shows it to them. */
const DataDeletion = z.strictObject({ url: z.string(), confirmation_code: z.uuid() }).openapi('DataDeletion')

const notified = createRoute({
  ...open(tag, { bodyBytes: jsonBodyBytes, problems: ['invalid_identity_token', 'upstream_unavailable'] }),
  method: 'post',
  path: '/providers/apple/notifications',
  summary: 'Apple tells of a person: consent withdrawn, account deleted, relay address turned off or on',
  request: { body: jsonBody(AppleNotification) },
  responses: { 200: { description: 'Done, or done before.' } },
})

const formProblems = [
  'invalid_identity_token',
  'malformed_body',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_body',
] as const

const deauthorized = createRoute({
  ...open(tag, { problems: formProblems }),
  ...formBody(SignedRequest),
  method: 'post',
  path: '/providers/facebook/deauthorize',
  summary: 'Facebook tells that somebody removed the app',
  responses: { 200: { description: 'Done, or done before.' } },
})

const deletion = createRoute({
  ...open(tag, { problems: formProblems }),
  ...formBody(SignedRequest),
  method: 'post',
  path: '/providers/facebook/data-deletion',
  summary: 'Facebook asks for the deletion of a person’s data',
  responses: { 200: jsonContent(DataDeletion, 'The receipt; the same when asked again.') },
})

export const providerRoutes = newRouter()
  .openapi(notified, async (c) => {
    const scope = scopeOf(c)
    const event = await readProviderEvent(scope.config, 'apple', c.req.valid('json').payload)
    if (event !== undefined) await applyProviderEvent(scope, 'apple', event)
    return c.body(null, 200)
  })
  .openapi(deauthorized, async (c) => {
    await applyFacebookEvent(c, 'deauthorized')
    return c.body(null, 200)
  })
  .openapi(deletion, async (c) => {
    const { PUBLIC_ORIGIN: origin } = c.get('config')
    if (origin === undefined) throw new Problem('not_configured', 'PUBLIC_ORIGIN is not set.')
    const { erasureId } = await applyFacebookEvent(c, 'account_deleted')
    if (erasureId === null) throw new Error('a deletion without a receipt')
    return c.json({ url: `${origin}/erasures/${erasureId}`, confirmation_code: erasureId }, 200)
  })

async function applyFacebookEvent(c: AppContext, effect: ProviderEvent['effect']) {
  const { signed_request: signed } = await readForm(c, formBytes)
  if (signed === undefined) {
    throw new Problem('invalid_body', undefined, { errors: [{ pointer: '/signed_request', detail: 'is needed' }] })
  }
  const scope = scopeOf(c)
  const event = await readProviderEvent(scope.config, 'facebook', signed, effect)
  return event === undefined ? { erasureId: null } : await applyProviderEvent(scope, 'facebook', event)
}
