import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { readTurn, type SeenTurn } from '#src/conversations/follow-turn.ts'
import type { ChatRequest } from '#src/conversations/chat-shapes.ts'
import { NewTurn } from '#src/conversations/shapes.ts'
import { conversations, messages, turns } from '#src/conversations/tables.ts'
import { regenerateReply, startTurn, type StartedTurn } from '#src/conversations/take-turn.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { personas } from '#src/personas/tables.ts'
import { derivedId } from '#src/vault/derived-id.ts'
import { lookupIndex } from '#src/vault/lookup.ts'
import { openVault } from '#src/vault/open-vault.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * What `useChat` of the AI SDK sends: the newest message becomes a turn of the chat's conversation, or the newest reply is
 * made once more. A chat that is not there begins with its first message; what the client sends of the past is left alone,
 * for the conversation has it. The message's id is its Idempotency-Key. Throws what `startTurn` throws, and `invalid_body`.
 */
export async function chat(caller: Caller, request: ChatRequest): Promise<StartedTurn> {
  const places = await placesOf(caller, request.id)
  const last = request.messages.at(-1)
  const spoken = NewTurn.safeParse({ content: last?.role === 'user' ? textOf(last.parts) : '' })
  if (last === undefined || !spoken.success) {
    const pointer = `/messages/${Math.max(0, request.messages.length - 1)}`
    throw new Problem('invalid_body', undefined, { errors: [{ pointer, detail: 'must be text that the person says' }] })
  }
  const key = `chat:${request.id}:${last.id}`
  if (request.trigger === 'regenerate-message') {
    const keys = [await versionKey(caller, key, spoken.data.content), key] as const
    const reply = await newestReplyTo(caller, places, keys, last.id)
    if (reply !== undefined) return await regenerateReply(caller, reply.conversationId, reply.id, undefined)
  }
  for (const place of places) {
    const started = await unlessAbsent(sayOrEdit(caller, place, spoken.data.content, key))
    if (started !== undefined) return started
  }
  const own = places.at(-1) ?? ''
  await begin(caller, own, request.persona_id)
  return await startTurn(caller, own, spoken.data, key)
}

/** A message that comes again under its id with other words is an edit of what it was. */
async function sayOrEdit(caller: Caller, conversationId: string, content: string, key: string): Promise<StartedTurn> {
  try {
    return await startTurn(caller, conversationId, { content }, key)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'idempotency_key_reused') throw error
    const [[said]] = await asUser(caller, (db) => [
      db
        .select({ id: turns.userMessageId })
        .from(turns)
        .innerJoin(idempotencyKeys, eq(idempotencyKeys.resourceId, turns.id))
        .where(and(eq(idempotencyKeys.key, key), eq(turns.conversationId, conversationId))),
    ])
    if (said === undefined) throw error
    return await startTurn(
      caller,
      conversationId,
      { content, edit_of: said.id },
      await versionKey(caller, key, content),
    )
  }
}

/** The key of a version of a message: which words it holds, and to nobody what they are. */
const versionKey = async (caller: Caller, key: string, content: string) =>
  `${key}:${(await lookupIndex(caller.config, 'chat', `${key}\n${content}`)).slice(0, 16).toHex()}`

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') return undefined
    throw error
  }
}

/** The reply of a chat that is being made just now; undefined where there is none, or no such chat. */
export async function chatInProgress(caller: Caller, chatId: string): Promise<SeenTurn | undefined> {
  const places = await placesOf(caller, chatId)
  const [[newest]] = await asUser(caller, (db) => [
    db
      .select({ id: turns.id, conversationId: turns.conversationId })
      .from(turns)
      .where(and(inArray(turns.conversationId, places), eq(turns.state, 'streaming')))
      .orderBy(desc(turns.startedAt))
      .limit(1),
  ])
  if (newest === undefined) return undefined
  const seen = await readTurn(caller, newest.conversationId, newest.id)
  return seen.state === 'streaming' && !seen.isAbandoned ? seen : undefined
}

/**
 * The conversations that a chat's id may stand for: one of the caller's by its id, and the one that begins under this name,
 * whose id (UUID version 8) follows from it for this person alone. So an id of somebody else's is a name like any other.
 */
async function placesOf(caller: Caller, chatId: string): Promise<string[]> {
  const own = await derivedId(caller.config, 'chat', (await openVault(caller)).userId, chatId)
  return uuid.test(chatId) ? [chatId, own] : [own]
}

/** Without a companion's name the house's first one. */
const begin = async (caller: Caller, id: string, personaId: string | undefined) =>
  await asUser(caller, (db) => [
    db.execute(sql`
      insert into ${conversations} (id, persona_id)
      select ${id}::uuid, coalesce(${personaId ?? null}::uuid, (
        select ${personas.id} from ${personas} where ${personas.ownerId} is null order by ${personas.createdAt}, ${personas.id} limit 1))
      on conflict do nothing`),
  ])

/**
 * The newest reply to a message, as an edit has it or as it was first, that the client names by the id that it gave it, or by
 * ours; undefined where there is none, for it failed or never came: it is said then.
 */
async function newestReplyTo(
  caller: Caller,
  places: string[],
  [version, first]: readonly [string, string],
  messageId: string,
): Promise<{ readonly id: string; readonly conversationId: string } | undefined> {
  const saidBy = (key: string) => sql`(
    select ${turns.userMessageId} from ${turns} join ${idempotencyKeys} on ${idempotencyKeys.resourceId} = ${turns.id}
    where ${idempotencyKeys.key} = ${key})`
  const said = sql`coalesce(${saidBy(version)}, ${saidBy(first)}, ${uuid.test(messageId) ? messageId : null}::uuid)`
  const [[reply]] = await asUser(caller, (db) => [
    db
      .select({ id: messages.id, conversationId: messages.conversationId })
      .from(messages)
      .where(
        and(
          inArray(messages.conversationId, places),
          eq(messages.parentId, said),
          inArray(messages.origin, ['companion', 'imported']),
        ),
      )
      .orderBy(sql`${messages.seq} desc nulls last`)
      .limit(1),
  ])
  return reply
}

const textOf = (parts: ChatRequest['messages'][number]['parts']) =>
  parts.flatMap((part) => (part.type === 'text' && part.text !== undefined ? [part.text] : [])).join('\n')
