import { expect, vi } from 'vitest'
import { asOwner } from '#test/setup/owner-database.ts'
import type { SealedLife } from '#test/setup/sealed-life.ts'
import {
  kindsOfTampering,
  someOf,
  tamperWith,
  writeCells,
  type SealedCell,
  type Tampering,
} from '#test/setup/tamperings.ts'

const eachRound = 90

/** What their owner reads in each cell, by the id of its row, once what was broken is recorded. */
type Read = (life: SealedLife) => Promise<ReadonlyMap<string, string | null>>

const nameOf = ({ table, column, id }: SealedCell) => `${table}.${column}:${id}`

/**
 * Tampers with so many cells of somebody's, some of them at a time, and expects that each is read as null, is a line of the
 * log and an entry of the audit chain, that everything else is read as it was, and that all is there once it is mended.
 */
export async function expectOnlyTamperedCellsToBeLost(
  life: SealedLife,
  foreign: readonly SealedCell[],
  read: Read,
  tamperings: number,
): Promise<void> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const { cells } = life
  const others = [...cells, ...foreign].map(({ bytes }) => bytes)
  const made: Tampering[] = []
  const known = new Set<string>()
  let before: readonly SealedCell[] = []
  while (made.length < tamperings) {
    const round = someOf(cells, Math.min(eachRound, tamperings - made.length)).map((cell) =>
      tamperWith(cell, others, known),
    )
    made.push(...round)
    const broken = new Set(round.map(({ cell }) => cell.id))
    await writeCells([...mended(before.filter(({ id }) => !broken.has(id))), ...round])
    before = round.map(({ cell }) => cell)
    expect(await read(life)).toEqual(new Map(cells.map(({ id, text }) => [id, broken.has(id) ? null : text])))
  }
  await writeCells(mended(before))
  expect(await read(life)).toEqual(new Map(cells.map(({ id, text }) => [id, text])))
  expect(new Set(made.map(({ kind }) => kind))).toEqual(new Set(kindsOfTampering))
  const told = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"seal_broken"'))
  log.mockRestore()
  expect(told.length).toBe(tamperings)
  expect(told.join()).not.toMatch(/sentence|title number/)
  expect(await timesRecorded(life.userId)).toEqual(timesOf(made.map(({ cell }) => nameOf(cell))))
}

const mended = (cells: readonly SealedCell[]) => cells.map((cell) => ({ cell, bytes: cell.bytes }))

/** How often each cell is named in a person's audit chain. */
async function timesRecorded(userId: string): Promise<ReadonlyMap<string, number>> {
  const rows = await asOwner<{ target: string }>(
    `select l.target from public.audit_log l join public.audit_chains c using (chain_id)
     where c.user_id = $1 and l.action = 'seal.broken'`,
    [userId],
  )
  return timesOf(rows.map(({ target }) => target))
}

function timesOf(names: readonly string[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1)
  return times
}
