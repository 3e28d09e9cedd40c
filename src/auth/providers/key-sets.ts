import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { Problem } from '#src/http/problem.ts'
import * as z from 'zod'

const cooldownMs = 30_000
const staleMs = 24 * 3_600_000
const freshMs = 3_600_000
const deadlineMs = 3_000
const mostBytes = 64 * 1_024

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(50) })

interface Held {
  keys: JWTVerifyGetKey | undefined
  fetchedAt: number
  triedAt: number
  loading: Promise<void> | undefined
}

const held = new Map<string, Held>()

/**
 * The keys that an issuer publishes (RFC 7517), fetched at most once in 30 s for each isolate, whatever was asked:
 * kept for an hour, used for a day while they cannot be fetched, and fetched again for an unknown key. Throws
 * `upstream_unavailable` when there are none to judge by.
 */
export function publishedKeys(url: string): JWTVerifyGetKey {
  return async (header, token) => {
    const entry = held.get(url) ?? { keys: undefined, fetchedAt: 0, triedAt: 0, loading: undefined }
    held.set(url, entry)
    if (Date.now() - entry.fetchedAt > freshMs) await load(url, entry)
    try {
      return await keysOf(entry)(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || Date.now() - entry.triedAt < cooldownMs) throw error
      await load(url, entry)
      return await keysOf(entry)(header, token)
    }
  }
}

function keysOf(entry: Held): JWTVerifyGetKey {
  if (entry.keys === undefined || Date.now() - entry.fetchedAt > staleMs) throw new Problem('upstream_unavailable')
  return entry.keys
}

async function load(url: string, entry: Held): Promise<void> {
  if (entry.loading === undefined) {
    if (Date.now() - entry.triedAt < cooldownMs) return
    entry.triedAt = Date.now()
    entry.loading = refresh(url, entry).finally(() => {
      entry.loading = undefined
    })
  }
  await entry.loading
}

async function refresh(url: string, entry: Held): Promise<void> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(deadlineMs) })
    if (response.status !== 200) return
    const keySet = KeySet.parse(JSON.parse(await readBounded(response)))
    entry.keys = createLocalJWKSet(keySet)
    entry.fetchedAt = Date.now()
  } catch {
    // What was fetched before stays in use; without it `keysOf` says that the provider cannot be reached.
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > mostBytes) throw new Error('the key set is too long')
  }
  return text
}
