import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { findPgBouncer, pgBouncerMissing, startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { flyInTurn, passengerFor } from '#test/rls/bleed-flights.ts'
import { BleedLog } from '#test/rls/bleed-log.ts'
import type { OwnColumns } from '#test/rls/bleed-statements.ts'
import { tablesOf } from '#test/rls/findings.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'
import { eventually } from '#test/setup/eventually.ts'

const isInstalled = findPgBouncer() !== undefined
const wantedStatements = Number(process.env['BLEED_STATEMENTS'] ?? 5_000)
const mostMs = 10_000 + wantedStatements * 5
const crowd = 50
const poolSize = 5

let owner: Client
let edgeUrl: string
let people: readonly Person[]
let readable: OwnColumns

// oxlint-disable-next-line no-console -- why it did not run
if (!isInstalled) console.info(`No bleed test: ${pgBouncerMissing}`)

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_bleed'))
  people = await makeCrowd()
  readable = await readableColumns()
})

afterAll(async () => {
  await owner.end()
})

async function makeCrowd(): Promise<readonly Person[]> {
  const made: Person[] = []
  while (made.length < crowd) made.push(await makePerson(owner))
  return made
}

async function readableColumns(): Promise<OwnColumns> {
  const owned = [...(await tablesOf(owner))].flatMap(([table, column]) =>
    column === undefined ? [] : [[table, column] as const],
  )
  const { rows } = await owner.query<{ table: string }>(
    `select c.table from unnest($1::text[], $2::text[]) as c ("table", "column")
     where has_column_privilege('neuraform_user', 'public.' || c.table, c.column, 'select')`,
    [owned.map(([table]) => table), owned.map(([, column]) => column)],
  )
  const names = new Set(rows.map(({ table }) => table))
  return owned.filter(([table]) => names.has(table))
}

/** Everybody flies at once, over and over, until so many statements were sent. */
async function flyCrowd(statements: number): Promise<BleedLog> {
  const pgbouncer = await startPgBouncer({ databaseUrls: [edgeUrl], poolSize })
  onTestFinished(() => pgbouncer.stop())
  const log = new BleedLog()
  const url = pgbouncer.urlOf(edgeUrl)
  await Promise.all(
    people.map(async (person, at) => {
      const passenger = passengerFor(person, url, readable)
      for (let turn = at; log.statements < statements; turn += 1) await flyInTurn(passenger, turn, log)
    }),
  )
  return log
}

function lineOf(log: BleedLog): string {
  const [statements, flights, handovers, aborted] = [log.statements, log.flights, log.handovers, log.aborted].map(
    (count) => count.toLocaleString('en'),
  )
  return (
    `${statements} statements of ${crowd} people over ${poolSize} connections (${flights} flights, ${aborted} of them ` +
    `aborted, ${handovers} after somebody else’s on the same connection): ${log.wrong.length} rows of another`
  )
}

/** Whose each message is, as the database has it. */
async function writersOf(): Promise<ReadonlyMap<string, string>> {
  const { rows } = await owner.query<{ id: string; user_id: string }>('select id, user_id from public.messages')
  return new Map(rows.map(({ id, user_id }) => [id, user_id]))
}

const openConnections = async () =>
  (await owner.query(`select from pg_stat_activity where usename = 'neuraform_edge' and datname = current_database()`))
    .rowCount

describe.skipIf(!isInstalled)('fifty people over five connections, through PgBouncer in transaction mode,', () => {
  it('see and write no row of another, whatever fails, is refused or is left open', { timeout: mostMs }, async () => {
    const before = await writersOf()
    const log = await flyCrowd(wantedStatements)
    // oxlint-disable-next-line no-console -- the figures that the test is about
    console.info(lineOf(log))
    expect(log.wrong).toEqual([])
    expect(await writersOf()).toEqual(new Map([...before, ...log.written]))
    const { rows } = await owner.query(
      `select user_id from public.conversations where encode(title, 'hex') <> '010001' || replace(user_id::text, '-', '')`,
    )
    expect(rows).toEqual([])
    expect(log.handovers).toBeGreaterThan(log.flights / 2)
    expect(log.connections).toBeGreaterThanOrEqual(poolSize)
    // One that its client left in the middle of a transaction is closed, and another takes its place.
    expect(log.connections).toBeLessThanOrEqual(poolSize + log.abandoned)
    await eventually(async () => expect(await openConnections()).toBeLessThanOrEqual(poolSize))
  })

  it('would see one, were a setting to outlive its transaction', async () => {
    const { rows } = await owner.query<{ text: string }>(
      `select pg_get_functiondef('app.begin_session'::regproc) as text`,
    )
    const text = rows[0]?.text ?? ''
    onTestFinished(async () => void (await owner.query(text)))
    await owner.query(text.replaceAll(', true)', ', false)'))
    expect((await flyCrowd(1_000)).wrong.length).toBeGreaterThan(50)
  })
})
