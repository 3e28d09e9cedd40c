import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getPlatformProxy } from 'wrangler'

interface Buckets extends Record<string, unknown> {
  readonly BUCKET: { put(key: string, text: string): Promise<unknown> }
}

// `node test/setup/put-object.ts {state directory} {bucket} {key} {text}`
const [path = '', bucket, key = '', text = ''] = process.argv.slice(2)
const directory = await mkdtemp(join(tmpdir(), 'neuraform-put-'))
const configPath = join(directory, 'wrangler.json')
const buckets = [{ binding: 'BUCKET', bucket_name: bucket }]
await writeFile(configPath, JSON.stringify({ name: 'put', compatibility_date: '2026-11-01', r2_buckets: buckets }))
const { env, dispose } = await getPlatformProxy<Buckets>({ configPath, persist: { path } })
await env.BUCKET.put(key, text)
await dispose()
await rm(directory, { recursive: true })
