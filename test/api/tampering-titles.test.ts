import { expect, it } from 'vitest'
import type { ConversationPage } from '#src/conversations/shapes.ts'
import { sealedLife, type SealedLife } from '#test/setup/sealed-life.ts'
import { expectOnlyTamperedCellsToBeLost } from '#test/setup/tampered-rounds.ts'
import { callWith } from '#test/setup/worker-with.ts'

// Half of ten thousand; the other half are messages.
const tamperings = 5_000
const titles = 100

it(
  'loses to thousands of random swaps, cuts and flipped bits each title itself, and nothing else',
  { timeout: 120_000 },
  async () => {
    const other = await sealedLife('Another', 0, 10)
    const life = await sealedLife('Robin', 0, titles)
    await expectOnlyTamperedCellsToBeLost(life, other.cells, readTitles, tamperings)
  },
)

async function readTitles({ token }: SealedLife): Promise<ReadonlyMap<string, string | null>> {
  const { status, body } = await callWith<ConversationPage>({}, 'GET', `/conversations?limit=${titles}`, { token })
  expect(status).toBe(200)
  return new Map(body.items.map(({ id, title }) => [id, title]))
}
