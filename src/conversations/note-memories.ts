import { eq, sql } from 'drizzle-orm'
import { users } from '#src/accounts/tables.ts'
import { alongPath, leafOf, openHistory, selectHistory } from '#src/conversations/stored-messages.ts'
import { conversations } from '#src/conversations/tables.ts'
import { writeNote, type Fly } from '#src/conversations/write-note.ts'
import { apart } from '#src/db/apart.ts'
import { asTurn, asUser, type Caller, type RequestScope, type TurnCaller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { promptForMemories, readDrawn } from '#src/memories/draw.ts'
import { openMemories, selectMemoriesFor } from '#src/memories/recall.ts'
import { keepMemories, notLookedThrough, type Looked } from '#src/memories/remember.ts'
import { drawByRules } from '#src/memories/rules.ts'
import type { Recalled, Told } from '#src/memories/told.ts'
import { settleUsage } from '#src/usage/quota.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A conversation that may be remembered, and what its companion remembers already. */
export interface Remembered extends Looked {
  readonly vault: Vault
  readonly known: readonly Recalled[]
}

/** Whether what is said in a conversation may be remembered, for a statement over `conversations`. */
export const isRemembered = sql<boolean>`(not ${conversations.isTemporary}
  and not exists (select from ${users} where not ${users.isRemembered}))`

/** As `noteMemories` does, after a turn, by its key. */
export const noteTurnMemories = async (caller: TurnCaller, remembered: Remembered): Promise<void> =>
  await noteMemories(apart(caller), (own) => async (build) => await asTurn(own, build), remembered)

const appendedMessages = 10

/** As `noteMemories` does, after something of the person's own was appended. */
export async function noteAppendedMemories(caller: Caller, vault: Vault, conversationId: string, content: string) {
  // Most of what is said tells nothing: then nobody is asked.
  if (!asksModel(caller) && drawByRules([{ id: '', seq: 1, role: 'user', content }], []).length === 0) return
  const own = apart(caller)
  const [[conversation], remembered, path] = await asUser(own, (db) => [
    db
      .select({ rememberedSeq: conversations.rememberedSeq, isRemembered })
      .from(conversations)
      .where(eq(conversations.id, conversationId)),
    selectMemoriesFor(db, conversationId),
    selectHistory(db, conversationId, leafOf(conversationId), appendedMessages),
  ])
  if (conversation?.isRemembered !== true) return
  const { rememberedSeq } = conversation
  const told = await openHistory(vault, alongPath(path))
  const known = await openMemories(vault, remembered)
  await noteMemories(own, (flier) => async (build) => await asUser(flier, build), {
    vault,
    conversationId,
    rememberedSeq,
    told,
    known,
  })
}

const asksModel = ({ config }: RequestScope) =>
  config.MEMORY_EXTRACTOR === 'model' && config.LLM_MODEL !== undefined && config.LLM_BASE_URL !== undefined

/**
 * Draws what is worth remembering from what was said and not looked through: by the model, or by rules where none is configured
 * or wished. Nobody waits for it; a failure is reported, and what was said is looked through again after the next words.
 */
async function noteMemories<T extends RequestScope>(
  caller: T,
  flyAs: (caller: T) => Fly,
  remembered: Remembered,
): Promise<void> {
  if (caller.config.MEMORY_EXTRACTOR === 'off') return
  const told = notLookedThrough(remembered)
  if (told.length === 0) return
  const fly = flyAs(caller)
  const note = asksModel(caller) ? drawByModel(caller, fly, remembered, told) : keepByRules(fly, remembered, told)
  await note.catch((error: unknown) => caller.report({ event: 'memories_not_drawn', ...describeFailure(error) }))
}

async function keepByRules(fly: Fly, remembered: Remembered, told: readonly Told[]): Promise<void> {
  const drawn = newIn(remembered, drawByRules(told, remembered.known))
  if (drawn.length === 0) return
  const keep = await keepMemories(remembered.vault, { ...remembered, told }, drawn)
  await fly((db) => [keep(db)])
}

const mostAnswerCharacters = 6_000

async function drawByModel(caller: RequestScope, fly: Fly, remembered: Remembered, told: readonly Told[]) {
  const prompt = promptForMemories(told, remembered.known)
  const { text, usageId, tokens } = await writeNote(caller.config, fly, prompt, mostAnswerCharacters)
  const drawn = readDrawn(text, told, remembered.known)
  if (drawn === undefined) {
    caller.report({ event: 'memories_not_drawn', problem: 'upstream_nonsense' })
    await fly((db) => [settleUsage(db, usageId, tokens)])
    return
  }
  const keep = await keepMemories(remembered.vault, { ...remembered, told }, newIn(remembered, drawn))
  // In the order of a turn's end, which takes the day's sums before the conversation.
  await fly((db) => [settleUsage(db, usageId, tokens), keep(db)])
}

/** What nothing new says was drawn before, and may be corrected or forgotten since. */
function newIn<T extends { readonly sourceIds: readonly string[] }>(
  { told, rememberedSeq }: Looked,
  drawn: readonly T[],
) {
  const looked = new Set(told.flatMap(({ id, seq }) => (seq > rememberedSeq ? id : [])))
  return drawn.filter(({ sourceIds }) => sourceIds.some((id) => looked.has(id)))
}
