import { callerOn, scopeOn, searched, type Person } from '#bench/scale/people.ts'
import type { Start } from '#bench/scale/rehearsal.ts'
import type { Config } from '#src/config.ts'
import { getSecurityLog } from '#src/auth/security-log.ts'
import { getSession, listSessions } from '#src/auth/sessions.ts'
import type { ConversationQuery } from '#src/conversations/shapes.ts'
import { createConversation, getConversation, listConversations } from '#src/conversations/conversations.ts'
import { appendMessage, listMessages } from '#src/conversations/messages.ts'
import { searchMessages } from '#src/conversations/search.ts'
import { finishedTurn } from '#src/conversations/hear-turn.ts'
import { startTurn } from '#src/conversations/take-turn.ts'
import type { Caller } from '#src/db/scope.ts'
import { listMemories } from '#src/memories/memories.ts'
import { mostMemories } from '#src/memories/recall.ts'
import { getPersona, listPersonas } from '#src/personas/personas.ts'
import { readStaleCells } from '#src/privacy/rotate-data-key.ts'

/** A verb of the Worker's whose statements are measured. */
export interface MeasuredVerb {
  readonly name: string
  readonly start: Start
  /** Statements that may read more than they return: a part of their text, and how many rows bound them. */
  readonly bounds?: Readonly<Record<string, number>>
}

/** What the verbs are about, for one person. */
export interface Subject {
  readonly config: Config
  readonly person: Person
  /** Their longest conversation. */
  readonly conversationId: string
  /** A companion that they talk with, which its author took away from others since. */
  readonly frozenId: string
  /** One of their messages, with as many before it as after it. */
  readonly middleMessageId: string
  /** How many cells of theirs may be sealed: rows, once for each sealed column. */
  readonly cells: number
  /** How many of their messages hold the common word, and the rare one. */
  readonly matches: { readonly common: number; readonly rare: number }
  readonly auditEntries: number
}

const personaId = '0198f000-0000-7000-8000-000000000001'
const limit = 50
const content = 'How is the weather at the lighthouse today?'

// What fills the measured rows in the place of seals names a version below this one.
const versionToCome = 65_535
const placeOfMessages = 13

/** Every verb that lists, searches, takes a turn or seals anew, and the session that opens each flight; a new one gets a line here. */
export function verbsFor(subject: Subject): readonly MeasuredVerb[] {
  const { config, person, conversationId, frozenId, matches, auditEntries } = subject
  const as =
    (run: (caller: Caller) => Promise<unknown>): Start =>
    async (database) =>
    async () =>
      await run(callerOn(config, database, person))
  const inTheMiddle =
    (list: List): Start =>
    async (database, aside) => {
      const cursor = await middleOf(list, () => callerOn(config, aside, person))
      return async () => await list(callerOn(config, database, person), { limit, cursor })
    }
  const messagesOf: List = async (caller, page) =>
    await listMessages(caller, conversationId, { ...page, order: 'newest', branch: 'all' })
  const pathOf: List = async (caller, page) =>
    await listMessages(caller, conversationId, { ...page, order: 'newest', branch: 'current' })
  const earlyMessagesOf: List = async (caller, page) =>
    await listMessages(caller, conversationId, { ...page, order: 'oldest', branch: 'all' })
  const conversationsOf =
    (wish: Partial<ConversationQuery>): List =>
    async (caller, page) =>
      await listConversations(caller, { ...page, order: 'newest', ...wish })
  const search = (query: string, scope: { conversation_id?: string } = {}) =>
    as(async (caller) => await searchMessages(caller, { query, limit, ...scope }))
  const staleCells =
    (version: number, from: Parameters<typeof readStaleCells>[3]): Start =>
    async (on) =>
    async () =>
      await readStaleCells(scopeOn(config, on), person.userId, version, from)
  const saying = { role: 'user', content } as const
  const chain = { 'app.own_chain': 2 * auditEntries }
  return [
    { name: 'getSession', start: as(getSession) },
    {
      name: 'getSession, due to be touched',
      start: async (database) => async () => await getSession(callerOn(config, database, person, 2)),
    },
    { name: 'listSessions', start: as(async (caller) => await listSessions(caller, { limit })) },
    { name: 'getSecurityLog', start: as(async (caller) => await getSecurityLog(caller, { limit })), bounds: chain },
    { name: 'getSecurityLog, from the middle', start: inTheMiddle(getSecurityLog), bounds: chain },
    { name: 'listPersonas', start: as(async (caller) => await listPersonas(caller, { limit, sort: 'oldest' })) },
    {
      name: 'listPersonas, visitor',
      start: async (on) => async () => await listPersonas(scopeOn(config, on), { limit, sort: 'oldest' }),
    },
    { name: 'getPersona', start: as(async (caller) => await getPersona(caller, personaId)) },
    { name: 'getPersona, of others no more', start: as(async (caller) => await getPersona(caller, frozenId)) },
    { name: 'listConversations', start: as(async (caller) => await conversationsOf({})(caller, { limit })) },
    { name: 'listConversations, from the middle', start: inTheMiddle(conversationsOf({})) },
    {
      name: 'listConversations, of one companion',
      start: as(async (caller) => await conversationsOf({ persona_id: personaId })(caller, { limit })),
    },
    {
      name: 'listConversations, the archive, oldest first',
      start: as(async (caller) => await conversationsOf({ is_active: false, order: 'oldest' })(caller, { limit })),
    },
    { name: 'getConversation', start: as(async (caller) => await getConversation(caller, conversationId)) },
    { name: 'listMessages', start: as(async (caller) => await messagesOf(caller, { limit })) },
    { name: 'listMessages, from the middle', start: inTheMiddle(messagesOf) },
    { name: 'listMessages, the path', start: as(async (caller) => await pathOf(caller, { limit })) },
    { name: 'listMessages, the path, from the middle', start: inTheMiddle(pathOf) },
    { name: 'listMessages, oldest first, from the middle', start: inTheMiddle(earlyMessagesOf) },
    { name: 'searchMessages, a rare word', start: search(searched.rare), bounds: found(matches.rare) },
    {
      name: 'searchMessages, both words',
      start: search(`${searched.common} ${searched.rare}`),
      bounds: found(matches.rare),
    },
    { name: 'searchMessages, a common word', start: search(searched.common), bounds: found(matches.common) },
    {
      name: 'searchMessages, a common word in one conversation',
      start: search(searched.common, { conversation_id: conversationId }),
      bounds: found(matches.common),
    },
    {
      name: 'createConversation',
      start: as(async (caller) => await createConversation(caller, { persona_id: personaId, title: 'Tea' }, 'new')),
    },
    { name: 'appendMessage', start: as(async (caller) => await appendMessage(caller, conversationId, saying, 'new')) },
    {
      name: 'appendMessage, a reply',
      start: as(async (caller) => await appendMessage(caller, conversationId, { role: 'assistant', content }, 'new')),
    },
    { name: 'listMemories', start: as(async (caller) => await listMemories(caller, { limit })) },
    { name: 'listMemories, from the middle', start: inTheMiddle(listMemories) },
    {
      name: 'listMemories, of one companion',
      start: as(async (caller) => await listMemories(caller, { limit, persona_id: personaId })),
    },
    { name: 'startTurn', start: as(async (caller) => await turn(caller, conversationId)), bounds: recalled },
    {
      name: 'startTurn, repeated',
      start: async (database) => {
        await turn(callerOn(config, database, person), conversationId)
        return async () => await turn(callerOn(config, database, person), conversationId)
      },
      bounds: recalled,
    },
    {
      name: 'readStaleCells, messages from the middle',
      start: staleCells(versionToCome, { place: placeOfMessages, rowId: subject.middleMessageId }),
    },
    {
      name: 'readStaleCells, where none is left',
      start: staleCells(1, { place: 1, rowId: null }),
      bounds: { 'app.stale_cells': subject.cells },
    },
  ]
}

// One row holds them all.
const recalled = { 'app.memories_for': mostMemories }

const found = (matches: number) => ({ 'app.find_messages': matches })

const turn = async (caller: Caller, conversationId: string) =>
  await finishedTurn(caller, await startTurn(caller, conversationId, { content }, 'new'))

type Page = { readonly limit: number; readonly cursor?: string }
type List = (caller: Caller, page: Page) => Promise<{ next_cursor: string | null }>

/** A cursor from the middle of a list, found by turning its pages. */
async function middleOf(list: List, newCaller: () => Caller): Promise<string> {
  for (const pageSize of [50, 2]) {
    const cursors: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = await list(newCaller(), { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) })
      if (page.next_cursor === null) break
      cursor = page.next_cursor
      cursors.push(cursor)
    }
    const middle = cursors[Math.floor((cursors.length - 1) / 2)]
    if (middle !== undefined) return middle
  }
  throw new Error('the list has one page only')
}
