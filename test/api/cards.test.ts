import { describe, expect, it } from 'vitest'
import { readPngCard } from '#src/personas/cards/png.ts'
import type { Persona } from '#src/personas/shapes.ts'
import { call, fuka, newUser, rawCall } from '#test/setup/client.ts'
import { uploadWith } from '#test/setup/worker-with.ts'

/** As SillyTavern writes it: what belongs to it alone, and the fields once more beside `data`. */
const card = `{
  "name": "Seraphina", "description": "A guardian.", "first_mes": "You wake, {{user}}.", "fav": false, "create_date": "2024-1-1 @10h",
  "spec": "chara_card_v2", "spec_version": "2.0",
  "data": {
    "name": "Seraphina", "description": "A guardian.", "personality": "kind", "scenario": "A glade.", "first_mes": "You wake, {{user}}.",
    "mes_example": "<START>\\n{{user}}: Hi", "creator_notes": "n", "system_prompt": "You are Seraphina.",
    "post_history_instructions": "Be kind.", "alternate_greetings": ["Again?"], "tags": ["forest"], "creator": "c", "character_version": "1.0",
    "extensions": { "talkativeness": "0.5", "depth_prompt": { "depth": 4, "prompt": "" }, "big": 12345678901234567890, "one": 1.0 },
    "character_book": { "entries": [{ "keys": ["glade"], "content": "It glows.", "extensions": {}, "enabled": true, "insertion_order": 1 }], "extensions": {} }
  }
}`

type Imported = Persona & { code?: string; errors?: readonly { pointer: string }[] }

const importCard = async (token: string, body: BodyInit, headers: Record<string, string> = {}) =>
  await uploadWith<Imported>({}, '/personas/import', { token, body, headers })

const exported = async (token: string, id: string, path = 'card.json?spec=2') => {
  const response = await rawCall('GET', `/personas/${id}/${path}`, { token })
  return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
}

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('a character card', () => {
  it('becomes a companion, private and one’s own, and comes out as it came in, byte for byte', async () => {
    const { token } = await newUser()
    const { status, body } = await importCard(token, card)
    expect([status, body.display_name, body.description, body.greeting, body.alternate_greetings, body.tags]).toEqual([
      201,
      'Seraphina',
      'A guardian.',
      'You wake, {{user}}.',
      ['Again?'],
      ['forest'],
    ])
    expect([body.is_own, body.is_public, body.definition]).toEqual([
      true,
      false,
      {
        system_prompt: 'You are Seraphina.',
        personality: 'kind',
        scenario: 'A glade.',
        example_dialogue: '<START>\n{{user}}: Hi',
        post_history_instructions: 'Be kind.',
        nickname: '',
        lorebook: expect.objectContaining({
          entries: [expect.objectContaining({ keys: ['glade'], content: 'It glows.' })],
        }),
      },
    ])
    const out = await exported(token, body.id)
    expect([out.status, out.headers.get('Content-Type'), textOf(out.bytes)]).toEqual([200, 'application/json', card])
    expect(out.headers.get('Content-Disposition')).toBe('attachment; filename="card.json"')
  })

  it('goes around in a picture and in V3, and is the same', async () => {
    const { token } = await newUser()
    const first = (await importCard(token, card)).body
    const picture = await exported(token, first.id, 'card.png')
    expect([picture.status, picture.headers.get('Content-Type')]).toEqual([200, 'image/png'])
    const second = (await importCard(token, picture.bytes)).body
    const v3 = await exported(token, first.id, 'card.json?spec=3')
    const third = (await importCard(token, v3.bytes)).body
    const same = ({ id: _id, created_at: _created, updated_at: _updated, ...rest }: Persona) => rest
    expect([same(second), same(third)]).toEqual([same(first), same(first)])
    expect(JSON.parse(await readPngCard(picture.bytes))).toMatchObject({ spec: 'chara_card_v3' })
    expect(textOf((await exported(token, third.id, 'card.json?spec=3')).bytes)).toBe(textOf(v3.bytes))
  })

  it('that was changed here differs in what was changed, and in no other byte', async () => {
    const { token } = await newUser()
    const { id } = (await importCard(token, card)).body
    await call('PATCH', `/personas/${id}`, { token, body: { scenario: 'A cave.' } })
    expect(textOf((await exported(token, id)).bytes)).toBe(card.replace('"A glade."', '"A cave."'))
  })

  it('that was made here carries what no other program has', async () => {
    const { token } = await newUser()
    const body = {
      display_name: 'Mira',
      voice_config: { rate: 0.9 },
      vrm_model_path: 'vrm/m.vrm',
      expressions: ['happy'],
      personality_config: { traits: ['calm'] },
    }
    const made = (await call<Persona>('POST', '/personas', { token, body })).body
    const again = (await importCard(token, (await exported(token, made.id, 'card.json')).bytes)).body
    expect([again.voice_config, again.vrm_model_path, again.expressions, again.personality_config]).toEqual([
      made.voice_config,
      made.vrm_model_path,
      made.expressions,
      made.personality_config,
    ])
  })

  it('is imported once under one key', async () => {
    const { token } = await newUser()
    const key = { 'Idempotency-Key': 'seraphina' }
    const [first, second] = [await importCard(token, card, key), await importCard(token, card, key)]
    expect([second.status, second.body.id]).toEqual([201, first.body.id])
  })

  it.each([
    ['nothing', '', 400, 'malformed_body'],
    ['a page', '<html>', 400, 'malformed_body'],
    ['another thing', '{"hello":1}', 422, 'invalid_body'],
    ['a card without a name', card.replaceAll('"Seraphina"', '""'), 422, 'invalid_body'],
    [
      'a picture that is cut',
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]),
      400,
      'malformed_body',
    ],
    ['an archive that is none', new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]), 400, 'malformed_body'],
    ['a name that nobody can show', card.replaceAll('"Seraphina"', `"${'x'.repeat(101)}"`), 422, 'invalid_body'],
    ['more than a card may have', `{"name":"x","description":"${'y'.repeat(3_000_000)}"}`, 413, 'payload_too_large'],
  ])('that is %s is refused with a clear problem', async (_name, bytes, status, code) => {
    const { token } = await newUser()
    const answer = await importCard(token, bytes)
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })

  it('of another’s is theirs to share', async () => {
    const [{ token }, other] = [await newUser(), await newUser()]
    const { id } = (await importCard(token, card)).body
    await call('PATCH', `/personas/${id}`, { token, body: { is_public: true } })
    for (const path of ['card.json', 'card.png']) expect((await exported(other.token, id, path)).status).toBe(403)
    expect((await exported(other.token, fuka)).status).toBe(403)
    await call('PATCH', `/personas/${id}`, { token, body: { is_forkable: true } })
    expect(textOf((await exported(other.token, id)).bytes)).toBe(card)
  })
})
