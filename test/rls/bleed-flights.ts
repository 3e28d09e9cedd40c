import { randomBytes, randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { sql } from 'drizzle-orm'
import { Client } from 'pg'
import { errorCode } from '#scripts/stack/failure.ts'
import { configOf } from '#src/config.ts'
import { PipelinedDatabase } from '#src/db/pipelined-database.ts'
import { asTurn, asUser, asVisitor, type Caller, type Db, type TurnCaller } from '#src/db/scope.ts'
import type { BleedLog } from '#test/rls/bleed-log.ts'
import {
  changeOwn,
  countOwn,
  say,
  whoAsks,
  type Asked,
  type OwnColumns,
  type Results,
} from '#test/rls/bleed-statements.ts'
import type { Person } from '#test/rls/people.ts'

/** Somebody who flies again and again, and the tables that they may read. */
export interface Passenger {
  readonly person: Person
  readonly url: string
  readonly caller: Caller & TurnCaller
  readonly readable: OwnColumns
}

const deadlineMs = 30_000

/** A passenger with one connection to PgBouncer, opened by their first flight, as a request of the Worker's has. */
export function passengerFor(person: Person, url: string, readable: OwnColumns): Passenger {
  const scope = { config: configOf({}), requestId: randomUUID(), defer: () => undefined, report: () => undefined }
  const { tokenHash, turnKeyHash } = person
  const database = new PipelinedDatabase(url, deadlineMs)
  return { person, url, readable, caller: { ...scope, database, tokenHash, turnKeyHash, session: undefined } }
}

/** Flies once, in the way whose turn it is. What is not as it should be is in the log; throws when a flight fails that should not. */
export async function flyInTurn(passenger: Passenger, turn: number, log: BleedLog): Promise<void> {
  const fly = itinerary[turn % itinerary.length] ?? read
  log.flights += 1
  await fly(passenger, log, turn)
}

type Fly = (passenger: Passenger, log: BleedLog, turn: number) => Promise<void>

const executeAll = (asked: readonly Asked[]) => (db: Db) => asked.map(({ text }) => db.execute(sql.raw(text)))

const read: Fly = async ({ person, caller, readable }, log, turn) => {
  const asked = [whoAsks(person.userId), ...countOwn(person, readable, turn)]
  log.compare(asked, await asUser(caller, executeAll(asked)))
}

const write: Fly = async ({ person, caller, readable }, log, turn) => {
  const id = randomUUID()
  const asked = [
    whoAsks(person.userId),
    say(person, id),
    ...changeOwn(person),
    ...countOwn(person, readable, turn).slice(0, 1),
  ]
  log.compare(asked, await asUser(caller, executeAll(asked)))
  log.written.set(id, person.userId)
}

const writeInTurn: Fly = async ({ person, caller, readable }, log, turn) => {
  const id = randomUUID()
  const asked = [whoAsks(person.userId), say(person, id), ...countOwn(person, readable, turn)]
  log.compare(asked, (await asTurn(caller, executeAll(asked))).results)
  log.written.set(id, person.userId)
}

const visit: Fly = async ({ caller }, log) => {
  const asked = [
    whoAsks(null),
    { text: 'select distinct owner_id::text as owner from public.personas', owners: [null] },
  ]
  log.compare(asked, await asVisitor(caller, executeAll(asked)))
}

/** A person's role and no session, as no door flies: whose rows are found then, somebody before has left behind. */
const askAsNobody: Fly = async ({ person, caller, readable }, log, turn) => {
  const ofNobody = ({ text, owners }: Asked): Asked => ({ text, owners: owners.filter((owner) => owner === null) })
  const asked = [whoAsks(null), ...countOwn(person, readable, turn).map(ofNobody)]
  log.compare(asked, await caller.database.fly({ settings: { role: 'neuraform_user' }, queries: queriesOf(asked) }))
}

const askWithoutRole: Fly = async ({ person, caller, readable }, log, turn) => {
  const asked = [{ text: 'select current_user::text as owner', owners: ['neuraform_edge'] }]
  log.compare(asked, await caller.database.fly({ settings: {}, queries: queriesOf(asked) }))
  const tables = countOwn(person, readable, turn).slice(0, 1)
  await refused(log, '42501', tables, () => caller.database.fly({ settings: {}, queries: queriesOf(tables) }))
}

const fail: Fly = async ({ person, caller }, log, turn) => {
  const [code, text] = turn % 2 === 0 ? ['22012', 'select 1 / 0'] : ['42501', 'delete from public.users']
  const asked = [whoAsks(person.userId), say(person, randomUUID()), { text, owners: [] }, ...changeOwn(person)]
  await refused(log, code, asked, () => asUser(caller, executeAll(asked)))
}

const presentNoSession: Fly = async ({ person, caller }, log) => {
  const asked = [say(person, randomUUID()), ...changeOwn(person)]
  const stranger = { ...caller, tokenHash: randomBytes(32) }
  await refused(log, 'unauthenticated', asked, () => asUser(stranger, executeAll(asked)))
}

const rollBack: Fly = async (passenger, log) => {
  const { client } = await flyByHand(passenger, log)
  await client.query('rollback')
  await client.end()
}

const leave: Fly = async (passenger, log) => {
  const { socket } = await flyByHand(passenger, log)
  socket.destroy()
  log.abandoned += 1
}

// Each time that a client leaves, PgBouncer opens another connection, which takes long.
const leaveOrRollBack: Fly = async (passenger, log, turn) =>
  await (turn % (3 * itinerary.length) < itinerary.length ? leave : rollBack)(passenger, log, turn)

const itinerary: readonly Fly[] = [
  read,
  write,
  fail,
  read,
  visit,
  write,
  askAsNobody,
  read,
  write,
  presentNoSession,
  askAsNobody,
  read,
  writeInTurn,
  rollBack,
  visit,
  write,
  askWithoutRole,
  fail,
  read,
  leaveOrRollBack,
]

/** A transaction that is open still, in which everything has been asked that a person writes. */
async function flyByHand({ person, url }: Passenger, log: BleedLog): Promise<{ client: Client; socket: Socket }> {
  const socket = new Socket()
  const client = new Client({ connectionString: url, pipeline: true, stream: () => socket })
  client.on('error', () => undefined)
  await client.connect()
  const asked = [whoAsks(person.userId), say(person, randomUUID()), ...changeOwn(person)]
  const [, , ...results] = await Promise.all([
    client.query('begin; set local role neuraform_user'),
    client.query('select app.begin_session($1)', [person.tokenHash]),
    ...asked.map(({ text }) => client.query<Record<string, unknown>>(text)),
  ])
  log.compare(asked, results)
  log.aborted += 1
  return { client, socket }
}

async function refused(
  log: BleedLog,
  code: string,
  asked: readonly Asked[],
  fly: () => Promise<Results>,
): Promise<void> {
  log.statements += asked.length
  try {
    const results = await fly()
    log.wrong.push(`${code} did not refuse ${asked.at(0)?.text}: ${JSON.stringify(results.map(({ rows }) => rows))}`)
  } catch (error) {
    if (errorCode(error) !== code) throw error
    log.aborted += 1
  }
}

const queriesOf = (asked: readonly Asked[]) => asked.map(({ text }) => ({ text, values: [] }))
