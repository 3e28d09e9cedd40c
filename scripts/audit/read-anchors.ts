import { z } from 'zod'
import type { ChainHead } from '#scripts/audit/verify-chain.ts'

const Anchor = z.object({
  anchored_at: z.iso.datetime(),
  heads: z.array(z.object({ chain_id: z.guid(), seq: z.int(), hash: z.hex() })),
})

/** What of an R2 bucket is needed to read it. */
export interface AnchorBucket {
  list(options: { prefix: string; cursor?: string }): Promise<{
    objects: readonly { key: string }[]
    truncated: boolean
    cursor?: string
  }>
  get(key: string): Promise<{ text(): Promise<string> } | null>
}

/** What a bucket holds of the chains. */
export interface Anchors {
  /** Every head that was ever anchored, by chain, each once. */
  readonly heads: ReadonlyMap<string, readonly ChainHead[]>
  /** Objects among them that are no anchors, by key. */
  readonly unreadable: readonly string[]
}

/** Every anchor of a bucket. One that cannot be read is named and costs only itself; a bucket that cannot be, throws. */
export async function readAnchors(bucket: AnchorBucket): Promise<Anchors> {
  const heads = new Map<string, Map<string, ChainHead>>()
  const unreadable: string[] = []
  for await (const key of listAnchors(bucket)) {
    const anchor = parseAnchor(await (await bucket.get(key))?.text())
    if (anchor === undefined) unreadable.push(key)
    for (const { chain_id: chainId, ...head } of anchor?.heads ?? []) {
      const known = heads.get(chainId) ?? new Map<string, ChainHead>()
      heads.set(chainId, known.set(`${head.seq} ${head.hash}`, head))
    }
  }
  return { heads: new Map([...heads].map(([chainId, known]) => [chainId, [...known.values()]])), unreadable }
}

async function* listAnchors(bucket: AnchorBucket): AsyncGenerator<string> {
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix: 'audit/', ...(cursor === undefined ? {} : { cursor }) })
    for (const { key } of page.objects) yield key
    if (!page.truncated) return
    cursor = page.cursor
  }
}

function parseAnchor(text: string | undefined): z.output<typeof Anchor> | undefined {
  try {
    return Anchor.safeParse(JSON.parse(text ?? 'null')).data
  } catch {
    return undefined
  }
}
