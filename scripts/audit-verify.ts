import type { Client } from 'pg'
import { readAnchors, type Anchors } from '#scripts/audit/read-anchors.ts'
import { readChains } from '#scripts/audit/read-chains.ts'
import { describeFinding, verifyChain } from '#scripts/audit/verify-chain.ts'
import { lookAtDatabase } from '#scripts/check/look-at-database.ts'

const usage =
  'npm run audit:verify: works every audit chain out again and says what was tampered with; anchors are in the stores.'

process.exitCode = await lookAtDatabase(usage, async (client, stores) =>
  report(await findAll(client, await anchorsIn(stores))),
)

async function anchorsIn(where: string): Promise<Anchors | undefined> {
  if (where === 'none') return undefined
  // Wrangler takes seconds to load, and is not needed to look at the database alone.
  const { openStores } = await import('#scripts/stack/stores.ts')
  await using stores = await openStores(where === 'deployed' ? undefined : where)
  return await readAnchors(stores.anchors)
}

interface Verified {
  readonly chains: number
  readonly entries: number
  /** How many heads; undefined where nobody looked. */
  readonly anchored: number | undefined
  readonly faults: readonly string[]
}

// One snapshot, so that what is written meanwhile is not taken for tampering.
async function findAll(client: Client, anchors: Anchors | undefined): Promise<Verified> {
  await client.query('begin isolation level repeatable read read only; set local role neuraform_jobs')
  const unreadable = anchors?.unreadable ?? []
  const faults = unreadable.map((key) => `anchor ${key}: cannot be read`)
  let [chains, entries, anchored] = [0, 0, 0]
  for await (const chain of readChains(client, anchors)) {
    chains += 1
    entries += chain.entries.length
    anchored += chain.anchors?.length ?? 0
    for (const finding of verifyChain(chain)) faults.push(describeFinding(finding))
  }
  await client.query('commit')
  return { chains, entries, anchored: anchors === undefined ? undefined : anchored, faults }
}

function report({ chains, entries, anchored, faults }: Verified): number {
  for (const fault of faults) console.log(`✗ ${fault}`)
  const heads = anchored === undefined ? 'anchors not looked at (STORES=none)' : `${anchored} anchored heads`
  console.log(`${chains} chains, ${entries} entries, ${heads}: ${faults.length} faults`)
  return faults.length === 0 ? 0 : 1
}
