import * as z from 'zod'
import type { Keyring } from '#scripts/upstream/identity/signing-key.ts'

/**
 * What a test may ask of a token: `claims` override what the provider would send, `omit` takes claims away, `payload`
 * is signed as it stands in place of all claims, and `header` overrides the JWS header (null takes a member away).
 */
export const IdTokenWish = z.strictObject({
  person: z.string().min(1).max(200),
  audience: z.string(),
  nonce: z.string().optional(),
  claims: z.record(z.string(), z.unknown()).default({}),
  omit: z.array(z.string()).default([]),
  payload: z.string().optional(),
  header: z.record(z.string(), z.unknown()).default({}),
})

type Bending = Pick<z.output<typeof IdTokenWish>, 'claims' | 'omit' | 'payload' | 'header'>

/** Signs a provider's claims, bent as the test wishes, with the provider's true key. */
export async function signAsWished(
  keyring: Keyring,
  usual: Readonly<Record<string, unknown>>,
  { claims, omit, payload, header }: Bending,
): Promise<string> {
  const kept = Object.entries({ ...usual, ...claims }).filter(([name]) => !omit.includes(name))
  return await keyring.sign(payload ?? JSON.stringify(Object.fromEntries(kept)), header)
}
