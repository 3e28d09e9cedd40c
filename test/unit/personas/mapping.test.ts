import { describe, expect, it } from 'vitest'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { parseCardJson } from '#src/personas/cards/card.ts'
import { cardToPersona, exportPersona, fillMacros, personaToCardFields } from '#src/personas/cards/mapping.ts'
import type { PersonaFields } from '#src/personas/cards/mapping.ts'
import { cardTexts } from './cards-of-others.ts'

const all = Object.entries(cardTexts)

/** What `jsonb` does to a column: members in another order, and no number but as it counts. */
function stored(persona: PersonaFields): PersonaFields {
  return JSON.parse(JSON.stringify(persona), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value).sort(([one], [two]) => one.length - two.length || (one < two ? -1 : 1)),
        )
      : value,
  ) as PersonaFields
}

describe('a card as a persona', () => {
  it('has each field in its column', () => {
    const { lorebook, card, ...columns } = cardToPersona(parseCardJson(cardTexts.risuV3))
    expect(columns).toEqual({
      display_name: 'リス',
      description: '森の司書。',
      system_prompt: '',
      greeting: 'いらっしゃい🐿️',
      alternate_greetings: [],
      example_dialogue: '',
      personality_config: { nickname: 'りっちゃん' },
      voice_config: {},
      vrm_model_path: null,
      expressions: [],
      tags: ['森'],
      rating: 'everyone',
    })
    expect(lorebook).toMatchObject({ scan_depth: 5, entries: [{ keys: ['図書館'] }] })
    expect(card).toEqual({ text: cardTexts.risuV3 })
  })

  it.each(all)('%s comes out as it went in', (_, text) => {
    const card = parseCardJson(text)
    const persona = stored(cardToPersona(card))
    expect(personaToCardFields(persona)).toEqual(card.fields)
    for (const spec of [2, 3] as const) {
      const out = exportPersona(persona, spec)
      if (card.version === spec && Object.hasOwn(card.original, 'spec')) expect(out).toBe(text)
      expect(parseCardJson(out).fields).toEqual(card.fields)
    }
  })

  it.each(all)('%s holds only what PostgreSQL stores', (_, text) => {
    const json = JSON.stringify(cardToPersona(parseCardJson(text)))
    expect(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i.test(json)).toBe(false)
  })

  it('changes only what was changed', () => {
    const persona = stored(cardToPersona(parseCardJson(cardTexts.sillyTavernV2)))
    const config = { ...persona.personality_config, scenario: 'Fog.' }
    expect(exportPersona({ ...persona, personality_config: config }, 2)).toBe(
      cardTexts.sillyTavernV2.replaceAll('"A storm."', '"Fog."'),
    )
  })

  it.each(builtInPersonas)('$slug goes out and comes back', (builtIn) => {
    const { id: _, slug: __, is_public: ___, ...columns } = builtIn
    const persona = { ...columns, lorebook: {}, card: null } as PersonaFields
    const text = exportPersona(persona)
    expect(cardToPersona(parseCardJson(text))).toEqual({ ...persona, card: { text } })
  })

  it('takes from our own extension only what is as we write it', () => {
    const card = (neuraform: unknown) =>
      JSON.stringify({ spec: 'chara_card_v2', data: { name: 'x', extensions: { neuraform } } })
    const hostile = { rating: '99', expressions: ['a', 1], vrm_model_path: {}, voice_config: [], personality_config: 3 }
    expect(cardToPersona(parseCardJson(card(hostile)))).toMatchObject({
      rating: 'everyone',
      expressions: ['a'],
      vrm_model_path: null,
      voice_config: {},
      personality_config: {},
    })
    const reserved = card({ personality_config: { personality: 'x', 'a\0': '\ud800' } })
    const persona = cardToPersona(parseCardJson(reserved))
    expect(persona.personality_config).toEqual({ a: '\ufffd' })
    expect(exportPersona(persona, 2)).toBe(reserved)
  })
})

describe('macros', () => {
  it.each([
    ['{{char}} and {{user}}', 'Mira and Ada'],
    ['{{CHAR}}, <BOT>, <bot>, <Char>', 'Mira, Mira, Mira, Mira'],
    ['<USER> {{User}}', 'Ada Ada'],
    ['{{char}', '{{char}'],
    ['{{random:a,b}} {{original}}', '{{random:a,b}} {{original}}'],
  ])('%s', (text, filled) => {
    expect(fillMacros(text, { char: 'Mira', user: 'Ada' })).toBe(filled)
  })

  it('are filled once, with names as they are', () => {
    expect(fillMacros('{{user}} {{char}}', { char: '$&', user: '{{char}}' })).toBe('{{char}} $&')
  })
})
