import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { appleEmail, appleSubject } from '#scripts/upstream/identity/apple/claims.ts'
import { IdTokenWish, signAsWished } from '#scripts/upstream/identity/id-token-wish.ts'
import { appleTeam } from '#scripts/upstream/identity/local-clients.ts'
import { knownPerson, type Person } from '#scripts/upstream/identity/people.ts'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'

const emailTypes = ['email-disabled', 'email-enabled'] as const

/** What a test may ask of a notification: as of an ID token, and `event` overrides members of the event. */
export const NotificationWish = IdTokenWish.omit({ nonce: true }).extend({
  // Apple's documents spell the last one both ways.
  type: z.enum([...emailTypes, 'consent-revoked', 'account-delete', 'account-deleted']),
  audience: z.string().default(appleTeam.servicesId),
  event: z.record(z.string(), z.unknown()).default({}),
})
type NotificationWish = z.output<typeof NotificationWish>

/** The JWS of a server-to-server notification: `events` is a string that holds JSON, and its time is in milliseconds. */
export async function signNotification(issuer: string, keyring: Keyring, wish: NotificationWish): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const usual = {
    iss: issuer,
    aud: wish.audience,
    exp: now + 86_400,
    iat: now,
    jti: randomUUID(),
    events: JSON.stringify({ ...eventOf(wish, knownPerson(wish.person)), ...wish.event }),
  }
  return await signAsWished(keyring, usual, { ...wish, header: { typ: null, ...wish.header } })
}

function eventOf({ type }: NotificationWish, person: Person) {
  const isOfEmail = emailTypes.some((one) => one === type)
  const email = { email: appleEmail(person), is_private_email: String(person.hidesEmail) }
  return { type, sub: appleSubject(person), ...(isOfEmail ? email : {}), event_time: Date.now() }
}
