import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addByteTexts } from '#bench/scale/bytes.ts'
import { startModel } from '#bench/scale/model.ts'
import { readOptions, usage, type ScaleOptions } from '#bench/scale/options.ts'
import { tableOfFlights, tableOfMeasurements, tableOfStatements } from '#bench/scale/report.ts'
import { runScale } from '#bench/scale/run.ts'
import { judgeFlights, judgeStatement, limits, type Grown } from '#bench/scale/verdicts.ts'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { makeWorkerKeys } from '#scripts/stack/environment.ts'
import { describeFailure } from '#scripts/stack/failure.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { removeCluster } from '#scripts/stack/postgres/home.ts'
import { configOf } from '#src/config.ts'

// Data that may be lost are loaded faster; what a query reads is the same.
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  shared_buffers: '512MB',
  autovacuum: 'off',
}

process.exitCode = await main()

async function main(): Promise<number> {
  addByteTexts()
  try {
    return await measureAll(readOptions(process.argv.slice(2)))
  } catch (error) {
    console.error(`${describeFailure(error)}\n\n${usage}`)
    return 2
  }
}

/** Measures on a PostgreSQL of its own, prints what it found, and answers 1 when a limit was passed. */
async function measureAll(options: ScaleOptions): Promise<number> {
  await using started = new AsyncDisposableStack()
  const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-scale-'))
  const dataDirectory = join(stateDirectory, 'postgres')
  started.defer(async () => {
    await removeCluster(dataDirectory)
    await rm(stateDirectory, { recursive: true, force: true })
  })
  const postgres = await startPostgres({ dataDirectory, settings })
  started.defer(() => postgres.stop())
  const model = await startModel()
  started.defer(() => model.close())
  const { ownerUrl } = await setUpDatabase({ ownerUrl: postgres.ownerUrl, databaseName: 'neuraform' })
  const config = configOf({
    ...makeWorkerKeys(),
    ENVIRONMENT: 'test',
    LLM_BASE_URL: model.baseUrl,
    LLM_MODEL: 'local/companion',
  })
  const grown = await runScale(ownerUrl, config, options, (line) => console.log(line))
  console.log(`\n${tableOfMeasurements(grown)}\n`)
  return printVerdicts(grown) === 0 ? 0 : 1
}

/** Prints what was judged, and answers how many were over. */
function printVerdicts(grown: readonly Grown[]): number {
  const statements = grown.map(judgeStatement)
  console.log(
    `At every size: on an index, rows read ≤ ${limits.rowsFactor} × returned (or found) + ${limits.rowsMore}; ` +
      `buffers ≤ ${limits.rlsCost} × those of the owner with the filter written out.\n`,
  )
  console.log(`${tableOfStatements(statements)}\n`)
  const flights = judgeFlights(grown)
  console.log(`From the smallest size to the largest: buffers ≤ ${limits.growth} ×.\n`)
  console.log(`${tableOfFlights(flights)}\n`)
  const over = [...statements, ...flights].filter(({ isOk }) => !isOk).length
  console.log(`${statements.length} statements in ${flights.length} flights, ${over} over`)
  return over
}
