import { desc, and, eq, sql } from 'drizzle-orm'
import { readTurn, type SeenTurn } from '#src/conversations/follow-turn.ts'
import type { ChatRequest } from '#src/conversations/chat-shapes.ts'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import { regenerateReply, startTurn, type StartedTurn } from '#src/conversations/take-turn.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'
import { openVault } from '#src/vault/open-vault.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * What `useChat` of the AI SDK sends: the newest message becomes a turn of the chat's conversation, or the newest reply is
 * made once more. A chat that is not there begins with its first message; what the client sends of the past is left alone,
 * for the conversation has it. The message's id is its Idempotency-Key. Throws what `startTurn` throws, and `invalid_body`.
 */
export async function chat(caller: Caller, request: ChatRequest): Promise<StartedTurn> {
  const conversationId = await conversationOf(caller, request.id)
  if (request.trigger === 'regenerate-message') {
    return await regenerateReply(caller, conversationId, await newestReply(caller, conversationId), undefined)
  }
  const last = request.messages.at(-1)
  const content = last?.role === 'user' ? textOf(last.parts) : ''
  if (last === undefined || content === '') {
    const pointer = `/messages/${Math.max(0, request.messages.length - 1)}`
    throw new Problem('invalid_body', undefined, { errors: [{ pointer, detail: 'must be text that the person says' }] })
  }
  const start = async () => await startTurn(caller, conversationId, { content }, `chat:${request.id}:${last.id}`)
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'not_found') throw error
    await begin(caller, conversationId, request.persona_id)
    return await start()
  }
}

/** The reply of a chat that is being made just now; undefined where there is none, or no such chat. */
export async function chatInProgress(caller: Caller, chatId: string): Promise<SeenTurn | undefined> {
  const conversationId = await conversationOf(caller, chatId)
  const [[newest]] = await asUser(caller, (db) => [
    db
      .select({ id: turns.id })
      .from(turns)
      .where(and(eq(turns.conversationId, conversationId), eq(turns.state, 'streaming')))
      .orderBy(desc(turns.startedAt))
      .limit(1),
  ])
  if (newest === undefined) return undefined
  const seen = await readTurn(caller, conversationId, newest.id)
  return seen.state === 'streaming' && !seen.isAbandoned ? seen : undefined
}

/** A chat's id is that of its conversation, or a name of the client's own, from which only this person's follows (UUID version 8). */
async function conversationOf(caller: Caller, chatId: string): Promise<string> {
  if (uuid.test(chatId)) return chatId
  const name = (await (await openVault(caller)).nameOf(`chat:${chatId}`)).slice(0, 16)
  name.set([0x80 | ((name[6] ?? 0) & 0x0f)], 6)
  name.set([0x80 | ((name[8] ?? 0) & 0x3f)], 8)
  return name.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Without a companion's name the house's first one. */
const begin = async (caller: Caller, id: string, personaId: string | undefined) =>
  await asUser(caller, (db) => [
    db.execute(sql`
      insert into ${conversations} (id, persona_id)
      select ${id}::uuid, coalesce(${personaId ?? null}::uuid, (
        select ${personas.id} from ${personas} where ${personas.ownerId} is null order by ${personas.createdAt}, ${personas.id} limit 1))
      on conflict (id) do nothing`),
  ])

async function newestReply(caller: Caller, conversationId: string): Promise<string> {
  const [[reply]] = await asUser(caller, (db) => [
    db
      .select({ id: messages.id })
      .from(messages)
      .where(and(eq(messages.conversationId, conversationId), eq(messages.origin, 'companion')))
      .orderBy(sql`${messages.seq} desc nulls last`)
      .limit(1),
  ])
  if (reply === undefined) throw new Problem('not_found')
  return reply.id
}

const textOf = (parts: ChatRequest['messages'][number]['parts']) =>
  parts.flatMap((part) => (part.type === 'text' && part.text !== undefined ? [part.text] : [])).join('\n')
