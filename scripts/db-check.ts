import type { Client } from 'pg'
import { readAnchors } from '#scripts/audit/read-anchors.ts'
import { findBrokenRows, findBrokenStores, type Broken } from '#scripts/check/find-broken.ts'
import { lookAtDatabase } from '#scripts/check/look-at-database.ts'

const usage = 'npm run db:check: looks at a running deployment and prints what is broken.'

process.exitCode = await lookAtDatabase(usage, async (client, stores) => report(await findBroken(client, stores)))

async function findBroken(client: Client, where: string): Promise<Broken[]> {
  if (where === 'none') {
    console.log('KV, R2 and anchors are not looked at (STORES=none).')
    return await findBrokenRows(client, undefined)
  }
  // Wrangler takes seconds to load, and is not needed to look at the database alone.
  const { openStores } = await import('#scripts/stack/stores.ts')
  await using stores = await openStores(where === 'deployed' ? undefined : where)
  return [
    ...(await findBrokenRows(client, await readAnchors(stores.anchors))),
    ...(await findBrokenStores(client, stores)),
  ]
}

function report(broken: readonly Broken[]): number {
  for (const { invariant, subject } of broken) console.log(`✗ ${invariant}: ${subject}`)
  console.log(broken.length === 0 ? 'Everything holds.' : `${broken.length} broken`)
  return broken.length === 0 ? 0 : 1
}
