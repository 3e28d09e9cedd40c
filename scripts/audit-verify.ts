import type { Client } from 'pg'
import { readAnchors } from '#scripts/audit/read-anchors.ts'
import { readChains } from '#scripts/audit/read-chains.ts'
import { verifyChain, type Finding } from '#scripts/audit/verify-chain.ts'
import { openStores } from '#scripts/stack/stores.ts'
import { lookAtDatabase } from '#scripts/check/look-at-database.ts'

const usage =
  'npm run audit:verify: works every audit chain out again and says what was tampered with; anchors are in the stores.'

process.exitCode = await lookAtDatabase(usage, async (client, stores) =>
  report(await findAll(client, await anchorsIn(stores))),
)

async function anchorsIn(where: string): ReturnType<typeof readAnchors> {
  if (where === 'none') return new Map()
  await using stores = await openStores(where === 'deployed' ? undefined : where)
  return await readAnchors(stores.anchors)
}

interface Verified {
  readonly chains: number
  readonly entries: number
  readonly anchored: number
  readonly findings: readonly Finding[]
}

// One snapshot, so that what is written meanwhile is not taken for tampering.
async function findAll(client: Client, anchors: Awaited<ReturnType<typeof readAnchors>>): Promise<Verified> {
  await client.query('begin isolation level repeatable read read only; set local role neuraform_jobs')
  const verified = { chains: 0, entries: 0, anchored: 0, findings: new Array<Finding>() }
  for await (const chain of readChains(client, anchors)) {
    verified.chains += 1
    verified.entries += chain.entries.length
    verified.anchored += chain.anchors.length
    verified.findings.push(...verifyChain(chain))
  }
  await client.query('commit')
  return verified
}

function report({ chains, entries, anchored, findings }: Verified): number {
  for (const { chainId, seq, fault } of findings) console.log(`✗ chain ${chainId}, entry ${seq}: ${fault}`)
  console.log(`${chains} chains, ${entries} entries, ${anchored} anchored heads: ${findings.length} faults`)
  return findings.length === 0 ? 0 : 1
}
