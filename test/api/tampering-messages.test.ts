import { expect, it } from 'vitest'
import type { MessagePage } from '#src/conversations/shapes.ts'
import { sealedLife, type SealedLife } from '#test/setup/sealed-life.ts'
import { expectOnlyTamperedCellsToBeLost } from '#test/setup/tampered-rounds.ts'
import { callWith } from '#test/setup/worker-with.ts'

// Half of ten thousand; the other half are titles.
const tamperings = 5_000
const messages = 100

it(
  'loses to thousands of random swaps, cuts and flipped bits each message itself, and nothing else',
  { timeout: 120_000 },
  async () => {
    const other = await sealedLife('Another', 10, 1)
    const life = await sealedLife('Robin', messages, 1)
    const [title, ...said] = life.cells
    expect([title?.table, said.length]).toEqual(['conversations', messages])
    await expectOnlyTamperedCellsToBeLost({ ...life, cells: said }, other.cells, readMessages, tamperings)
  },
)

async function readMessages({ token, conversationId }: SealedLife): Promise<ReadonlyMap<string, string | null>> {
  const path = `/conversations/${conversationId}/messages?limit=${messages}`
  const { status, body } = await callWith<MessagePage>({}, 'GET', path, { token })
  expect(status).toBe(200)
  return new Map(body.items.map(({ id, content }) => [id, content]))
}
