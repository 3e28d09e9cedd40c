import { describe, expect, it } from 'vitest'
import { parseCardJson, type CardFields } from '#src/personas/cards/card.ts'
import { exportCard } from '#src/personas/cards/card-out.ts'
import { noExtension } from '#src/personas/cards/neuraform-extension.ts'
import { cardTexts } from './cards-of-others.ts'
import { refusalOf } from './containers.ts'

const fieldsOf = (text: string) => parseCardJson(text).fields

describe('an edit', () => {
  const edited = (text: string, changes: Partial<CardFields>, spec: 2 | 3) => {
    const card = parseCardJson(text)
    return exportCard({ ...card, fields: { ...card.fields, ...changes } }, spec)
  }

  it('changes the field and the copies of it, and no other byte', () => {
    expect(edited(cardTexts.sillyTavernV2, { greeting: 'Hi "you"', tags: ['x'], creator_notes: 'n' }, 2)).toBe(
      cardTexts.sillyTavernV2
        .replaceAll('"The lamp is lit, {{user}}."', String.raw`"Hi \"you\""`)
        .replaceAll('["sea", "calm"]', '["x"]')
        .replaceAll('"For stormy evenings."', '"n"'),
    )
  })

  it('leaves a copy that said something else', () => {
    const text = (copy: string, own: string) => `{"spec":"chara_card_v2","name":"${copy}","data":{"name":"${own}"}}`
    expect(edited(text('other', 'one'), { name: 'two' }, 2)).toBe(text('other', 'two'))
    expect(edited(text('one', 'one'), { name: 'two' }, 2)).toBe(text('two', 'two'))
  })

  it('leaves numbers as written, and of two equal names sets the one that counts', () => {
    expect(edited(cardTexts.withNumbers, { name: 'Z' }, 2)).toBe(
      cardTexts.withNumbers.replace(String.raw`"N\u00fcm"`, '"Z"'),
    )
    expect(edited(cardTexts.withNulls, { description: 'now' }, 2)).toBe(
      cardTexts.withNulls.replace('"description":null', '"description":"now"'),
    )
  })

  it('changes the flat names of a flat card too', () => {
    const out = edited(cardTexts.pygmalionV1, { name: 'Pop', scenario: '' }, 3)
    expect(JSON.parse(out)).toMatchObject({ char_name: 'Pop', name: 'Pop', world_scenario: '', data: { name: 'Pop' } })
    expect(fieldsOf(out)).toMatchObject({ name: 'Pop', scenario: '', greeting: 'Beep!' })
  })

  it('adds what was not there as the rest is laid out', () => {
    expect(edited(cardTexts.withNumbers, { scenario: 's' }, 2)).toBe(
      cardTexts.withNumbers.replace('{ } } }', '{ }, "scenario": "s" } }'),
    )
  })

  const { lorebook } = fieldsOf(cardTexts.sillyTavernV2)
  const [lamp, hale] = lorebook?.entries ?? []
  if (lorebook === undefined || lamp === undefined || hale === undefined)
    throw new Error('The fixture has two entries.')

  it('of a lorebook entry changes that member', () => {
    const entries = [lamp, { ...hale, content: 'He drowned.', priority: 3 }]
    expect(edited(cardTexts.sillyTavernV2, { lorebook: { ...lorebook, entries } }, 2)).toBe(
      cardTexts.sillyTavernV2
        .replace('"Mr. Hale brings supplies."', '"He drowned."')
        .replace('"selectiveLogic": 0 }', `"selectiveLogic": 0 },\n${' '.repeat(20)}"priority": 3`),
    )
  })

  it('that moves entries keeps what each had', () => {
    const added = { ...lamp, id: 2, content: 'new' }
    const out = edited(cardTexts.sillyTavernV2, { lorebook: { ...lorebook, entries: [added, hale, lamp] } }, 2)
    expect(fieldsOf(out).lorebook?.entries).toEqual([added, hale, lamp])
    const texts = /"entries": \[\s*(\{[^]*?\}\s*\}),\s*(\{[^]*?\}\s*\})\s*\]/.exec(cardTexts.sillyTavernV2) ?? []
    const [, lampText = '?', haleText = '?'] = texts
    expect(out).toContain(`,${haleText},${lampText}]`)
  })

  it('knows entries without an id by what they say', () => {
    const text = (...entries: readonly string[]) =>
      `{"spec":"chara_card_v2","data":{"name":"x","character_book":{"entries":[${entries.join(',')}]}}}`
    const [one, two] = ['{"keys":["a"], "x":1.0}', '{"keys":["b"], "x":2e0}']
    const book = fieldsOf(text(one, two, one)).lorebook
    const [first, second] = book?.entries ?? []
    if (book === undefined || first === undefined || second === undefined) throw new Error('There are entries.')
    const withEntries = (entries: readonly (typeof first)[]) =>
      edited(text(one, two, one), { lorebook: { ...book, entries } }, 2)
    expect(withEntries([second, first])).toBe(text(two, one))
    expect(withEntries([second, first, first])).toBe(text(two, one, one))
    expect(withEntries([first, { ...second, content: 'c' }, first])).toBe(
      text(one, two.replace('2e0', '2e0, "content":"c"'), one),
    )
    expect(withEntries([])).toBe(text())
  })

  it('takes a lorebook away and gives one', () => {
    expect(fieldsOf(edited(cardTexts.sillyTavernV2, { lorebook: undefined }, 2)).lorebook).toBeUndefined()
    expect(fieldsOf(edited(cardTexts.withNulls, { lorebook }, 2)).lorebook).toEqual(lorebook)
  })

  it('puts what is ours beside the extensions of others', () => {
    const extension = { ...noExtension, rating: '16' as const, voice_config: { rate: 1.1 } }
    const out = edited(cardTexts.agnaiV2, { extension }, 2)
    expect(out).toBe(
      cardTexts.agnaiV2.replace('"preset":null}}}}', `"preset":null},"neuraform":${JSON.stringify(extension)}}}}`),
    )
    expect(fieldsOf(out).extension).toEqual(extension)
  })

  it('that makes a card too long is refused', async () => {
    const tooLong = () => edited(cardTexts.tavernV1, { greeting: 'x'.repeat(1_500_000) }, 3)
    expect(await refusalOf(tooLong)).toBe('payload_too_large')
  })
})
