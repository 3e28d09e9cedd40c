import { uiMessageChunkSchema } from 'ai'
import { describe, expect, it } from 'vitest'
import { UiMessageWriter } from '#src/conversations/ui-message-stream.ts'
import type { ServerSentEvent } from '#src/http/sse.ts'

const turn = { turnId: 'turn', userMessageId: 'asked', replyMessageId: 'reply', memoryIds: ['remembered'] }
const about = { turn_id: 'turn', user_message_id: 'asked', memory_ids: ['remembered'] }

function written(write: (writer: UiMessageWriter) => void): ServerSentEvent[] {
  const events: ServerSentEvent[] = []
  write(new UiMessageWriter(turn, (event) => events.push(event)))
  return events
}

const partsOf = (events: ServerSentEvent[]) =>
  events.filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data) as Record<string, unknown>)

describe('the writer of a turn’s stream', () => {
  it('numbers each event by the UTF-16 units sent so far, and ends with [DONE] without a number', () => {
    const events = written((writer) => {
      writer.start()
      writer.text('a🌊')
      writer.text('\n\n')
      writer.end('complete', 3)
    })
    expect(events.map(({ id }) => id)).toEqual(['turn.0', 'turn.0', 'turn.3', 'turn.5', 'turn.5', 'turn.5', undefined])
    expect(events.at(-1)).toEqual({ data: '[DONE]' })
    expect(partsOf(events)).toEqual([
      { type: 'start', messageId: 'reply', messageMetadata: about },
      { type: 'text-start', id: 'reply' },
      { type: 'text-delta', id: 'reply', delta: 'a🌊' },
      { type: 'text-delta', id: 'reply', delta: '\n\n' },
      { type: 'text-end', id: 'reply' },
      { type: 'finish', finishReason: 'stop', messageMetadata: { ...about, state: 'complete', flights: 3 } },
    ])
  })

  it('says that a reply was interrupted, and not why', () => {
    const events = written((writer) => {
      writer.start()
      writer.end('interrupted', 2)
    })
    expect(partsOf(events).slice(2)).toEqual([
      { type: 'text-end', id: 'reply' },
      { type: 'error', errorText: 'The reply was interrupted.' },
      { type: 'finish', finishReason: 'error', messageMetadata: { ...about, state: 'interrupted', flights: 2 } },
    ])
  })

  it.each(['complete', 'interrupted'] as const)('writes only parts that the AI SDK knows: %s', async (state) => {
    const events = written((writer) => {
      writer.start()
      writer.text('words')
      writer.end(state, 3)
    })
    const schema = uiMessageChunkSchema()
    for (const part of partsOf(events)) expect(await schema.validate?.(part)).toMatchObject({ success: true })
    expect(await schema.validate?.({ type: 'text-dleta', id: 'reply', delta: 'x' })).toMatchObject({ success: false })
  })

  it('writes each event on one line, whatever is said', () => {
    const events = written((writer) => writer.text('a\nb\r\nc\rdata: [DONE]\n\nid: 7'))
    expect(events.filter(({ data }) => /[\r\n]/.test(data))).toEqual([])
  })
})
