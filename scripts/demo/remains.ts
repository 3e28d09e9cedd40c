import { join } from 'node:path'
import { Client, escapeIdentifier } from 'pg'
import { openStores } from '#scripts/stack/stores.ts'

/** Where the demo's data lies. */
export interface Stores {
  readonly ownerUrl: string
  readonly stateDirectory: string
}

/** What the stores hold: how many rows in each table, and every row, KV value and R2 key as text. */
export interface Holdings {
  readonly rows: ReadonlyMap<string, number>
  readonly kvKeys: readonly string[]
  readonly r2Keys: readonly string[]
  /** Everything in one string; bytes as hexadecimal digits. */
  readonly text: string
}

/** Reads every table, KV value and R2 key. */
export async function readHoldings({ ownerUrl, stateDirectory }: Stores): Promise<Holdings> {
  const [tables, blobs] = await Promise.all([readTables(ownerUrl), readBlobs(stateDirectory)])
  return { rows: tables.rows, kvKeys: blobs.kvKeys, r2Keys: blobs.r2Keys, text: `${tables.text}\n${blobs.text}` }
}

/** Those of the words that the stores hold in clear, as text or as the bytes of text. */
export function wordsIn({ text }: Holdings, words: readonly string[]): string[] {
  const haystack = text.toLowerCase()
  return words.filter((word) => {
    const lower = word.toLowerCase()
    return haystack.includes(lower) || haystack.includes(Buffer.from(word).toString('hex'))
  })
}

async function readTables(ownerUrl: string): Promise<{ rows: Map<string, number>; text: string }> {
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    const names = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by 1",
    )
    const rows = new Map<string, number>()
    const lines: string[] = []
    for (const { name } of names.rows) {
      // The built-in companions are everybody's and stay.
      const own = name === 'personas' ? 'where owner_id is not null' : ''
      const found = await client.query<{ line: string }>(
        `select t::text as line from ${escapeIdentifier(name)} t ${own}`,
      )
      rows.set(name, found.rows.length)
      lines.push(...found.rows.map((row) => row.line))
    }
    return { rows, text: lines.join('\n') }
  } finally {
    await client.end()
  }
}

async function readBlobs(stateDirectory: string): Promise<{ kvKeys: string[]; r2Keys: string[]; text: string }> {
  await using stores = await openStores(join(stateDirectory, 'worker', 'v3'))
  const kvKeys = (await stores.speechIndex.list()).keys.map((key) => key.name)
  const r2Keys = (await stores.audio.list()).objects.map((object) => object.key)
  const values = await Promise.all(kvKeys.map((key) => stores.speechIndex.get(key)))
  const tracks = r2Keys.filter((key) => key.endsWith('/track'))
  for (const key of tracks) values.push((await (await stores.audio.get(key))?.text()) ?? '')
  return { kvKeys, r2Keys, text: [...kvKeys, ...values, ...r2Keys].join('\n') }
}

/** Whole phrases, and the words of them that are too long to turn up by chance. */
export function phrases(spoken: readonly string[]): string[] {
  const words = spoken.flatMap((phrase) => phrase.split(/[^\p{L}\p{N}@.-]+/u)).filter((word) => word.length >= 8)
  return [...new Set([...spoken, ...words])]
}
