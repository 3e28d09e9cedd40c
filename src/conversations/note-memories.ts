import { alongPath, leafOf, openHistory, selectHistory } from '#src/conversations/stored-messages.ts'
import { writeNote, type Fly } from '#src/conversations/write-note.ts'
import { apart } from '#src/db/apart.ts'
import { only } from '#src/db/rows.ts'
import { asTurn, asUser, type Caller, type RequestScope, type TurnCaller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { promptForMemories, readDrawn, wordsToLookThrough } from '#src/memories/draw.ts'
import { chooseMemories, openMemories, selectMemoriesFor } from '#src/memories/recall.ts'
import { keepMemories } from '#src/memories/remember.ts'
import { drawByRules } from '#src/memories/rules.ts'
import type { OpenWords, Recalled, Told } from '#src/memories/told.ts'
import { settleUsage } from '#src/usage/quota.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A conversation that may be remembered. */
export interface Remembered {
  readonly vault: Vault
  readonly conversationId: string
  /** What was said, newest first. */
  readonly told: readonly Told[]
  /** What its companion remembers already. */
  readonly known: readonly Recalled[]
  /** Whether all companions are to remember what is drawn. */
  readonly isShared: boolean
}

const asksModel = ({ config }: RequestScope) =>
  config.MEMORY_EXTRACTOR === 'model' && config.LLM_MODEL !== undefined && config.LLM_BASE_URL !== undefined

/** As `noteMemories` does, after a turn, by its key. */
export async function noteTurnMemories(caller: TurnCaller, remembered: Remembered): Promise<void> {
  const own = apart(caller)
  await reported(own, async () => await noteMemories(own, async (build) => await asTurn(own, build), remembered))
}

const appendedMessages = 20

/** As `noteMemories` does, after a backend has appended its companion's reply: then what was said to it is whole. */
export async function noteAppendedMemories(caller: Caller, vault: Vault, conversationId: string): Promise<void> {
  if (caller.config.MEMORY_EXTRACTOR === 'off') return
  const own = apart(caller)
  await reported(own, async () => {
    const [rows, path] = await asUser(own, (db) => [
      selectMemoriesFor(db, conversationId),
      selectHistory(conversationId, leafOf(conversationId), appendedMessages),
    ])
    const remembering = only(rows)
    if (!remembering.isRemembered) return
    const told = await openHistory(vault, alongPath(path))
    const known = await openMemories(vault, remembering)
    const fly: Fly = async (build) => await asUser(own, build)
    await noteMemories(own, fly, { vault, conversationId, told, known, isShared: remembering.isShared })
  })
}

const reported = async (scope: RequestScope, note: () => Promise<void>) =>
  await note().catch((error: unknown) => scope.report({ event: 'memories_not_drawn', ...describeFailure(error) }))

/** How much of what may be in a prompt is looked through at once. */
const mostOfPrompt = 0.25

/**
 * Draws what is worth remembering from what was said and not looked through: by the model, or by rules where none is configured
 * or wished. Nobody waits for it; where the model cannot be asked, it is looked through after the next words.
 */
async function noteMemories(scope: RequestScope, fly: Fly, remembered: Remembered): Promise<void> {
  const { MEMORY_EXTRACTOR: extractor, LLM_PROMPT_TOKENS: budget } = scope.config
  const words = extractor === 'off' ? [] : wordsToLookThrough(remembered.told, budget * mostOfPrompt)
  if (words.length === 0) return
  if (asksModel(scope)) await drawByModel(scope, fly, remembered, words)
  else await keepByRules(fly, remembered, words)
}

const idsOf = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id)

async function keepByRules(fly: Fly, { vault, conversationId, known }: Remembered, words: readonly OpenWords[]) {
  const drawn = drawByRules(words, known)
  // What tells nothing is read again with the next words, for nothing.
  if (drawn.length === 0) return
  const keep = await keepMemories(vault, { conversationId, messageIds: idsOf(words), shownIds: [], drawn })
  await fly((db) => [keep(db)])
}

const mostAnswerCharacters = 6_000
const mostShownTokens = 1_000

async function drawByModel(scope: RequestScope, fly: Fly, remembered: Remembered, words: readonly OpenWords[]) {
  const { vault, conversationId, known, isShared } = remembered
  // What all remember is not told anew as one companion's own, nor the other way round.
  const replaceable = known.filter(({ personaId }) => (personaId === null) === isShared)
  const texts = words.map(({ content }) => content)
  const shown = chooseMemories(replaceable, texts, mostShownTokens)
  const prompt = promptForMemories(words, shown)
  const { text, usageId, tokens } = await writeNote(scope.config, fly, prompt, mostAnswerCharacters)
  const drawn = readDrawn(text, words, { known, shown })
  if (drawn === undefined) scope.report({ event: 'memories_not_drawn', problem: 'upstream_nonsense' })
  const looked = { conversationId, messageIds: idsOf(words), shownIds: idsOf(shown), drawn: drawn ?? [] }
  const keep = await keepMemories(vault, looked)
  // In the order of a turn's end, which takes the day's sums before the conversation.
  await fly((db) => [settleUsage(db, usageId, tokens), keep(db)])
}
