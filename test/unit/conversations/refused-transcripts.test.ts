import { describe, expect, it } from 'vitest'
import { CountedChats, placed } from '#src/conversations/transcripts/counted-chats.ts'
import { readAll } from '#test/setup/read-transcripts.ts'
import { jsonl, longChat, node, openAiChat, sillyHeader, sillyLine } from '#test/setup/transcripts.ts'

const good = JSON.stringify(longChat('good', 1))
const ours = '"format":"neuraform.conversations","version":1'
const mebibyte = 1_024 * 1_024
const idOf = (number: number) => `0198f000-0000-7000-8000-${String(number).padStart(12, '0')}`
const entry = (number: number) => ({ id: idOf(number), role: 'user', content: 'Hi.' })

describe('a conversation that cannot be taken in', () => {
  const tooMany = 'It has more than 10000 messages.'
  it.each([
    ['another thing', '{"id":"a"}', 'It is not as its format has it: /mapping: Invalid input'],
    ['no name', JSON.stringify(openAiChat('', [])), 'It is not as its format has it: /id: must name it'],
    [
      'a node that is none',
      '{"id":"a","mapping":{"a/b~":{"message":{}},"c":1}}',
      'It is not as its format has it: /mapping/a~1b~0/message/author: Invalid input: expected object, received undefined',
    ],
    ['many messages', JSON.stringify(longChat('a', 10_001)), tooMany],
    [
      'many nodes',
      JSON.stringify(
        openAiChat(
          'a',
          Array.from({ length: 10_002 }, (_, at) => node(`n${at}`, null, [])),
        ),
      ),
      tooMany,
    ],
    ['many values', `{"id":"a","mapping":{},"more":[${'{},'.repeat(300_000)}{}]}`, 'It holds more than 600000 values.'],
    ['many bytes', `{"id":"a","mapping":{},"more":"${'x'.repeat(8 * mebibyte)}"}`, 'It is longer than 8388608 bytes.'],
    ['__proto__', good.replace('"n0"', '"__proto__"'), 'A name is not allowed.'],
    ['a name twice', good.replace('"title"', '"id":1,"id"'), 'A name stands twice in one object.'],
    ['brackets', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 'The body is nested deeper than 32.'],
  ])('for %s is refused for itself alone', async (_name, item, detail) => {
    const outcome = await readAll(`[${good},${item},${good}]`, 'auto', [100_003])
    expect(outcome).toEqual({ format: 'openai', read: expect.any(Array), refused: [{ conversation: 2, detail }] })
    expect(outcome.read.map(({ name }) => name)).toEqual(['good', 'good'])
  })

  it('has 10,000 messages at the most, whatever its root is', async () => {
    const { mapping } = longChat('a', 10_000)
    const rooted = openAiChat('a', [node('root', null, []), ...Object.values(mapping)])
    expect((await readAll(JSON.stringify([rooted]))).read[0]?.messages.length).toBe(10_000)
    const chat = (count: number) => ({ id: idOf(0), messages: Array.from({ length: count }, (_, at) => entry(at)) })
    const { read, refused } = await readAll(`{${ours},"conversations":${JSON.stringify([chat(10_000), chat(10_001)])}}`)
    expect([read[0]?.messages.length, refused]).toEqual([10_000, [{ conversation: 2, detail: tooMany }]])
  })

  it('of ours says which message is none', async () => {
    const messages = [entry(1), { ...entry(2), role: 'x' }, { ...entry(3), role: 'y' }]
    const { refused } = await readAll(`{${ours},"conversations":[${JSON.stringify({ id: idOf(0), messages })}]}`)
    const detail =
      'It is not as its format has it: /messages/1/role: Invalid option: expected one of "user"|"assistant"'
    expect(refused).toEqual([{ conversation: 1, detail }])
  })

  it('is one of a thousand at the most', async () => {
    const { refused, problem } = await readAll(`[${'{},'.repeat(3_000)}{}]`)
    expect([refused.length, problem?.code, problem?.detail]).toEqual([
      1_000,
      'invalid_body',
      'Conversation 1002 of the file: It is one of more than 1000 that cannot be taken in.',
    ])
  })
})

describe('a chat of SillyTavern’s that cannot be taken in', () => {
  const named = (character: string) => ({ character_name: character, create_date: '2023-6-19 @14h 20m 3s 123ms' })
  const bad = (...lines: readonly string[]) =>
    [
      jsonl(named('A'), sillyLine(true, 'Hi.')),
      jsonl(named('B')),
      ...lines,
      jsonl(named('C'), sillyLine(true, 'Ho.')),
    ].join('\n')
  const spoken = JSON.stringify(sillyLine(true, 'x'))

  it.each([
    ['a line of another kind', ['{"mes":1}', spoken], /^It is not as its format has it: \/mes: Invalid input/],
    [
      'a line that is too long',
      [JSON.stringify(sillyLine(true, 'x'.repeat(8 * mebibyte))), spoken],
      /^It is longer than 8388608 bytes\.$/,
    ],
    [
      'lines that are too long',
      Array.from({ length: 9 }, () => JSON.stringify(sillyLine(true, 'x'.repeat(mebibyte)))),
      /^It is longer/,
    ],
    ['many lines', Array.from({ length: 10_001 }, () => spoken), /^It has more than 10000 messages\.$/],
    ['many values', [`{"mes":"","swipes":[${'1,'.repeat(20_000)}1]}`, spoken], /^It holds more than 20000 values\.$/],
    ['a name twice', ['{"mes":"","mes":""}', spoken], /^A name stands twice/],
  ])('for %s is refused for itself alone', async (_name, lines, detail) => {
    const { read, refused, problem } = await readAll(bad(...lines), 'sillytavern', [100_003])
    expect(problem).toBe(undefined)
    expect(refused).toEqual([{ conversation: 2, detail: expect.stringMatching(detail) }])
    expect(read.map(({ title, messages }) => [title, messages.length])).toEqual([
      ['A', 1],
      ['C', 1],
    ])
  })

  it('is not one whose swipes are more than its lines may be', async () => {
    const swipes = Array.from({ length: 6_000 }, (_, at) => `swipe ${at}`)
    const line = sillyLine(false, 'x', { swipe_id: 0, swipes })
    const outcome = await readAll(jsonl(sillyHeader, line, line))
    expect([outcome.read[0]?.messages.length, outcome.refused]).toEqual([12_000, []])
    const { refused } = await readAll(jsonl(sillyHeader, ...Array.from({ length: 9 }, () => line)))
    expect(refused).toEqual([{ conversation: 1, detail: 'It has more than 50000 versions of messages.' }])
  })

  it('is counted by the lines of its file, the blank ones too', async () => {
    const { problem } = await readAll(`${jsonl(sillyHeader)}\n\r\n \n\n{`, 'auto', [1])
    expect(problem?.detail).toMatch(/^Line 5 of the file/)
  })
})

describe('our own file', () => {
  it('with its names sorted is one where that is said', async () => {
    const chat = { id: idOf(0), messages: [entry(1)] }
    const sorted = (version: number) =>
      JSON.stringify({ conversations: [chat], exported_at: '', format: 'neuraform.conversations', version }, null, 2)
    const { read, problem } = await readAll(sorted(1), 'neuraform', [7])
    expect([read.map(({ name }) => name), problem]).toEqual([[idOf(0)], undefined])
    expect((await readAll(sorted(2), 'neuraform')).problem?.detail).toMatch(/is not of "format"/)
    expect((await readAll(sorted(1))).problem?.detail).toBe('It is a file of no program that is known here.')
  })

  it('has its list under that very name, and in its head what a head has', async () => {
    const outcome = async (head: string) => await readAll(`{${ours},${head}}`)
    const wrong = String.raw`"a\"conversations":[{"id":"x"}],"conver sations":[{}],"b":["conversations",[{}]]`
    expect((await outcome(wrong)).problem?.detail).toMatch(/has no list/)
    expect(await outcome(`${wrong},"conversations" : [ ]`)).toEqual({ format: 'neuraform', read: [], refused: [] })
    expect((await outcome('"a":1 2,"conversations":[]')).problem?.code).toBe('malformed_body')
    expect((await outcome('"conversations":[{},null {}]')).problem?.code).toBe('malformed_body')
    expect((await outcome(`"a":"${'x'.repeat(70_000)}","conversations":[]`)).problem?.code).toBe('malformed_body')
  })
})

it('a text of 15 MiB is refused and nothing else', async () => {
  const long = JSON.stringify([longChat('a', 1, 'x'.repeat(15 * mebibyte)), longChat('b', 1, 'x'.repeat(7 * mebibyte))])
  const { read, refused, problem } = await readAll(long)
  expect([read[0]?.messages[0]?.isAltered, refused.length, problem]).toEqual([true, 1, undefined])
})

it('what nothing can hold is too large, and no fault of ours', () => {
  const overflow = () => {
    throw new RangeError('Invalid string length')
  }
  expect(new CountedChats().read(overflow)).toEqual({
    refused: { conversation: 1, detail: 'It is too large to be read.' },
  })
  expect(placed(new RangeError('Invalid string length'), 'Line 1 of the file')).toMatchObject({
    code: 'payload_too_large',
    detail: 'Line 1 of the file: It is too large to be read.',
  })
})
