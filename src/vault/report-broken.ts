import { apart } from '#src/db/apart.ts'
import { gatherBreakages, recordBreakages, recordServiceBreakages, type Breakage } from '#src/audit/breakages.ts'
import type { Config } from '#src/config.ts'
import { asService, asUser, type Caller, type RequestScope } from '#src/db/scope.ts'
import type { BrokenDataKey } from '#src/vault/data-key.ts'
import { lookupIndex } from '#src/vault/lookup.ts'
import type { BrokenCell } from '#src/vault/vault.ts'

/** Hears of a person's cells and data keys that cannot be opened: the log is told at once, their chain beside the answer. */
export interface BrokenReport {
  readonly onCell: (cell: BrokenCell) => void
  readonly onKeys: (keys: readonly BrokenDataKey[]) => void
}

/** Reports to the chain of the caller. */
export const reportBroken = (caller: Caller): BrokenReport =>
  reportTo(caller, async (breakages) => {
    await asUser(apart(caller), (db) => [recordBreakages(db, caller, breakages)])
  })

/** Reports to the chain of somebody who is signing in. */
export const reportBrokenAtSignIn = (scope: RequestScope, userId: string): BrokenReport =>
  reportTo(scope, async (breakages) => {
    await asService(apart(scope), 'auth', 'sign-in', (db) => [recordServiceBreakages(db, scope, userId, breakages)])
  })

function reportTo(scope: RequestScope, write: (breakages: readonly Breakage[]) => Promise<unknown>): BrokenReport {
  const gather = gatherBreakages(scope, write)
  return {
    onCell: (cell) => gather(noteBrokenCell(scope, cell)),
    onKeys: (keys) => keys.forEach((key) => gather(noteBrokenKey(scope, key))),
  }
}

/** Tells the log of a cell that cannot be opened, and makes its entry. */
export async function noteBrokenCell({ config, report }: RequestScope, cell: BrokenCell): Promise<Breakage> {
  const { table, column, rowId, stored } = cell
  report({ event: 'seal_broken', table, column, row_id: rowId })
  const target = `${table}.${column}:${table === 'users' ? 'self' : rowId}`
  const details = { fingerprint: await fingerprintOf(config, target, stored.toHex()) }
  return { action: 'seal.broken', target, details }
}

/** Tells the log of a data key that cannot be opened, and makes its entry. */
export async function noteBrokenKey({ config, report }: RequestScope, key: BrokenDataKey): Promise<Breakage> {
  const { version, reason, wrapped } = key
  report({ event: 'data_key_broken', version, reason, key_encryption_key: wrapped?.key_encryption_key_id ?? null })
  const target = `data_key:${wrapped === undefined ? 'none' : version}`
  const fingerprint = await fingerprintOf(config, target, JSON.stringify(wrapped ?? null))
  return { action: 'data_key.broken', target, details: { reason, fingerprint } }
}

/** 128 bits that tell what was found in a place from what is found there another time, and nothing to whoever lacks LOOKUP_KEY. */
async function fingerprintOf(config: Config, target: string, found: string): Promise<string> {
  return (await lookupIndex(config, 'breakage', `${target}:${found}`)).subarray(0, 16).toHex()
}
