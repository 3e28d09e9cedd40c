import { asUser, sessionOf, type Caller } from '#src/db/scope.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { Vault } from '#src/vault/vault.ts'

const lifetimeMs = 5 * 60_000
const mostVaults = 1_000

/** Opened vaults of this isolate, by token hash. Every flight checks the session again, so one kept opens nothing alone. */
const kept = new Map<string, { vault: Vault; keptAt: number }>()

/** Keeps a vault for the requests that will present this token. */
export function keepVault(tokenHash: Uint8Array, vault: Vault): void {
  const name = tokenHash.toHex()
  kept.delete(name)
  dropOld()
  kept.set(name, { vault, keptAt: Date.now() })
}

/** Forgets the keys of a session that its person has just ended in this isolate. */
export function forgetVault(tokenHash: Uint8Array): void {
  kept.delete(tokenHash.toHex())
}

// Oldest first, as a Map keeps its order: those past their time, and one more where the Map is full.
function dropOld(): void {
  for (const [name, { keptAt }] of kept) {
    if (kept.size < mostVaults && Date.now() - keptAt < lifetimeMs) return
    kept.delete(name)
  }
}

/**
 * The caller's vault. It costs no flight when the isolate has kept it or a flight of this request found the session;
 * else it takes one, which also authenticates. Throws what `asUser` throws.
 */
export async function openVault(caller: Caller): Promise<Vault> {
  dropOld()
  const name = caller.tokenHash.toHex()
  const found = kept.get(name)
  if (found !== undefined && Date.now() - found.keptAt < lifetimeMs) return found.vault
  kept.delete(name)
  if (caller.session === undefined) await asUser(caller, () => [])
  const { userId, wrappedKeys } = sessionOf(caller)
  const vault = new Vault(userId, await unwrapDataKeys(caller.config, userId, wrappedKeys))
  keepVault(caller.tokenHash, vault)
  return vault
}
