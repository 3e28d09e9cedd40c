import { asUser, sessionOf, type Caller } from '#src/db/scope.ts'
import { unwrapDataKeys, type UnwrappedKeys } from '#src/vault/data-key.ts'
import { reportBroken, type BrokenReport } from '#src/vault/report-broken.ts'
import { Vault } from '#src/vault/vault.ts'

const lifetimeMs = 5 * 60_000
const mostPeople = 1_000

/** A person's data keys, unwrapped as far as they open. */
interface OpenedKeys extends UnwrappedKeys {
  readonly userId: string
}

/** Data keys in this isolate, by token hash. Every flight checks the session again, so those kept open nothing alone. */
const kept = new Map<string, OpenedKeys & { readonly keptAt: number }>()

/**
 * Keeps a person's data keys for the requests that will present this token. Without the one that seals nothing is kept, so
 * that one that was mended is found at once.
 */
export function keepDataKeys(tokenHash: Uint8Array, opened: OpenedKeys): void {
  const newest = opened.keys.at(-1)?.version ?? 0
  if (opened.broken.some(({ version }) => version >= newest)) return
  const name = tokenHash.toHex()
  kept.delete(name)
  dropOld()
  kept.set(name, { ...opened, keptAt: Date.now() })
}

/** Keeps what is kept for one token for the one that takes its place. */
export function moveDataKeys(from: Uint8Array, to: Uint8Array): void {
  const opened = kept.get(from.toHex())
  if (opened !== undefined) keepDataKeys(to, opened)
}

/** Forgets the keys of a person in this isolate, under whichever token of theirs it keeps them. */
export function forgetDataKeys(userId: string): void {
  for (const [name, opened] of kept) if (opened.userId === userId) kept.delete(name)
}

// Oldest first, as a Map keeps its order: those past their time, and one more where the Map is full.
function dropOld(): void {
  for (const [name, { keptAt }] of kept) {
    if (kept.size < mostPeople && Date.now() - keptAt < lifetimeMs) return
    kept.delete(name)
  }
}

/**
 * The caller's vault. It costs no flight when the isolate has kept their keys or a flight of this request found the
 * session; else it takes one, which also authenticates. Asked for again after a flight it knows the keys that the person
 * was given meanwhile. Keys that do not open are reported, and missed only by what needs them. Throws what `asUser` throws.
 */
export async function openVault(caller: Caller): Promise<Vault> {
  const report = reportBroken(caller)
  const { userId, keys, broken } = await dataKeysOf(caller, report)
  return new Vault(userId, keys, { broken, onBroken: report.onCell })
}

async function dataKeysOf(caller: Caller, report: BrokenReport): Promise<OpenedKeys> {
  dropOld()
  const name = caller.tokenHash.toHex()
  const found = kept.get(name)
  if (found !== undefined && Date.now() - found.keptAt < lifetimeMs && isNewest(found, caller)) return found
  kept.delete(name)
  if (caller.session === undefined) await asUser(caller, () => [])
  const { userId, wrappedKeys } = sessionOf(caller)
  const opened = { userId, ...(await unwrapDataKeys(caller.config, userId, wrappedKeys)) }
  report.onKeys(opened.broken)
  keepDataKeys(caller.tokenHash, opened)
  return opened
}

// A flight brings the keys along: those kept here are behind once the person was given another one elsewhere.
const isNewest = ({ keys }: OpenedKeys, { session }: Caller) =>
  session === undefined || session.wrappedKeys.at(-1)?.version === keys.at(-1)?.version
