import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

const utf8 = new TextEncoder()

/** What a lookup index is over; the same text gives unrelated indexes in two of them. */
export type LookupScope = 'email' | 'subject' | 'request' | 'breakage' | 'chat' | 'import'

/** A keyed index (HMAC-SHA-256 under LOOKUP_KEY, 32 bytes) by which a value is found without being stored. */
export async function lookupIndex(config: Config, scope: LookupScope, value: string): Promise<Uint8Array> {
  if (config.LOOKUP_KEY === undefined) throw new Problem('not_configured', 'LOOKUP_KEY is not set.')
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', config.LOOKUP_KEY, algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(`${scope}:${value}`)))
}

/** One spelling for every way to write an address: NFKC, lower case, and the dots and tags that Gmail ignores gone. */
export function canonicalEmail(email: string): string {
  const [local, domain] = splitAddress(email.normalize('NFKC').trim().toLowerCase())
  if (domain !== 'gmail.com' && domain !== 'googlemail.com') return `${local}@${domain}`
  return `${local.split('+')[0]?.replaceAll('.', '') ?? ''}@gmail.com`
}

function splitAddress(address: string): [string, string] {
  const at = address.lastIndexOf('@')
  return [address.slice(0, at), address.slice(at + 1)]
}
