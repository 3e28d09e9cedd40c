import { expect, it, vi } from 'vitest'
import type { SecurityLog } from '#src/auth/shapes.ts'
import type { ConversationPage, Message, MessagePage } from '#src/conversations/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { newConversation } from '#test/setup/talk.ts'
import {
  kindsOfTampering,
  sealedCell,
  someOf,
  tamperWith,
  writeCells,
  type SealedCell,
  type Tampering,
} from '#test/setup/tamperings.ts'

const tamperings = 10_000
const messages = 50
const titles = 20
const eachRound = 50

async function say(token: string, conversationId: string, text: string): Promise<SealedCell> {
  const { body } = await call<Message>('POST', `/conversations/${conversationId}/messages`, {
    token,
    body: { role: 'user', content: text },
  })
  return await sealedCell('messages', 'content', { id: body.id, text })
}

/** Somebody with conversations that have titles, and things said in the first. */
async function somebody(name: string, said: number, named: number) {
  const { token } = await newUser()
  const cells: SealedCell[] = []
  for (let n = 0; n < named; n += 1) {
    const text = `${name}’s title number ${n}`
    const { id } = await newConversation(token, text)
    cells.push(await sealedCell('conversations', 'title', { id, text }))
  }
  const conversationId = cells[0]?.id ?? ''
  for (let n = 0; n < said; n += 1) cells.push(await say(token, conversationId, `${name} said sentence number ${n}.`))
  return { token, conversationId, cells }
}

/** What their owner reads in each cell. */
async function readCells(token: string, conversationId: string): Promise<ReadonlyMap<string, string | null>> {
  const said = await call<MessagePage>('GET', `/conversations/${conversationId}/messages?limit=${messages}`, { token })
  const named = await call<ConversationPage>('GET', `/conversations?limit=${titles}`, { token })
  expect([said.status, named.status]).toEqual([200, 200])
  return new Map([
    ...said.body.items.map(({ id, content }) => [id, content] as const),
    ...named.body.items.map(({ id, title }) => [id, title] as const),
  ])
}

const nameOf = ({ table, column, id }: SealedCell) => `${table}.${column}:${id}`

it(
  'loses to ten thousand random swaps, cuts and flipped bits each item itself, and nothing else',
  { timeout: 120_000 },
  async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const other = await somebody('Another', 10, 2)
    const { token, conversationId, cells } = await somebody('Robin', messages, titles)
    const foreign = [...cells, ...other.cells].map(({ bytes }) => bytes)
    const made: Tampering[] = []
    while (made.length < tamperings) {
      const round = someOf(cells, eachRound).map((cell) => tamperWith(cell, foreign))
      made.push(...round)
      await writeCells(round)
      const broken = new Set(round.map(({ cell }) => cell.id))
      const expected = new Map(cells.map(({ id, text }) => [id, broken.has(id) ? null : text]))
      expect(await readCells(token, conversationId)).toEqual(expected)
      await writeCells(round.map(({ cell }) => ({ cell, bytes: cell.bytes })))
    }
    expect(await readCells(token, conversationId)).toEqual(new Map(cells.map(({ id, text }) => [id, text])))
    expect(new Set(made.map(({ kind }) => kind))).toEqual(new Set(kindsOfTampering))
    const told = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"seal_broken"'))
    expect(told.length).toBe(made.length)
    await vi.waitFor(async () => expect((await namedInLog(token)).toSorted()).toEqual(cells.map(nameOf).toSorted()))
    expect(told.join()).not.toMatch(/sentence|title number/)
  },
)

/** The cells that the person's security log names, each as often as it does. */
async function namedInLog(token: string): Promise<string[]> {
  const { body } = await call<SecurityLog>('GET', '/auth/security-log?limit=100', { token })
  return body.items.filter(({ action }) => action === 'seal.broken').map(({ target }) => target ?? '')
}
