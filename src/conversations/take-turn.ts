import { v7 as uuidv7 } from 'uuid'
import { answerTurn, failTurn, storeUserMessage, type LiveTurn } from '#src/conversations/answer-turn.ts'
import { messageFrom, type MessageRow } from '#src/conversations/messages.ts'
import { openTurn, type OpenedTurn } from '#src/conversations/open-turn.ts'
import { buildPrompt } from '#src/conversations/prompt.ts'
import type { NewTurn, Turn } from '#src/conversations/shapes.ts'
import { UiMessageWriter } from '#src/conversations/ui-message-stream.ts'
import type { Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { claimFor } from '#src/http/idempotency.ts'
import { Problem } from '#src/http/problem.ts'
import { eventStream } from '#src/http/sse.ts'
import { askModel } from '#src/llm/openai-compatible.ts'
import { awaitFirst } from '#src/llm/await-first.ts'
import type { Reply } from '#src/llm/port.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { createTurnKey } from '#src/vault/session-token.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A turn whose reply has begun, or had been stored before. */
type StartedTurn =
  | { readonly isLive: true; readonly turn: LiveTurn; readonly reply: Reply }
  | { readonly isLive: false; readonly opened: OpenedTurn; readonly vault: Vault }

/**
 * Says something to the companion. Returns once the first piece of the reply is there, with the person's words stored.
 * Repeated with the same key it finds the stored reply and asks no model. Throws `not_found`, `turn_in_progress`,
 * `idempotency_key_reused`, `upstream_unavailable`, `upstream_nonsense` or `deadline_exceeded`.
 *
 * Three flights: nothing is open while the model speaks, so what it says cannot be stored in the first; and the person's
 * words must not wait for it, so they cannot be stored with the last.
 */
export async function startTurn(
  caller: Caller,
  conversationId: string,
  { content }: NewTurn,
  idempotencyKey: string | undefined,
): Promise<StartedTurn> {
  const claim = await claimFor(caller.config, idempotencyKey, uuidv7(), ['turn', conversationId, content])
  const keyHash = createTurnKey()
  const plan = { conversationId, keyHash, userMessageId: uuidv7(), replyMessageId: uuidv7() }
  const opened = await openTurn(caller, plan, claim)
  if (!opened.isOurs) {
    if (opened.state === 'streaming') throw new Problem('turn_in_progress')
    return { isLive: false, opened, vault: await openVault(caller) }
  }
  const turnCaller = { ...scopeOf(caller), turnKeyHash: keyHash }
  try {
    const { turnId, userMessageId, replyMessageId } = opened
    const vault = await openVault(caller)
    const turn: LiveTurn = { caller: turnCaller, vault, turnId, conversationId, userMessageId, replyMessageId }
    return { isLive: true, turn, reply: await beginReply(turn, opened, content) }
  } catch (error) {
    await failTurn(turnCaller).catch((failure: unknown) =>
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

/** Asks the model while the person's words are stored; neither waits for the other, and both must succeed. */
async function beginReply(turn: LiveTurn, opened: OpenedTurn, content: string): Promise<Reply> {
  const history = await Promise.all(opened.history.map(async (row) => await messageFrom(turn.vault, row)))
  const prompt = buildPrompt(opened.speaker, history, content)
  const [stored, asked] = await Promise.allSettled([
    storeUserMessage(turn, content),
    askModel(turn.caller.config, prompt).then(awaitFirst),
  ])
  if (stored.status === 'fulfilled' && asked.status === 'fulfilled' && stored.value) return asked.value
  if (asked.status === 'fulfilled') asked.value.cancel()
  for (const outcome of [stored, asked]) if (outcome.status === 'rejected') throw outcome.reason
  // The session ended while the model was asked: what was said is kept, and nothing more is spent on it.
  throw new Problem('unauthenticated')
}

/** The reply as an event stream in the AI SDK's UI message stream protocol. */
export function streamTurn(caller: Caller, started: StartedTurn): ReadableStream<Uint8Array> {
  return eventStream(async (send) => {
    if (!started.isLive) {
      await replay(caller, started.opened, started.vault, new UiMessageWriter(started.opened, send))
      return
    }
    const writer = new UiMessageWriter(started.turn, send)
    writer.start()
    const state = await answerAloud(started.turn, started.reply, writer)
    writer.end(state, caller.database.flights)
    caller.report({ event: 'turn_ended', state, flights: caller.database.flights })
  }, caller.defer)
}

async function answerAloud(turn: LiveTurn, reply: Reply, writer: UiMessageWriter): Promise<Turn['state']> {
  try {
    return (await answerTurn(turn, reply, (delta) => writer.text(delta))).state
  } catch (error) {
    turn.caller.report({ event: 'turn_not_stored', ...describeFailure(error) })
    return 'interrupted'
  }
}

async function replay(caller: Caller, opened: OpenedTurn, vault: Vault, writer: UiMessageWriter): Promise<void> {
  const stored = opened.said.find((row) => row.id === opened.replyMessageId)
  const content = stored === undefined ? null : (await messageFrom(vault, stored)).content
  writer.start()
  if (content !== null) writer.text(content)
  writer.end(endStateOf(opened), caller.database.flights)
}

/** The whole turn, once the reply has ended. */
export async function finishedTurn(started: StartedTurn): Promise<Turn> {
  if (!started.isLive) {
    const { opened, vault } = started
    return await turnFrom(vault, opened, endStateOf(opened), opened.said)
  }
  const { state, said } = await answerTurn(started.turn, started.reply, () => undefined)
  return await turnFrom(started.turn.vault, started.turn, state, said)
}

const endStateOf = (opened: OpenedTurn) => (opened.state === 'complete' ? 'complete' : 'interrupted')

async function turnFrom(
  vault: Vault,
  turn: { turnId: string; conversationId: string; userMessageId: string; replyMessageId: string },
  state: Turn['state'],
  said: readonly MessageRow[],
): Promise<Turn> {
  const read = async (id: string) => {
    const row = said.find((message) => message.id === id)
    return row === undefined ? null : await messageFrom(vault, row)
  }
  const [userMessage, reply] = await Promise.all([read(turn.userMessageId), read(turn.replyMessageId)])
  return { id: turn.turnId, conversation_id: turn.conversationId, state, user_message: userMessage, reply }
}
