import { describe, expect, it } from 'vitest'
import { newUser } from '#test/setup/client.ts'
import { conversationsOf, importFile, jsonl, pathOf, sillyHeader, sillyLine } from '#test/setup/transcripts.ts'

describe('a chat of SillyTavern’s', () => {
  const lines = [
    sillyLine(false, 'You wake.'),
    sillyLine(true, 'Where am I?'),
    sillyLine(false, 'In a glade.', { swipe_id: 0, swipes: ['In a glade.', 'Nowhere.'] }),
  ]

  it('is known again without ids, and so is what was added to it, swiped or edited since', async () => {
    const { token } = await newUser()
    const send = async (...more: unknown[]) => (await importFile(token, jsonl(sillyHeader, ...more))).body.messages
    const path = async () =>
      (await pathOf(token, (await conversationsOf(token))[0]?.id ?? '')).map(({ content }) => content)
    expect(await send(...lines)).toEqual({ added: 4, found: 0, skipped: 0, altered: 0 })
    expect(await send(...lines)).toEqual({ added: 0, found: 4, skipped: 0, altered: 0 })
    expect(await path()).toEqual(['You wake.', 'Where am I?', 'In a glade.'])
    const swiped = sillyLine(false, 'At sea.', { swipe_id: 2, swipes: ['In a glade.', 'Nowhere.', 'At sea.'] })
    expect(await send(...lines.slice(0, 2), swiped, sillyLine(true, 'Oh.'))).toMatchObject({ added: 2, found: 4 })
    expect(await path()).toEqual(['You wake.', 'Where am I?', 'At sea.', 'Oh.'])
    const edited = sillyLine(true, 'Where are we?')
    expect(await send(lines[0], edited, swiped)).toMatchObject({ added: 4, found: 1 })
    expect(await path()).toEqual(['You wake.', 'Where are we?', 'At sea.'])
    const [made, ...rest] = await conversationsOf(token)
    expect([rest, made?.title, made?.metadata, made?.message_count]).toEqual([
      [],
      'Seraphina',
      { imported_from: 'sillytavern' },
      10,
    ])
  })

  it('is the same chat whatever is taken from its beginning, and with what is hidden from the model', async () => {
    const { token } = await newUser()
    const header = { ...sillyHeader, create_date: undefined, user_name: 'unused', character_name: 'unused' }
    const first = (swipes: readonly string[]) =>
      sillyLine(false, swipes.at(-1) ?? '', {
        swipe_id: swipes.length - 1,
        swipes,
        swipe_info: swipes.map((_, place) => ({ send_date: `2024-12-31T10:0${place}:00.000Z` })),
        send_date: `2024-12-31T10:0${swipes.length - 1}:00.000Z`,
      })
    const send = async (...said: unknown[]) => {
      const { status, body } = await importFile(token, jsonl(header, ...said))
      return [status, body.conversations, body.messages.added, body.messages.found]
    }
    const hidden = { is_system: true }
    expect(await send(first(['A.', 'B.']), sillyLine(true, 'hi'))).toEqual([
      200,
      { added: 1, found: 0, skipped: 0, refused: 0 },
      3,
      0,
    ])
    expect(await send(first(['A.', 'B.']), sillyLine(true, 'hi', hidden), sillyLine(false, 'Hello.'))).toEqual([
      200,
      { added: 0, found: 1, skipped: 0, refused: 0 },
      1,
      3,
    ])
    const later = {
      ...first(['B.']),
      send_date: '2024-12-31T10:01:00.000Z',
      swipe_info: [{ send_date: '2024-12-31T10:01:00.000Z' }],
    }
    expect((await send(later, sillyLine(true, 'hi')))[1]).toEqual({ added: 0, found: 1, skipped: 0, refused: 0 })
    expect((await conversationsOf(token)).length).toBe(1)
  })

  it('in which nothing was said makes no conversation', async () => {
    const { token } = await newUser()
    const { body } = await importFile(token, jsonl(sillyHeader, sillyLine(false, ' ')))
    expect([body.conversations, await conversationsOf(token)]).toEqual([
      { added: 0, found: 0, skipped: 1, refused: 0 },
      [],
    ])
  })

  it('with replies that are alike to the letter has one of them', async () => {
    const { token } = await newUser()
    const alike = sillyLine(false, 'Hm.', { swipe_id: 1, swipes: ['Hm.', 'Hm.'] })
    const { body } = await importFile(token, jsonl(sillyHeader, alike, sillyLine(true, 'What?')))
    expect(body.messages).toMatchObject({ added: 2, found: 0 })
    expect((await pathOf(token, (await conversationsOf(token))[0]?.id ?? '')).length).toBe(2)
  })
})
