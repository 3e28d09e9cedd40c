import type { Client } from 'pg'
import { z } from 'zod'
import type { Anchors } from '#scripts/audit/read-anchors.ts'
import { readChains } from '#scripts/audit/read-chains.ts'
import { describeFinding, verifyChain } from '#scripts/audit/verify-chain.ts'
import type { Stores } from '#scripts/stack/stores.ts'

/** What must hold and does not, and of what. */
export interface Broken {
  readonly invariant: string
  readonly subject: string
}

const mostRows = 1_000
const more = 'and more'
// Where audio lies: each person's own, and everybody's.
const prefixes = ['u/', 'shared/']
const Row = z.object({ invariant: z.string(), subject: z.string() })

/**
 * What is broken between the rows of a database, audit chains included, and what was anchored of them where the anchors
 * are known: at most 1,000 rows of each invariant, and then `and more`. The client may become `neuraform_jobs`.
 */
export async function findBrokenRows(client: Client, anchors: Anchors | undefined): Promise<Broken[]> {
  const unreadable = anchors?.unreadable ?? []
  const broken: Broken[] = unreadable.map((key) => ({ invariant: 'an anchor can be read', subject: key }))
  await inSnapshot(client, async () => {
    for (const row of await readBrokenInvariants(client)) broken.push(row)
    for await (const chain of readChains(client, anchors)) {
      for (const finding of verifyChain(chain)) {
        broken.push({ invariant: 'an audit chain is as it was written', subject: describeFinding(finding) })
      }
    }
  })
  return broken
}

async function readBrokenInvariants(client: Client): Promise<Broken[]> {
  const { rows } = await client.query('select * from app.broken_invariants($1)', [mostRows + 1])
  const byInvariant = Map.groupBy(z.array(Row).parse(rows), ({ invariant }) => invariant)
  return [...byInvariant].flatMap(([invariant, found]) =>
    found.length > mostRows ? found.slice(0, mostRows).concat({ invariant, subject: more }) : found,
  )
}

/**
 * What is broken between the rows and what the stores hold: audio without an object, and the reverse. A recording that is
 * being taken in may have none yet. A track belongs to the audio beside it; one that is not there is made anew when its line
 * is heard.
 */
export async function findBrokenStores(client: Client, { audio, speechIndex }: Stores): Promise<Broken[]> {
  const objects = new Set<string>()
  for (const prefix of prefixes) for await (const key of listObjects(audio, prefix)) objects.add(key)
  const rows = await inSnapshot(client, async () => await readObjectKeys(client))
  const broken: Broken[] = []
  for (const [key, isPending] of rows)
    if (!isPending && !objects.has(key)) broken.push({ invariant: 'audio of a row is in the bucket', subject: key })
  for (const key of objects)
    if (!rows.has(key.replace(/\/track$/, '')))
      broken.push({ invariant: 'audio in the bucket has a row', subject: key })
  for await (const { name, r2Key } of listIndex(speechIndex)) {
    if (!objects.has(r2Key)) broken.push({ invariant: 'a cached line leads to audio', subject: name })
  }
  return broken
}

/** Where the audio of each row lies, and whether it is still to come. */
async function readObjectKeys(client: Client): Promise<Map<string, boolean>> {
  const keys = new Map<string, boolean>()
  for (let last: string | null = null; ;) {
    const found: { rows: { id: string; r2_key: string; is_pending: boolean }[] } = await client.query(
      'select * from app.voice_objects($1, $2)',
      [last, mostRows],
    )
    for (const { r2_key: key, is_pending: isPending } of found.rows) keys.set(key, isPending)
    const end = found.rows.at(-1)
    if (end === undefined) return keys
    last = end.id
  }
}

async function* listObjects(bucket: Stores['audio'], prefix: string): AsyncGenerator<string> {
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) })
    for (const { key } of page.objects) yield key
    if (!page.truncated) return
    cursor = page.cursor
  }
}

const Entry = z.object({ r2_key: z.string() })

async function* listIndex(index: Stores['speechIndex']): AsyncGenerator<{ name: string; r2Key: string }> {
  for (let cursor: string | undefined; ;) {
    const page = await index.list({ prefix: 'speech/', ...(cursor === undefined ? {} : { cursor }) })
    for (const { name } of page.keys) {
      const entry = Entry.safeParse(JSON.parse((await index.get(name)) ?? 'null')).data
      if (entry !== undefined) yield { name, r2Key: entry.r2_key }
    }
    if (page.list_complete) return
    cursor = page.cursor
  }
}

async function inSnapshot<T>(client: Client, read: () => Promise<T>): Promise<T> {
  await client.query('begin isolation level repeatable read read only; set local role neuraform_jobs')
  try {
    return await read()
  } finally {
    await client.query('rollback')
  }
}
