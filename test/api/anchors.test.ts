import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { readAnchors } from '#scripts/audit/read-anchors.ts'
import type { SecurityLog } from '#src/auth/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { runSchedule } from '#test/setup/worker-with.ts'

const chainOf = async (token: string) => {
  const { body } = await call<SecurityLog>('GET', '/auth/security-log', { token })
  return { ...body.chain, id: String(body.chain.id) }
}

/** What the bucket of wrangler.toml holds of a chain. */
const anchorsOf = async (chainId: string) => (await readAnchors(env.ANCHORS as R2Bucket)).heads.get(chainId)

describe('every day', () => {
  const daily = '17 3 * * *'

  it('the heads of the chains that grew are copied out of the database, whatever their marks say', async () => {
    const { token } = await newUser()
    const chain = await chainOf(token)
    await asOwner('update public.audit_chains set anchored_seq = head_seq where chain_id = $1', [chain.id])
    await runSchedule({}, daily)
    expect(await anchorsOf(chain.id)).toEqual([{ seq: 1, hash: chain.head_hash }])
    await runSchedule({}, daily)
    expect(await anchorsOf(chain.id)).toEqual([{ seq: 1, hash: chain.head_hash }])
  })

  it('what was not copied is copied the next time', async () => {
    const { token } = await newUser()
    const chain = await chainOf(token)
    const failing = { put: () => Promise.reject(new Error('R2 is away')) } as never
    const log = vi.spyOn(console, 'log').mockReturnValue()
    await runSchedule({ ANCHORS: failing }, daily)
    await runSchedule({ ANCHORS: undefined } as never, daily)
    const reported = log.mock.calls
      .map(([line]) => String(line))
      .filter((line) => line.includes('scheduled_part_failed'))
    log.mockRestore()
    expect(reported.map((line) => line.includes('not_configured'))).toEqual([false, true])
    await runSchedule({}, daily)
    expect(await anchorsOf(chain.id)).toEqual([{ seq: 1, hash: chain.head_hash }])
  })
})
