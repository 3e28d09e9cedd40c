import { Client } from 'pg'
import { readAnchors } from '#scripts/audit/read-anchors.ts'
import { findBrokenRows, findBrokenStores, type Broken } from '#scripts/check/find-broken.ts'
import { describeFailure } from '#scripts/stack/failure.ts'
import { openStores } from '#scripts/stack/stores.ts'

const usage = `npm run db:check: looks at a running deployment and prints what is broken.

  DATABASE_URL       the database's owner, as for npm run db:setup
  STORES             none: the database alone (the default); deployed: also the KV and R2 of wrangler.toml, for which
                     wrangler must be signed in; or where a local Worker keeps them (npm run dev: .neuraform/worker/v3)`

process.exitCode = await check()

async function check(): Promise<number> {
  const connectionString = process.env['DATABASE_URL']
  if (!connectionString) {
    console.error(usage)
    return 2
  }
  const client = new Client({ connectionString })
  try {
    await client.connect()
    return report(await findBroken(client, process.env['STORES'] ?? 'none'))
  } catch (error) {
    console.error(`\n${describeFailure(error)}`)
    return 1
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function findBroken(client: Client, where: string): Promise<Broken[]> {
  if (where === 'none') return await findBrokenRows(client, new Map())
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
