import { parseArgs } from 'node:util'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { describeFailure } from '#scripts/stack/failure.ts'

const usage = `npm run db:setup: makes a PostgreSQL (15 or later) ready for the Worker. Safe to repeat.

  DATABASE_URL     the database's owner: a superuser, or a role with CREATEROLE that owns it or has CREATEDB
  EDGE_PASSWORD    the password for neuraform_edge, the Worker's login; without it a new login gets a random one
                   and an existing login keeps its own

  --reset-password    gives an existing login a new random password`

process.exitCode = await runSetUp()

async function runSetUp(): Promise<number> {
  const isReset = readFlags()
  const ownerUrl = process.env['DATABASE_URL']
  if (isReset === undefined || !ownerUrl) {
    console.error(usage)
    return 2
  }
  try {
    const database = await setUpDatabase({
      ownerUrl,
      edgePassword: process.env['EDGE_PASSWORD'] || undefined,
      existingPassword: isReset ? 'replace' : 'keep',
      onProgress: (line) => console.log(`· ${line}`),
    })
    console.log(nextSteps(database.edgeUrl, database.edgePasswordSource))
    return 0
  } catch (error) {
    console.error(`\n${describeFailure(error)}`)
    return 1
  }
}

function readFlags(): boolean | undefined {
  try {
    return parseArgs({ options: { 'reset-password': { type: 'boolean', default: false } } }).values['reset-password']
  } catch {
    return undefined
  }
}

function nextSteps(edgeUrl: string, source: 'given' | 'made' | 'replaced' | 'kept'): string {
  const url = new URL(edgeUrl)
  const isShown = source === 'made' || source === 'replaced'
  const shown = isShown ? url.href : url.href.replace(/^([^@]*?\/\/[^:@]*)(:[^@]*)?@/, '$1:PASSWORD@')
  const note = {
    given: 'PASSWORD is the one in EDGE_PASSWORD.',
    made: 'The password is shown this once: keep it.',
    replaced: 'The password is new and shown this once; give it to Hyperdrive, for the old one is dead.',
    kept: 'PASSWORD is the one that the login had before; --reset-password makes a new one.',
  }[source]
  return `
The database is ready. The Worker's URL:

  ${shown}

${note}

Next, bind it to the Worker, with the query cache off (a cached answer would ignore row-level security):

  npx wrangler hyperdrive create neuraform-edge --caching-disabled=true --connection-string='${shown}'

and put the id that it prints into wrangler.toml under [[hyperdrive]], binding = "HYPERDRIVE".`
}
