import { v7 as uuidv7 } from 'uuid'
import { giveUp, storeUserMessage, type LiveTurn } from '#src/conversations/answer-turn.ts'
import { Checkpoints } from '#src/conversations/checkpoints.ts'
import { seenTurnFrom, type SeenTurn } from '#src/conversations/follow-turn.ts'
import { messageFrom } from '#src/conversations/messages.ts'
import { openTurn, reopenTurn, type OpenedTurn } from '#src/conversations/open-turn.ts'
import { buildPrompt, tokensForHistory, tokensForMemories } from '#src/conversations/prompt.ts'
import type { NewTurn } from '#src/conversations/shapes.ts'
import { openHistory } from '#src/conversations/stored-messages.ts'
import { conversations } from '#src/conversations/tables.ts'
import type { Heard } from '#src/conversations/take-notes.ts'
import type { Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { claimFor } from '#src/http/idempotency.ts'
import { Problem } from '#src/http/problem.ts'
import { ask } from '#src/llm/ask.ts'
import type { PromptMessage, Reply } from '#src/llm/port.ts'
import { promptTokensOf, tokensOf } from '#src/llm/tokens.ts'
import { chooseMemories, notSaidIn, openMemories } from '#src/memories/recall.ts'
import type { Told } from '#src/memories/told.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { createTurnKey } from '#src/vault/session-token.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A turn whose reply has begun here, or that another request answers or has answered. */
export type StartedTurn =
  | {
      readonly isLive: true
      readonly turn: LiveTurn
      readonly reply: Reply
      readonly before: string
      readonly heard: Heard
      /** What the prompt told the companion that it remembers. */
      readonly memoryIds: readonly string[]
    }
  | { readonly isLive: false; readonly seen: SeenTurn }

/**
 * Says something to the companion. Returns once the first piece of the reply is there, with the person's words stored.
 * Repeated with the same key it asks no model: it finds the reply, also while that is being made; where the Worker that made
 * it died, it goes on with it. Throws `not_found`, `idempotency_key_reused`, `turn_stopped`, `upstream_unavailable`,
 * `upstream_nonsense`, `quota_exceeded` or `deadline_exceeded`.
 *
 * Three flights: nothing is open while the model speaks, so what it says cannot be stored in the first; and the person's
 * words must not wait for it, so they cannot be stored with the last. Checkpoints fly beside them.
 */
export async function startTurn(
  caller: Caller,
  conversationId: string,
  { content, edit_of: editOf, is_hidden: isHidden = false }: NewTurn,
  idempotencyKey: string | undefined,
): Promise<StartedTurn> {
  const asked = [
    'turn',
    conversationId,
    content,
    ...(editOf === undefined ? [] : ['edit', editOf]),
    ...(isHidden ? ['hidden'] : []),
  ]
  const claim = await claimFor(caller.config, idempotencyKey, uuidv7(), asked)
  const keyHash = createTurnKey()
  const plan = { conversationId, keyHash, userMessageId: uuidv7(), replyMessageId: uuidv7(), content }
  const opened = await openTurn(caller, editOf === undefined ? plan : { ...plan, editOf }, claim)
  if (opened.isOurs) return await beginTurn(caller, opened, keyHash, { content, before: '', editOf, isHidden })
  const seen = await seenTurnFrom(await openVault(caller), opened.row, opened.said)
  if (!seen.isAbandoned) return { isLive: false, seen }
  return await continueTurn(caller, conversationId, seen.turnId, { content, isHidden })
}

/**
 * Has the companion answer the same words once more: the new reply stands beside the others, as a child of the same message,
 * and the path leads over it, unless something was said meanwhile. Returns as `startTurn` does. Throws `not_found` for a message
 * that is absent, another's or no reply of the companion's, and what `startTurn` throws.
 */
export async function regenerateReply(
  caller: Caller,
  conversationId: string,
  messageId: string,
  idempotencyKey: string | undefined,
): Promise<StartedTurn> {
  const claim = await claimFor(caller.config, idempotencyKey, uuidv7(), ['regenerate', conversationId, messageId])
  const keyHash = createTurnKey()
  const plan = { conversationId, keyHash, userMessageId: uuidv7(), replyMessageId: uuidv7(), anotherOf: messageId }
  const opened = await openTurn(caller, plan, claim)
  const vault = await openVault(caller)
  const seen = await seenTurnFrom(vault, opened.row, opened.said)
  if (opened.isOurs) return await beginTurn(caller, opened, keyHash, await saidFrom(vault, opened, ''))
  return seen.isAbandoned ? await continueTurn(caller, conversationId, seen.turnId) : { isLive: false, seen }
}

/**
 * Goes on with a reply that was interrupted, in the same message: it was stopped, the model broke off, or the Worker died.
 * Returns as `startTurn` does. Throws `not_found`, `turn_in_progress`, `conflict` for one that said all or nothing, and what
 * asking the model throws; what there was of it is kept then. `asked` is what it answers, where that is known: hidden words
 * are stored nowhere.
 */
export async function continueTurn(
  caller: Caller,
  conversationId: string,
  turnId: string,
  asked: { readonly content: string | null; readonly isHidden?: boolean } = { content: null },
): Promise<StartedTurn> {
  const keyHash = createTurnKey()
  const opened = await reopenTurn(caller, { conversationId, turnId, keyHash })
  const vault = await openVault(caller)
  const { text: before } = await seenTurnFrom(vault, opened.row, opened.said)
  const said = await saidFrom(vault, opened, before)
  return await beginTurn(caller, opened, keyHash, asked.isHidden === true ? { ...asked, before } : said)
}

/** The words that a turn answers, as they are stored. */
async function saidFrom(vault: Vault, { row, said }: OpenedTurn, before: string): Promise<Said> {
  const asked = said.find(({ id }) => id === row.userMessageId)
  return { content: asked === undefined ? null : (await messageFrom(vault, asked)).content, before }
}

interface Said {
  readonly editOf?: string | undefined
  readonly isHidden?: boolean
  /** Null where the words are not there, or cannot be opened: then there is nothing to answer. */
  readonly content: string | null
  /** What the companion has said already, where it is to go on. */
  readonly before: string
}

async function beginTurn(caller: Caller, opened: OpenedTurn, keyHash: Uint8Array, said: Said): Promise<StartedTurn> {
  const turnCaller = { ...scopeOf(caller), turnKeyHash: keyHash }
  const { id: turnId, conversationId, userMessageId, replyMessageId } = opened.row
  let vault: Vault | undefined
  let checkpoints: Checkpoints | undefined
  const spent = { tokens: 0 }
  try {
    vault = await openVault(caller)
    checkpoints = new Checkpoints({ caller: turnCaller, vault, turnId }, said.before)
    const { editOf, isHidden = false } = said
    const ids = { turnId, conversationId, userMessageId, replyMessageId, personaId: opened.talk.personaId, editOf }
    const turn = { caller: turnCaller, vault, ...ids, isHidden, checkpoints }
    return { isLive: true, turn, before: said.before, ...(await beginReply(turn, opened, said, spent)) }
  } catch (error) {
    await checkpoints?.close()
    const { before } = said
    await giveUp(turnCaller, { vault, replyMessageId, before, spent: spent.tokens }).catch((failure: unknown) =>
      caller.report({ event: 'turn_not_failed', ...describeFailure(failure) }),
    )
    throw error
  }
}

const scopeOf = ({ config, database, requestId, defer, report }: Caller) => ({
  config,
  database,
  requestId,
  defer,
  report,
})

interface Preparation {
  readonly prompt: readonly PromptMessage[]
  readonly heard: Heard
  readonly memoryIds: readonly string[]
}

/** Opens what the first flight brought, and makes the prompt of it. Throws `conflict` where there is nobody or nothing to answer. */
async function prepare(turn: LiveTurn, opened: OpenedTurn, { content, before }: Said): Promise<Preparation> {
  const { speaker, talk, memories: remembering } = opened
  if (speaker === undefined) throw new Problem('conflict', 'The companion of this conversation is gone.')
  if (content === null) throw new Problem('conflict', 'There are no words to answer.')
  const history = await openHistory(turn.vault, opened.history)
  const summary = await turn.vault.read(conversations.summary, turn.conversationId, talk.summary)
  const budget = turn.caller.config.LLM_PROMPT_TOKENS
  const known = await openMemories(turn.vault, remembering)
  const texts = [content, ...history.slice(0, newestTexts).flatMap((message) => message.content ?? [])]
  const remembered = chooseMemories(
    notSaidIn(known, idsWithin(history, tokensForHistory(budget, content) / 2)),
    texts,
    tokensForMemories(budget, content),
  )
  const memories = remembered.map((memory) => memory.content)
  return {
    prompt: buildPrompt({ speaker, summary, memories, newestFirst: history, content, before, budget }),
    memoryIds: [...new Set([...opened.row.memoryIds, ...remembered.map(({ id }) => id)])],
    heard: {
      hasTitle: talk.title !== null,
      summary,
      summarySeq: talk.summarySeq,
      history,
      content,
      remembered: remembering.isRemembered ? { known, isShared: remembering.isShared } : undefined,
    },
  }
}

/** By how many of the newest messages it is judged what is worth recalling. */
const newestTexts = 4

/** Which of the newest messages fit into so many tokens. */
function idsWithin(newestFirst: readonly Told[], most: number): ReadonlySet<string> {
  let tokens = 0
  const within = newestFirst.filter(({ content }) => {
    tokens += tokensOf(content ?? '')
    return tokens <= most
  })
  return new Set(within.map(({ id }) => id))
}

/** What was asked has left: it does once nothing more is done at once, and sealing words would hold it back. */
const gaveWay = async () => await new Promise<void>((resolve) => setTimeout(resolve, 0))

/** Asks the model while the person's words are stored; neither waits for the other, and both must succeed. */
async function beginReply(
  turn: LiveTurn,
  opened: OpenedTurn,
  said: Said,
  spent: { tokens: number },
): Promise<Pick<StartedTurn & { isLive: true }, 'reply' | 'heard' | 'memoryIds'>> {
  const { prompt, heard, memoryIds } = await prepare(turn, opened, said)
  const abort = new AbortController()
  const asking = ask(turn.caller.config, prompt, abort.signal)
  const [stored, asked] = await Promise.allSettled([
    gaveWay().then(async () => await storeUserMessage(turn, heard.content, memoryIds)),
    Promise.race([asking, turn.checkpoints.ending]),
  ])
  if (
    stored.status === 'fulfilled' &&
    stored.value &&
    asked.status === 'fulfilled' &&
    typeof asked.value !== 'string'
  ) {
    return { reply: asked.value, heard, memoryIds }
  }
  // Nobody needs what the model may still say.
  asking.catch(() => undefined)
  abort.abort()
  // A model that refused or said nothing has its own account of it; one that was left has read the prompt.
  if (asked.status === 'fulfilled') spent.tokens = promptTokensOf(prompt)
  for (const outcome of [stored, asked]) if (outcome.status === 'rejected') throw outcome.reason
  if (asked.status === 'fulfilled' && asked.value === 'stopped') throw new Problem('turn_stopped')
  // The session ended while the model was asked: what was said is kept, and nothing more is spent on it.
  throw new Problem('unauthenticated')
}
