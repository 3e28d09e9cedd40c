import { array, assert, asyncProperty, constantFrom, integer, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Transcript } from '#src/conversations/transcripts/transcript.ts'
import { readAll } from '#test/setup/read-transcripts.ts'
import { jsonl, longChat, node, openAiChat, sillyHeader, sillyLine } from '#test/setup/transcripts.ts'

/** What was said, and after what. */
const told = ({ messages }: Transcript) =>
  messages.map(({ content, parent }) => [content, parent === null ? null : messages[parent]?.content])

const said = (id: string, parent: string | null, at: number | null = null) =>
  node(id, parent, [], { role: 'user', parts: [id], at })

const treeOf = async (nodes: readonly ReturnType<typeof node>[], current: string | null = null) => {
  const { read } = await readAll(JSON.stringify([openAiChat('c', nodes, { current_node: current })]))
  return { told: told(read[0] as Transcript), leaf: read[0]?.messages[read[0].leaf ?? -1]?.content }
}

describe('a tree of a file', () => {
  it('has several beginnings, and ends where the file says', async () => {
    expect(await treeOf([said('a', null), said('b', null), said('c', 'a')], 'b')).toEqual({
      told: [
        ['a', null],
        ['c', 'a'],
        ['b', null],
      ],
      leaf: 'b',
    })
  })

  it('hangs what follows nothing that is there at the beginning, and undoes circles', async () => {
    expect((await treeOf([said('a', 'gone'), said('b', 'a')])).told).toEqual([
      ['a', null],
      ['b', 'a'],
    ])
    expect(await treeOf([said('a', 'c'), said('b', 'a'), said('c', 'b'), said('self', 'self')], 'c')).toEqual({
      told: [
        ['self', null],
        ['a', null],
        ['b', 'a'],
        ['c', 'b'],
      ],
      leaf: 'c',
    })
  })

  it('is told by time, each after what it follows; the newest ends it where nothing is named', async () => {
    const nodes = [said('late', 'a', 9), said('a', null, 5), said('early', 'a', 1), said('same', 'early')]
    expect(await treeOf(nodes, 'nowhere')).toEqual({
      told: [
        ['a', null],
        ['early', 'a'],
        ['same', 'early'],
        ['late', 'a'],
      ],
      leaf: 'late',
    })
  })

  it('leads to the nearest that holds something', async () => {
    const empty = node('empty', 'a', [], { role: 'assistant', parts: ['  '] })
    expect(await treeOf([said('a', null), empty, said('b', 'empty')], 'empty')).toEqual({
      told: [
        ['a', null],
        ['b', 'a'],
      ],
      leaf: 'a',
    })
  })

  it('as deep as it may be costs no stack', async () => {
    const { read } = await readAll(JSON.stringify([longChat('deep', 10_000)]))
    expect([read[0]?.messages.length, read[0]?.leaf]).toEqual([10_000, 9_999])
  })
})

describe('a text of a file', () => {
  const contentOf = async (content: unknown) => {
    const file = JSON.stringify([openAiChat('c', [node('a', null, [], { role: 'user', parts: [content] })])])
    const { read } = await readAll(file)
    const [message] = read[0]?.messages ?? []
    return [message?.content, message?.isAltered]
  }

  it('is mended where it cannot be kept, and says so', async () => {
    expect(await contentOf('a\0b')).toEqual(['ab', true])
    expect(await contentOf('a\ud800b')).toEqual(['a\ufffdb', true])
    expect(await contentOf(`${'x'.repeat(99_999)}💛`)).toEqual(['x'.repeat(99_999), true])
    expect(await contentOf('x'.repeat(100_000))).toEqual(['x'.repeat(100_000), false])
    expect(await contentOf({ content_type: 'audio_transcription', text: 'Spoken.' })).toEqual(['Spoken.', false])
  })
})

describe('a message of ChatGPT’s', () => {
  const messageOf = async (role: string, text: string, more: Record<string, unknown> = {}) => {
    const file = JSON.stringify([openAiChat('c', [node('a', null, [], { role, parts: [text], more })])])
    const { content, status, isAltered } = (await readAll(file)).read[0]?.messages[0] ?? {}
    return [content, status, isAltered]
  }

  it('is not all that there is where a file hangs on it', async () => {
    const attachments = [{ id: 'file-1', name: 'plan.pdf' }]
    expect(await messageOf('user', 'Read.', { metadata: { attachments } })).toEqual(['Read.', 'complete', true])
    expect(await messageOf('user', 'Read.', { metadata: { attachments: [] } })).toEqual(['Read.', 'complete', false])
    expect(await messageOf('user', 'Read.', { metadata: { attachments: 1 } })).toEqual(['Read.', 'complete', false])
  })

  it('has no marks of citations, where it is a reply', async () => {
    const cited =
      'Old\ue200cite\ue202turn0search1\ue202turn0news2\ue201, new\ue200filecite\ue202turn1file0\ue201. \ue200cite'
    expect(await messageOf('assistant', cited)).toEqual(['Old, new. \ue200cite', 'complete', false])
    expect(await messageOf('user', cited)).toEqual([cited, 'complete', false])
  })

  it.each([
    ['assistant', 'in_progress', 'interrupted'],
    ['assistant', 'incomplete', 'interrupted'],
    ['assistant', 'finished_successfully', 'complete'],
    ['assistant', null, 'complete'],
    ['user', 'in_progress', 'complete'],
  ])('of the %s that is %s is %s', async (role, status, kept) => {
    expect(await messageOf(role, 'Hi.', { status })).toEqual(['Hi.', kept, false])
  })
})

describe('SillyTavern’s chat', () => {
  const info = (...dates: string[]) => dates.map((send_date) => ({ send_date, extra: { model: 'm' } }))
  const chat = jsonl(
    sillyHeader,
    sillyLine(false, 'You wake.', { swipe_id: 0, swipes: ['You wake.'] }),
    sillyLine(true, 'Where am I?', { send_date: '2023-6-19 @14h 20m 3s 123ms' }),
    sillyLine(false, 'Night falls.', { extra: { type: 'narrator' } }),
    sillyLine(false, 'In a glade, dear.', {
      send_date: '2023-06-19T14:22:00.000Z',
      swipe_id: 1,
      swipes: ['Nowhere.', 'In a glade.', ''],
      swipe_info: info('2023-06-19T14:21:00.000Z', '2023-06-19T14:22:00.000Z', ''),
    }),
    sillyLine(true, 'Thanks.', { send_date: 'once upon a time' }),
  )

  it('has swipes as versions beside each other, and what was chosen on its path', async () => {
    const { format, read } = await readAll(`${chat}\r\n\r\n`, 'auto', [3, 1, 11])
    expect([format, read.length, read[0]?.title, read[0]?.skipped, read[0]?.isChained]).toEqual([
      'sillytavern',
      1,
      'Seraphina',
      2,
      true,
    ])
    expect(told(read[0] as Transcript)).toEqual([
      ['You wake.', null],
      ['Where am I?', 'You wake.'],
      ['Nowhere.', 'Where am I?'],
      ['In a glade, dear.', 'Where am I?'],
      ['Thanks.', 'In a glade, dear.'],
    ])
    expect(read[0]?.leaf).toBe(4)
    expect(
      read[0]?.messages.map(({ placedAt: at, role, model }) => [
        at === null ? null : new Date(at).toJSON(),
        role,
        model,
      ]),
    ).toEqual([
      ['2023-06-19T14:20:00.000Z', 'assistant', null],
      ['2023-06-19T14:20:03.123Z', 'user', null],
      ['2023-06-19T14:21:00.000Z', 'assistant', 'm'],
      ['2023-06-19T14:22:00.000Z', 'assistant', 'm'],
      ['2023-06-19T14:22:00.000Z', 'user', null],
    ])
  })

  it('is one of several in a file, each known by its integrity, or by whom and when', async () => {
    const other = { ...sillyHeader, chat_metadata: {}, character_name: 'Mira' }
    const unused = { chat_metadata: { integrity: 'x' }, user_name: 'unused', character_name: 'unused' }
    const { read } = await readAll(jsonl(sillyHeader, other, sillyLine(true, 'Hi.'), unused))
    expect(read.map(({ name, title, messages }) => [name, title, messages.length])).toEqual([
      [`integrity:${sillyHeader.chat_metadata.integrity}`, 'Seraphina', 0],
      ['["Mira","2023-6-19 @14h 20m 3s 123ms"]', 'Mira', 1],
      ['integrity:x', null, 0],
    ])
  })

  it.each([
    [1_687_184_403_123, '2023-06-19T14:20:03.123Z'],
    ['1687184403123', '2023-06-19T14:20:03.123Z'],
    ['2023-06-19T16:20:03.123+02:00', '2023-06-19T14:20:03.123Z'],
    ['2023-06-19T14:20:03', '2023-06-19T14:20:03.000Z'],
    ['2024-07-12@01h31m37s', '2024-07-12T01:31:37.000Z'],
    ['2024-7-12 @1h 31m 37s 5ms', '2024-07-12T01:31:37.005Z'],
    ['June 19, 2023 2:20pm', '2023-06-19T14:20:00.000Z'],
    ['December 1, 2023 12:05am', '2023-12-01T00:05:00.000Z'],
    ['Jun 19, 2023 12:20pm', '2023-06-19T12:20:00.000Z'],
    ['Brumaire 19, 2023 2:20pm', undefined],
    [-1, undefined],
    [{}, undefined],
  ])('was said at %j', async (date, moment) => {
    const { read } = await readAll(jsonl(sillyHeader, sillyLine(true, 'Hi.', { send_date: date })))
    const at = read[0]?.messages[0]?.at
    expect(typeof at === 'number' ? new Date(at).toJSON() : undefined).toBe(moment)
  })
})

describe('a file', () => {
  const two = JSON.stringify([longChat('a', 2), longChat('b', 3)])

  it('reads alike in pieces of any size, with a mark before it and white space around', async () => {
    const spaced = `\ufeff \n${JSON.stringify(JSON.parse(two), null, 2)}\n`
    const { read } = await readAll(two)
    expect(read.length).toBe(2)
    for (const sizes of [[1], [2, 3], [5, 1, 4_097]]) {
      expect((await readAll(two, 'auto', sizes)).read).toEqual(read)
      expect((await readAll(spaced, 'auto', sizes)).read).toEqual(read)
    }
  })

  it('reads alike whatever marks stand in its texts, and wherever a piece ends', async () => {
    const marks = constantFrom('"', '\\\\', '\\\\"', '{', '}', '[', ']', ',', ':', 'a', 'ä', '💛')
    const texts = array(string({ unit: marks, minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 3 })
    await assert(
      asyncProperty(texts, array(integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }), async (words, sizes) => {
        const chats = words.map((text) => longChat(text, 1, text))
        const { read, problem } = await readAll(JSON.stringify(chats), 'auto', sizes)
        expect(problem).toBe(undefined)
        expect(read.map(({ name, messages }) => [name, messages[0]?.content])).toEqual(
          words.map((text) => [text, `${text} 0 – grüße 💛`]),
        )
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['nothing', '', 'malformed_body', 0],
    ['a page', '<html>', 'malformed_body', 0],
    ['another object', '{"hello":[{}]}', 'malformed_body', 0],
    ['a list that does not end', two.slice(0, -1), 'malformed_body', 2],
    ['a list without a comma', two.replace('},{"title"', '}{"title"'), 'malformed_body', 2],
    ['something after the list', `${two}[]`, 'malformed_body', 2],
    ['what is no conversation in it', `[1,${two.slice(1)}`, 'invalid_body', 2],
    ['a string that does not end', two.slice(0, two.indexOf('word 1') + 3), 'malformed_body', 0],
    ['a control character', two.replace('word 0', 'word\n'), 'malformed_body', 0],
    ['brackets that cross', '[{"a":[}]]', 'malformed_body', 0],
    ['too many brackets that stay open', `[${'['.repeat(3_000_000)}`, 'malformed_body', 0],
    ['a line that is none', `${jsonl(sillyHeader)}\n{`, 'malformed_body', 0],
  ])('of %s is refused, and what came before it is not', async (_name, file, code, count) => {
    const { read, problem } = await readAll(file)
    expect([problem?.code, read.length]).toEqual([code, count])
    expect(problem?.detail).toMatch(/^(It is a file|(Conversation|Line) \d)/)
  })

  it('of ours is of this version', async () => {
    const ours = (head: string) => `{${head},"conversations":[{"id":"x"}]}`
    const outcome = async (file: string) => (await readAll(file, 'neuraform')).problem?.detail
    expect(await outcome(ours('"format":"neuraform.conversations","version":2'))).toMatch(/is not of "format"/)
    expect(await outcome(ours('"version":1'))).toMatch(/is not of "format"/)
    expect(await outcome('[]')).toMatch(/has no list/)
    const after = '{"format":"neuraform.conversations","version":1,"conversations":[],"more":[{}]}'
    expect(await readAll(after)).toEqual({ format: 'neuraform', read: [], refused: [] })
  })

  it('that is not UTF-8 is refused, wherever it is not', async () => {
    const bytes = new TextEncoder().encode(two)
    for (const at of [1, two.indexOf('word 1'), two.length - 1]) {
      const broken = bytes.slice()
      broken[at] = 0xff
      expect([at, (await readAll(broken)).problem?.code]).toEqual([at, 'malformed_body'])
    }
  })
})
