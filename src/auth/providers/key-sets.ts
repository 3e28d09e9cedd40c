import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import * as z from 'zod'
import { callProvider, parseAnswer } from '#src/auth/providers/provider-call.ts'
import type { Config } from '#src/config.ts'
import { withDeadline } from '#src/http/deadline.ts'
import { Problem } from '#src/http/problem.ts'

const cooldownMs = 30_000
const staleMs = 24 * 3_600_000
const freshMs = 3_600_000
const graceMs = 500

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(50) })

interface Held {
  keys: JWTVerifyGetKey | undefined
  fetchedAt: number
  triedAt: number
  /** Whether the last fetch brought no keys, or none yet. */
  hasFailed: boolean
  /** When keys were last fetched for the sake of one that is not known. */
  soughtAt: number
  loading: Promise<void> | undefined
}

const held = new Map<string, Held>()

/**
 * The keys that an issuer publishes (RFC 7517): fetched anew after an hour, and used for a day while that fails. A fetch
 * that failed is not repeated within 30 s. Unknown keys, however many are named, cause one fetch in 30 s for each
 * isolate; one that was made for its age does not count, so that a key published right after it is found. Throws
 * `upstream_unavailable` when there are no keys to judge by.
 */
export function publishedKeys(config: Config, url: string): JWTVerifyGetKey {
  return async (header, token) => {
    const entry = entryOf(url)
    const isAged = Date.now() - entry.fetchedAt > freshMs
    if (isAged) await load(config, url, entry)
    try {
      return await keysOf(entry)(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      if (isAged) entry.soughtAt = Math.max(entry.soughtAt, entry.triedAt)
      await seek(config, url, entry)
      // What cannot be looked for is not known to be nobody's.
      if (entry.hasFailed) throw new Problem('upstream_unavailable', undefined, { cause: error })
      return await keysOf(entry)(header, token)
    }
  }
}

function entryOf(url: string): Held {
  const known = held.get(url)
  if (known !== undefined) return known
  const entry = { keys: undefined, fetchedAt: 0, triedAt: 0, hasFailed: false, soughtAt: 0, loading: undefined }
  held.set(url, entry)
  return entry
}

function keysOf(entry: Held): JWTVerifyGetKey {
  if (entry.keys === undefined || Date.now() - entry.fetchedAt > staleMs) throw new Problem('upstream_unavailable')
  return entry.keys
}

async function seek(config: Config, url: string, entry: Held): Promise<void> {
  if (entry.loading === undefined && Date.now() - entry.soughtAt < cooldownMs) return
  if (entry.loading === undefined) entry.soughtAt = Date.now()
  await load(config, url, entry)
}

async function load(config: Config, url: string, entry: Held): Promise<void> {
  const sinceTry = Date.now() - entry.triedAt
  // A fetch whose own request was ended in the middle says nothing any more.
  const isLost = entry.loading !== undefined && sinceTry > cooldownMs
  if (entry.loading === undefined || isLost) {
    if (entry.hasFailed && sinceTry < cooldownMs) return
    entry.triedAt = Date.now()
    entry.hasFailed = true
    const loading = refresh(config, url, entry).finally(() => {
      if (entry.loading === loading) entry.loading = undefined
    })
    entry.loading = loading
  }
  await withDeadline(entry.loading, config.PROVIDER_DEADLINE_MS + graceMs, () => undefined).catch(() => undefined)
}

async function refresh(config: Config, url: string, entry: Held): Promise<void> {
  try {
    const answer = await callProvider(config, { url, method: 'GET' })
    if (answer.isRefused) return
    entry.keys = createLocalJWKSet(parseAnswer(KeySet, answer))
    entry.fetchedAt = Date.now()
    entry.hasFailed = false
  } catch {
    // What was fetched before stays in use; without it `keysOf` says that the provider cannot be reached.
  }
}
