import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { providerOf } from '#src/auth/providers/registry.ts'
import type { ProviderEvent } from '#src/auth/providers/identity-provider.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, type RequestScope } from '#src/db/scope.ts'

// Longer than a message is taken for (`longestEventAgeSeconds`), so that none is ever done twice.
const keptForSeconds = 7 * 86_400

const Applied = z.object({ erasure_id: z.uuid().nullable() })

/**
 * What a provider's signed message tells; undefined for what needs nothing done. `effect` is what the URL stands for that
 * it was sent to, where the message does not say. Throws `invalid_identity_token` for a forged or an old one.
 */
export async function readProviderEvent(
  config: Config,
  provider: Provider,
  signed: string,
  effect?: ProviderEvent['effect'],
): Promise<ProviderEvent | undefined> {
  return await providerOf(provider).readEvent?.(config, signed, effect)
}

/**
 * Does what a provider tells of somebody: ends the sessions that its identity began, or takes the identity away, with the
 * account where it was the only one. Told again, it does nothing more and answers the same; told late, it does nothing to
 * who has come again since.
 */
export async function applyProviderEvent(
  scope: RequestScope,
  provider: Provider,
  event: ProviderEvent,
): Promise<{ erasureId: string | null }> {
  const issuer = providerOf(provider).issuerOf(scope.config)
  const eventId = await idOf(provider, event)
  const [answer] = await asService(scope, 'auth', 'provider event', (db) => [
    db.execute(sql`select * from app.apply_provider_event(
      ${eventId}, ${new Date(Date.now() + keptForSeconds * 1_000)}, ${provider}, ${issuer}, ${event.subject}, ${event.effect},
      ${event.toldAt}, ${scope.requestId})`),
  ])
  return { erasureId: rowOf(Applied, answer).erasure_id }
}

/** A UUID for an event that has a name of its provider's own: the same for the same event (RFC 9562 §5.8). */
async function idOf(provider: Provider, { id }: ProviderEvent): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${provider}\n${id}`)))
  digest.set([0x80 | ((digest[6] ?? 0) & 0x0f)], 6)
  digest.set([0x80 | ((digest[8] ?? 0) & 0x3f)], 8)
  const hex = digest.subarray(0, 16).toHex()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
