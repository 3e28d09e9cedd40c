import { answerTurn, type AnsweredTurn, type LiveTurn } from '#src/conversations/answer-turn.ts'
import { followTurn, type SeenTurn } from '#src/conversations/follow-turn.ts'
import { messageFrom } from '#src/conversations/messages.ts'
import { noteTurnMemories } from '#src/conversations/note-memories.ts'
import type { Turn } from '#src/conversations/shapes.ts'
import type { MessageRow } from '#src/conversations/stored-messages.ts'
import { takeNotes, type Heard } from '#src/conversations/take-notes.ts'
import { TurnSpeech } from '#src/conversations/speak-turn.ts'
import type { StartedTurn } from '#src/conversations/take-turn.ts'
import { UiMessageWriter } from '#src/conversations/ui-message-stream.ts'
import type { Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { eventStream } from '#src/http/sse.ts'
import type { SpeechFormat } from '#src/speech/audio-format.ts'
import { openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

/** How a reply is heard: from which character on, and whether it is spoken too, in which format or the vendor's own. */
export interface Hearing {
  readonly from: number
  readonly speech: SpeechFormat | 'auto' | undefined
}

/**
 * The reply as an event stream in the AI SDK's UI message stream protocol. One that is being made here is spoken where that is
 * wished: a `data-speech` part for each sentence, in order, while the text goes on.
 */
export function streamTurn(
  caller: Caller,
  started: StartedTurn,
  { from, speech }: Hearing = { from: 0, speech: undefined },
): ReadableStream<Uint8Array> {
  let isHeard = true
  let voice: TurnSpeech | undefined
  return eventStream(
    async (send) => {
      const at = Math.min(from, standingCharacters(started))
      const writer = new UiMessageWriter(streamedOf(started), send, at)
      writer.start()
      voice = started.isLive && speech !== undefined ? voiceOf(caller, started, speech, writer) : undefined
      const { state, checkpoints } = started.isLive
        ? await answerAloud(started, at, writer, voice)
        : { state: await followAloud(caller, started.seen, at, writer, () => isHeard), checkpoints: 0 }
      await voice?.end()
      writer.end(state, caller.database.flights)
      caller.report({ event: 'turn_ended', state, flights: caller.database.flights, checkpoints })
    },
    caller.defer,
    () => {
      isHeard = false
      voice?.leave()
    },
  )
}

const streamedOf = (started: StartedTurn) =>
  started.isLive ? { ...started.turn, memoryIds: started.memoryIds } : started.seen

function voiceOf(
  caller: Caller,
  { turn, before }: StartedTurn & { isLive: true },
  speech: SpeechFormat | 'auto',
  writer: UiMessageWriter,
): TurnSpeech | undefined {
  if (turn.personaId === null) return undefined
  const wish = { personaId: turn.personaId, format: speech === 'auto' ? undefined : speech }
  return new TurnSpeech(caller, wish, before, (part) => writer.data('speech', String(part.index), part))
}

// What was heard of a Worker that died may be more than what was kept: it is said anew from there, as the first id tells.
function standingCharacters(started: StartedTurn): number {
  if (started.isLive) return started.before.length
  const { state, isAbandoned, text } = started.seen
  return state === 'streaming' && !isAbandoned ? Number.POSITIVE_INFINITY : text.length
}

/** Reads the reply to its end as `answerTurn` does, then has notes taken and what is worth it remembered. */
export async function answerStarted(
  { turn, reply, before, heard }: StartedTurn & { isLive: true },
  onText: (delta: string) => void,
): Promise<AnsweredTurn> {
  const answered = await answerTurn(turn, reply, onText, before)
  if (answered.state === 'complete') {
    turn.caller.defer(takeNotes(turn, heard))
    turn.caller.defer(remember(turn, heard, answered.said))
  }
  return answered
}

async function remember(
  { caller, vault, conversationId, userMessageId }: LiveTurn,
  { remembered, history, content }: Heard,
  said: readonly MessageRow[],
): Promise<void> {
  if (remembered === undefined) return
  const words = said.find(({ id }) => id === userMessageId)
  // Words that are hidden are no source.
  const told = words === undefined ? history : [{ ...words, content }, ...history]
  await noteTurnMemories(caller, { ...remembered, vault, conversationId, told })
}

async function answerAloud(
  started: StartedTurn & { isLive: true },
  from: number,
  writer: UiMessageWriter,
  voice: TurnSpeech | undefined,
): Promise<Pick<AnsweredTurn, 'state' | 'checkpoints'>> {
  const { turn, before } = started
  if (before.length > from) writer.text(before.slice(from))
  try {
    return await answerStarted(started, (delta) => {
      writer.text(delta)
      voice?.add(delta)
    })
  } catch (error) {
    turn.caller.report({ event: 'turn_not_stored', ...describeFailure(error) })
    return { state: 'interrupted', checkpoints: turn.checkpoints.flights }
  }
}

async function followAloud(
  caller: Caller,
  seen: SeenTurn,
  from: number,
  writer: UiMessageWriter,
  isHeard: () => boolean,
): Promise<Turn['state']> {
  try {
    const ended = await followTurn(caller, seen, from, (text) => writer.text(text), isHeard)
    writer.cutBack(ended.text.length)
    writer.remembered(ended.memoryIds)
    return endStateOf(ended)
  } catch (error) {
    caller.report({ event: 'turn_not_followed', ...describeFailure(error) })
    return 'interrupted'
  }
}

/** The whole turn, once the reply has ended. */
export async function finishedTurn(caller: Caller, started: StartedTurn): Promise<Turn> {
  if (started.isLive) {
    const { state, said } = await answerStarted(started, () => undefined)
    return await turnFrom(started.turn.vault, started.turn, state, said)
  }
  const ended = await followTurn(caller, started.seen, 0, () => undefined)
  return await turnFrom(await openVault(caller), ended, endStateOf(ended), ended.said)
}

const endStateOf = ({ state }: SeenTurn) => (state === 'complete' ? 'complete' : 'interrupted')

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
