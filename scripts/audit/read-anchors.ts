import { z } from 'zod'
import type { ChainHead } from '#scripts/audit/verify-chain.ts'

const Anchor = z.object({
  anchored_at: z.iso.datetime(),
  heads: z.array(z.object({ chain_id: z.uuid(), seq: z.int(), hash: z.hex() })),
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

/** Every head that was ever anchored, by chain. */
export async function readAnchors(bucket: AnchorBucket): Promise<Map<string, ChainHead[]>> {
  const anchors = new Map<string, ChainHead[]>()
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix: 'audit/', ...(cursor === undefined ? {} : { cursor }) })
    for (const { key } of page.objects) {
      const text = await (await bucket.get(key))?.text()
      for (const { chain_id: chainId, ...head } of Anchor.parse(JSON.parse(text ?? '{}')).heads) {
        anchors.set(chainId, [...(anchors.get(chainId) ?? []), head])
      }
    }
    if (!page.truncated) return anchors
    cursor = page.cursor
  }
}
