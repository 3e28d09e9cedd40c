import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getPlatformProxy, unstable_readConfig } from 'wrangler'

/** What of a KV namespace and of an R2 bucket the scripts use. */
interface KeyValues {
  list(options?: { prefix?: string; cursor?: string }): Promise<{
    keys: readonly { name: string }[]
    list_complete: boolean
    cursor?: string
  }>
  get(key: string): Promise<string | null>
}

interface Bucket {
  list(options?: { prefix?: string; cursor?: string }): Promise<{
    objects: readonly { key: string }[]
    truncated: boolean
    cursor?: string
  }>
  get(key: string): Promise<{ text(): Promise<string> } | null>
  head(key: string): Promise<unknown>
}

interface Bindings extends Record<string, unknown> {
  readonly SPEECH_INDEX: KeyValues
  readonly AUDIO: Bucket
  readonly ANCHORS: Bucket
}

/** The Worker's own stores, read from outside of it. */
export interface Stores extends AsyncDisposable {
  readonly speechIndex: KeyValues
  readonly audio: Bucket
  readonly anchors: Bucket
}

/** Opens the stores of a local Worker by where it keeps them, or else those that wrangler.toml names, deployed. */
export async function openStores(stateDirectory: string | undefined): Promise<Stores> {
  process.env['WRANGLER_LOG'] ??= 'error'
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-stores-'))
  const configPath = join(directory, 'wrangler.json')
  await writeFile(configPath, JSON.stringify(storesOnly(stateDirectory === undefined)))
  const proxy = await getPlatformProxy<Bindings>({
    configPath,
    persist: stateDirectory === undefined ? false : { path: stateDirectory },
  })
  const { SPEECH_INDEX: speechIndex, AUDIO: audio, ANCHORS: anchors } = proxy.env
  const close = async () => {
    await proxy.dispose()
    await rm(directory, { recursive: true, force: true })
  }
  return { speechIndex, audio, anchors, [Symbol.asyncDispose]: close }
}

/** The stores of wrangler.toml and nothing else of it; `remote` ones are the deployed ones. */
function storesOnly(remote: boolean): object {
  const config = unstable_readConfig({ config: join(import.meta.dirname, '../../wrangler.toml') })
  return {
    name: config.name,
    compatibility_date: config.compatibility_date,
    kv_namespaces: config.kv_namespaces.map((namespace: object) => Object.assign(namespace, { remote })),
    r2_buckets: config.r2_buckets.map((bucket: object) => Object.assign(bucket, { remote })),
  }
}
