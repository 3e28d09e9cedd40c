import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { flyAs, untilSomebodyWaits, type Query } from '#test/rls/flight.ts'
import { makePerson, type Person } from '#test/rls/people.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let edgeUrl: string
let person: Person

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_set_aside'))
  edge = await connectTo(edgeUrl)
  person = await makePerson(owner)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

it('what a turn may take is set aside once, though its flight is flown again before the first has ended', async () => {
  const entry = randomUUID()
  const reserve: Query = ["select app.reserve_usage($1, 'llm_tokens', 6, 1000)", entry]
  const before = await reservedToday()
  const first = await connectTo(edgeUrl)
  try {
    await first.query('begin; set local role neuraform_user')
    await first.query('select app.begin_session($1)', [person.tokenHash])
    await first.query(reserve[0], [entry])
    const again = flyAs(edge, person, [reserve], 'commit')
    await untilSomebodyWaits(owner, 'reserve_usage')
    await first.query('commit')
    expect(await again).toMatchObject({ count: 1 })
  } finally {
    await first.end()
  }
  expect(await reservedToday()).toBe(before + 6)
})

async function reservedToday(): Promise<number> {
  const { rows } = await owner.query<{ reserved: number }>(
    `select coalesce(sum(reserved), 0)::int as reserved from public.usage_days
     where user_id = $1 and kind = 'llm_tokens' and day = (now() at time zone 'utc')::date`,
    [person.userId],
  )
  return rows[0]?.reserved ?? 0
}
