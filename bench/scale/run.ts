import { Client } from 'pg'
import { loadStep } from '#bench/scale/load.ts'
import { makeOwnerViews } from '#bench/scale/as-owner.ts'
import { measureVerb } from '#bench/scale/measure.ts'
import type { ScaleOptions } from '#bench/scale/options.ts'
import { makePerson, type Person } from '#bench/scale/people.ts'
import { explainingClient } from '#bench/scale/replay.ts'
import { makeScaleSchema } from '#bench/scale/schema.ts'
import { stepsOf } from '#bench/scale/steps.ts'
import type { Grown, Measured } from '#bench/scale/verdicts.ts'
import { verbsFor, type MeasuredVerb, type Subject } from '#bench/scale/verbs.ts'
import type { Config } from '#src/config.ts'

/** Grows a database step by step and measures every statement at each size. */
export async function runScale(
  ownerUrl: string,
  config: Config,
  options: ScaleOptions,
  onProgress: (line: string) => void,
): Promise<readonly Grown[]> {
  await using connections = new AsyncDisposableStack()
  const loading = await connectTo(ownerUrl, connections)
  await loading.query(`set work_mem = '128MB'; set maintenance_work_mem = '512MB'`)
  await makeScaleSchema(loading)
  const explaining = await explainingClient(await connectTo(ownerUrl, connections))
  const grown = new Map<string, Grown>()
  let heavy: Person | undefined
  for (const step of stepsOf(options)) {
    const startedAt = performance.now()
    const people: Person[] = []
    await loadStep(loading, step, async (ordinaryUser) => {
      heavy ??= await makePerson(loading, config, 'heavy', 1)
      people.push(heavy, await makePerson(loading, config, 'ordinary', ordinaryUser))
      return people.map(({ words }) => words)
    })
    onProgress(`${step.percent} %: ${await sizeOf(loading)}, loaded in ${secondsSince(startedAt)} s`)
    const measuring = { explaining, smallTables: await findSmallTables(loading), runs: options.runs }
    for (const person of people) {
      const verbs = await verbsOf(explaining.client, config, person)
      for (const verb of verbs) note(grown, person, step.percent, await measureVerb(measuring, verb))
      await loading.query('vacuum (index_cleanup on)')
    }
    onProgress(`${step.percent} %: measured, ${secondsSince(startedAt)} s in all`)
  }
  return [...grown.values()]
}

function note(grown: Map<string, Grown>, person: Person, percent: number, all: readonly Measured[]): void {
  for (const measured of all) {
    const key = `${measured.name} ${person.name}`
    const sizes = [...(grown.get(key)?.sizes ?? []), { percent, measured }]
    grown.set(key, { name: measured.name, person: person.name, sizes })
  }
}

async function verbsOf(client: Client, config: Config, person: Person): Promise<readonly MeasuredVerb[]> {
  await makeOwnerViews(client, person.userId)
  return verbsFor(await subjectFor(client, config, person))
}

/** Tables of at most 64 KiB: PostgreSQL itself thinks that reading so few pages is cheaper than an index. */
async function findSmallTables(client: Client): Promise<ReadonlySet<string>> {
  const found = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relpages <= 8`,
  )
  return new Set(found.rows.map(({ name }) => name))
}

async function subjectFor(client: Client, config: Config, person: Person): Promise<Subject> {
  const { common, rare } = person.words
  const found = await client.query<{
    conversation: string
    middle: string
    frozen: string
    cells: string
    common: string
    rare: string
    entries: string
  }>(
    `select (select id from conversations where user_id = $1 order by message_count desc, id limit 1) as conversation,
       (select id from messages where user_id = $1 order by id
          offset (select count(*) / 2 from messages where user_id = $1) limit 1) as middle,
       (select id from personas where frozen_at is not null
          and id in (select persona_id from conversations where user_id = $1) limit 1) as frozen,
       4 + (select count(*) from messages where user_id = $1) + (select count(*) from turns where user_id = $1)
         + 2 * (select count(*) from conversations where user_id = $1) + 3 * (select count(*) from user_sessions where user_id = $1)
         + 2 * (select count(*) from identities where user_id = $1) as cells,
       (select count(*) from messages where user_id = $1 and words @> array[$2::bigint]) as common,
       (select count(*) from messages where user_id = $1 and words @> array[$3::bigint]) as rare,
       (select head_seq from audit_chains where user_id = $1) as entries`,
    [person.userId, common, rare],
  )
  const row = found.rows[0]
  if (row === undefined) throw new Error('the person is not there')
  const matches = { common: Number(row.common), rare: Number(row.rare) }
  const { conversation: conversationId, middle: middleMessageId, frozen: frozenId } = row
  const [cells, auditEntries] = [Number(row.cells), Number(row.entries)]
  return { config, person, conversationId, frozenId, middleMessageId, cells, matches, auditEntries }
}

async function sizeOf(client: Client): Promise<string> {
  const found = await client.query<{ messages: string; conversations: string; users: string; size: string }>(
    `select (select count(*) from messages) as messages, (select count(*) from conversations) as conversations,
       (select count(*) from users) as users, pg_size_pretty(pg_database_size(current_database())) as size`,
  )
  const { messages, conversations, users, size } = found.rows[0] ?? {}
  return `${messages} messages, ${conversations} conversations, ${users} users, ${size}`
}

async function connectTo(connectionString: string, connections: AsyncDisposableStack): Promise<Client> {
  const client = new Client({ connectionString })
  await client.connect()
  connections.defer(async () => await client.end())
  return client
}

const secondsSince = (startedAt: number) => ((performance.now() - startedAt) / 1000).toFixed(0)
