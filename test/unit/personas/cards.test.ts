import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCardJson, type CardFields } from '#src/personas/cards/card.ts'
import { exportCard } from '#src/personas/cards/card-out.ts'
import { noExtension } from '#src/personas/cards/neuraform-extension.ts'
import { cardTexts } from './cards-of-others.ts'
import { refusalOf } from './containers.ts'

const fieldsOf = (text: string) => parseCardJson(text).fields
const all = Object.entries(cardTexts)

const nothing: CardFields = {
  name: '',
  nickname: '',
  description: '',
  personality: '',
  scenario: '',
  greeting: '',
  alternate_greetings: [],
  example_dialogue: '',
  system_prompt: '',
  post_history_instructions: '',
  creator: '',
  creator_notes: '',
  character_version: '',
  tags: [],
  lorebook: undefined,
  extension: noExtension,
}

describe('a card is read', () => {
  it('of SillyTavern, with its lorebook', () => {
    const { version, fields } = parseCardJson(cardTexts.sillyTavernV2)
    expect(version).toBe(2)
    expect(fields).toMatchObject({
      name: 'Mira',
      greeting: 'The lamp is lit, {{user}}.',
      alternate_greetings: ['You are wet. Come in.', 'Who knocks?'],
      creator_notes: 'For stormy evenings.',
      tags: ['sea', 'calm'],
    })
    expect(fields.lorebook?.entries[1]).toEqual({
      id: 1,
      keys: ['Mr. Hale'],
      secondary_keys: ['boat'],
      comment: '',
      content: 'Mr. Hale brings supplies.',
      constant: false,
      selective: true,
      insertion_order: 90,
      enabled: true,
      position: 'after_char',
      use_regex: true,
      case_sensitive: false,
      name: '',
    })
  })

  it.each([
    ['agnaiV2', 2, { name: 'Ash', greeting: '*yawns*', system_prompt: '{{original}}' }],
    ['risuV3', 3, { name: 'リス', nickname: 'りっちゃん', greeting: 'いらっしゃい🐿️', tags: ['森'] }],
    ['tavernV1', 1, { ...nothing, name: 'Old Tom', description: 'A sailor.', personality: 'gruff', greeting: 'Aye.' }],
    [
      'pygmalionV1',
      1,
      {
        ...nothing,
        name: 'Pip',
        description: 'A robot gardener.',
        personality: 'curious',
        scenario: 'A roof garden.',
        greeting: 'Beep!',
        example_dialogue: '{{char}}: Beep.',
      },
    ],
    ['withNulls', 2, { ...nothing, name: 'Nil', greeting: 'Hi', character_version: '1', creator: '7' }],
    ['withNumbers', 2, { ...nothing, name: 'Nüm', description: 'd😀\ufffd', tags: ['a', 'b'] }],
    ['withoutSpec', 2, { ...nothing, name: 'Bare', greeting: 'Hello.' }],
  ] as const)('of %s', (name, version, fields) => {
    const card = parseCardJson(cardTexts[name])
    expect(card.version).toBe(version)
    expect(card.fields).toMatchObject(fields)
    expect(card.originalText).toBe(cardTexts[name])
    expect(card.original).toEqual(JSON.parse(cardTexts[name]))
  })

  it('with a byte order mark, which goes', () => {
    expect(parseCardJson(`\u{feff}${cardTexts.tavernV1}`).originalText).toBe(cardTexts.tavernV1)
  })

  it('without a change to any prototype', () => {
    const { original } = parseCardJson(cardTexts.withoutSpec)
    expect([Object.hasOwn(original, '__proto__'), Reflect.get({}, 'isAdmin')]).toEqual([true, undefined])
    expect(fieldsOf('{"data":{"name":"x"},"__proto__":{"spec":"chara_card_v3"}}').name).toBe('x')
    expect(parseCardJson('{"name":"x","__proto__":{"data":{"name":"y"}}}').version).toBe(1)
  })
})

describe('what is no card', () => {
  const deep = (levels: number) => `{"name":"x","y":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

  it.each([
    ['text', 'hello', 'malformed_body'],
    ['nothing', '', 'malformed_body'],
    ['half a card', '{"name":"x"', 'malformed_body'],
    ['a raw NUL', '{"name":"x\0"}', 'malformed_body'],
    ['a lone surrogate', '{"name":"\ud800"}', 'malformed_body'],
    ['51 levels', deep(51), 'malformed_body'],
    ['a million brackets', '['.repeat(1_000_000), 'malformed_body'],
    ['a million quotes that do not end', `"${String.raw`\"`.repeat(900_000)}`, 'malformed_body'],
    ['50 levels', deep(50), 'taken'],
    ['too many characters', `{"name":"${'x'.repeat(2_100_000)}"}`, 'payload_too_large'],
    ['too many bytes', `{"name":"${'あ'.repeat(700_000)}"}`, 'payload_too_large'],
    ['just enough bytes', `{"name":"${'x'.repeat(2_097_152 - 11)}"}`, 'taken'],
    ['too many entries', `{"name":"x","character_book":{"entries":[{}${',{}'.repeat(5_000)}]}}`, 'invalid_body'],
  ])('%s', async (_, text, code) => {
    expect(await refusalOf(() => parseCardJson(text))).toBe(code)
  })

  it.each([
    ['[]', ['']],
    ['{}', ['/name']],
    ['{"name":"  "}', ['/name']],
    ['{"name":["x"]}', ['/name', '/name']],
    ['{"spec":"chara_card_v2","name":"x"}', ['/data']],
    ['{"spec":"chara_card_v3","data":[]}', ['/data']],
    ['{"data":{"name":"x","first_mes":{},"tags":[[]]}}', ['/data/first_mes', '/data/tags']],
    ['{"data":{"name":"x","character_book":[]}}', ['/data/character_book']],
    ['{"data":{"name":"x","character_book":{"entries":{}}}}', ['/data/character_book/entries']],
    [
      '{"data":{"name":"x","character_book":{"entries":[{"enabled":"maybe"},3,{"insertion_order":"one"}]}}}',
      [
        '/data/character_book/entries/1',
        '/data/character_book/entries/0/enabled',
        '/data/character_book/entries/2/insertion_order',
      ],
    ],
  ])('%s, and says where', (text, pointers) => {
    expect(() => parseCardJson(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_body',
        errors: expect.toSatisfy((errors: { pointer: string }[]) => {
          expect(errors.map(({ pointer }) => pointer).sort()).toEqual([...pointers].sort())
          return true
        }),
      }),
    )
  })
})

describe('in, out and in again', () => {
  it.each(all)('%s says the same, as V2 and as V3', (_, text) => {
    const { fields } = parseCardJson(text)
    for (const spec of [2, 3] as const) {
      const out = exportCard(parseCardJson(text), spec)
      expect(parseCardJson(out)).toMatchObject({ version: spec })
      expect(fieldsOf(out)).toEqual(fields)
      expect(exportCard(parseCardJson(out), spec)).toBe(out)
      expect(JSON.parse(out)).toMatchObject({ spec: `chara_card_v${spec}`, spec_version: `${spec}.0` })
    }
  })

  it.each(all.filter(([name]) => !['withoutSpec', 'tavernV1', 'pygmalionV1'].includes(name)))(
    '%s is the same bytes in its own version',
    (_, text) => {
      expect(exportCard(parseCardJson(text), parseCardJson(text).version === 3 ? 3 : 2)).toBe(text)
    },
  )

  it('keeps every byte of a flat card, with V3 beside it', () => {
    const out = exportCard(parseCardJson(cardTexts.tavernV1))
    expect(out.startsWith(`${cardTexts.tavernV1.slice(0, -1)},"data":{`)).toBe(true)
    expect(out.endsWith(',"spec":"chara_card_v3","spec_version":"3.0"}')).toBe(true)
    expect(exportCard(parseCardJson(cardTexts.pygmalionV1))).toContain('\r\n\t"description": null,\r\n\t"data": {')
  })

  it('keeps what only V3 has in a V2 text, and adds to V2 what V3 demands', () => {
    const v2 = exportCard(parseCardJson(cardTexts.risuV3), 2)
    expect(v2).toBe(
      cardTexts.risuV3
        .replace('chara_card_v3', 'chara_card_v2')
        .replace('"spec_version":"3.0"', '"spec_version":"2.0"'),
    )
    const v3 = exportCard(parseCardJson(cardTexts.agnaiV2), 3)
    expect(v3).toBe(
      cardTexts.agnaiV2
        .replace('chara_card_v2', 'chara_card_v3')
        .replace('"spec_version":"2.0"', '"spec_version":"3.0"')
        .replace('"priority":50,"extensions":{}', '"priority":50,"extensions":{},"use_regex":false')
        .replace('"preset":null}}}}', '"preset":null}},"group_only_greetings":[]}}'),
    )
  })

  it('a card that never was one says what it says', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 })
    const entry = fc.record({
      keys: fc.array(text, { maxLength: 3 }),
      secondary_keys: fc.array(text, { maxLength: 2 }),
      content: text,
      enabled: fc.boolean(),
      insertion_order: fc.integer(),
      case_sensitive: fc.boolean(),
      use_regex: fc.boolean(),
      constant: fc.boolean(),
      selective: fc.boolean(),
      name: text,
      comment: text,
    })
    const card = fc.record({
      name: text.map((name) => `${name}x`),
      ...Object.fromEntries(['nickname', 'description', 'greeting', 'creator_notes'].map((name) => [name, text])),
      alternate_greetings: fc.array(text),
      tags: fc.array(text),
      lorebook: fc.option(
        fc.record({ name: text, description: text, recursive_scanning: fc.boolean(), entries: fc.array(entry) }),
        { nil: undefined },
      ),
    })
    fc.assert(
      fc.property(card, card, fc.constantFrom(2, 3), (one, two, spec) => {
        const first = { ...nothing, ...one } as CardFields
        const second = { ...nothing, ...two } as CardFields
        const out = exportCard({ fields: first }, spec)
        expect(fieldsOf(out)).toEqual(first)
        expect(fieldsOf(exportCard({ fields: second, originalText: out }, spec))).toEqual(second)
      }),
      { numRuns: 60 },
    )
  })

  it('foreign members survive an edit byte for byte, whatever they are', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.json({ maxDepth: 3 }), fc.string(), (one, two, greeting) => {
        const text = (said: string) =>
          `{"a":${one},"spec":"chara_card_v3", "data":{ "b" : ${two},\n"name":"x","first_mes":${JSON.stringify(said)}}\t,"c":${two} }`
        const card = parseCardJson(text('before'))
        const edited = exportCard({ ...card, fields: { ...card.fields, greeting } })
        expect(edited).toBe(text(greeting))
      }),
      { numRuns: 100 },
    )
  })
})
