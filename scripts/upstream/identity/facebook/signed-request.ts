import { createHmac } from 'node:crypto'
import * as z from 'zod'
import { facebookUserId } from '#scripts/upstream/identity/facebook/profile.ts'
import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { knownPerson } from '#scripts/upstream/identity/people.ts'

/**
 * What a test may ask of a signed request: `claims` override members (null takes one away), `payload` is signed as it
 * stands in place of all members, and another `app_secret` makes a forgery.
 */
export const SignedRequestWish = z.strictObject({
  person: z.string().min(1).max(200),
  claims: z.record(z.string(), z.unknown()).default({}),
  payload: z.string().optional(),
  app_secret: z.string().min(1).default(facebookApp.secret),
})

/**
 * The `signed_request` of the deauthorize and data deletion callbacks, `{signature}.{payload}`
 * (developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback).
 */
export function signRequest({ person, claims, payload, app_secret: secret }: z.output<typeof SignedRequestWish>) {
  const usual = {
    user_id: facebookUserId(knownPerson(person)),
    algorithm: 'HMAC-SHA256',
    issued_at: Math.floor(Date.now() / 1000),
  }
  const kept = Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== null)
  const encoded = Buffer.from(payload ?? JSON.stringify(Object.fromEntries(kept))).toString('base64url')
  return `${createHmac('sha256', secret).update(encoded).digest('base64url')}.${encoded}`
}
