import { describe, expect, it } from 'vitest'
import type { Usage } from '#src/usage/shapes.ts'
import { ask } from '#test/setup/ask.ts'
import { call, newUser } from '#test/setup/client.ts'
import { absentId } from '#test/setup/operations.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { make } from '#test/setup/own-personas.ts'
import { rowsOf } from '#test/setup/rows-of.ts'
import { conversationsOf, importFile, inPieces, jsonl, longChat, sillyHeader } from '#test/setup/transcripts.ts'

const countsOf = async (token: string) => (await conversationsOf(token)).map(({ message_count: count }) => count)

const kept = (count: number) => `${count} of its conversations were taken in; sent again, the file adds nothing twice.`

describe('an import', () => {
  it('is held with somebody whom its person may see, named where the file does not', async () => {
    const [{ token, user }, other] = [await newUser(), await newUser()]
    const foreign = (await make(other.token)).body.id
    const before = await rowsOf(user.id)
    const file = JSON.stringify([longChat('a', 2)])
    const answers = await Promise.all(
      [foreign, absentId].map(async (personaId) => await importFile(token, file, { personaId })),
    )
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [404, 'not_found'],
      [404, 'not_found'],
    ])
    expect(answers[0]?.body).toEqual(answers[1]?.body)
    for (const body of [file, jsonl(sillyHeader)]) {
      const unnamed = await importFile(token, body, { personaId: null })
      expect([unnamed.status, unnamed.body.code]).toEqual([400, 'invalid_parameter'])
    }
    expect(await rowsOf(user.id)).toEqual(before)
  })

  it('tells nobody without a session what is wrong with a file', async () => {
    const { token, user } = await newUser()
    await asOwner("update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1", [user.id])
    const bodies = ['', '{', '[{"id":1}]', JSON.stringify([longChat('a', 2)])]
    const answers = await Promise.all(
      bodies.map(
        async (body) =>
          await ask('POST', '/conversations/import', { token, body, headers: { 'Content-Type': 'text/plain' } }),
      ),
    )
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers[0]?.status).toBe(401)
  })

  it('ends where its session does, and keeps what came before', async () => {
    const { token, user } = await newUser()
    const file = JSON.stringify([longChat('a', 40), longChat('b', 3)])
    const source = inPieces(file, [file.indexOf('word 0', file.indexOf('"conversation_id"')), file.length])
    const revoking = source.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: async (chunk, controller) => {
          controller.enqueue(chunk)
          while ((await countsOf(token))[0] !== 40);
          await asOwner("update user_sessions set revoked_at = now(), revoked_reason = 'test' where user_id = $1", [
            user.id,
          ])
        },
      }),
    )
    const { status, body } = await importFile(token, revoking)
    expect([status, body.detail]).toEqual([401, undefined])
    const [counted] = await asOwner<{ count: number }>(
      'select count(*)::int as count from messages where user_id = $1',
      [user.id],
    )
    expect(counted?.count).toBe(40)
  })

  it('takes of what may be stored in a day, and goes on where that ended', async () => {
    const { token, user } = await newUser()
    const file = JSON.stringify([longChat('a', 3), longChat('b', 3)])
    const small = { DAILY_STORED_BYTES: '1500' }
    const { status, body, headers } = await importFile(token, file, { replaced: small })
    expect([status, body.code, body.detail]).toEqual([429, 'quota_exceeded', kept(1)])
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await countsOf(token)).toEqual([3, 0])
    expect((await importFile(token, file, { replaced: small })).body.code).toBe('quota_exceeded')
    expect((await importFile(token, JSON.stringify([longChat('a', 3)]), { replaced: small })).status).toBe(200)
    expect((await importFile(token, file)).body).toMatchObject({
      conversations: { added: 0, found: 2 },
      messages: { added: 3, found: 3 },
    })
    // Words, their hashes, metadata, and 200 bytes for the row; of the first conversation that row, too.
    const [stored] = await asOwner<{ bytes: number }>(
      `select sum(length(content) + 8 * cardinality(words) + 2 + 200)::int as bytes from messages where user_id = $1`,
      [user.id],
    )
    const { spent, reserved } = (await call<Usage>('GET', '/usage', { token })).body.stored_bytes
    expect([reserved, spent - (stored?.bytes ?? 0) > 25, spent - (stored?.bytes ?? 0) < 150]).toEqual([0, true, true])
    await importFile(token, file)
    expect((await call<Usage>('GET', '/usage', { token })).body.stored_bytes.spent).toBe(spent)
  })

  it('of a file that is wrong says where, and keeps what came before', async () => {
    const { token } = await newUser()
    const good = JSON.stringify(longChat('a', 2))
    const cases: [string, string, number, string][] = [
      ['auto', '', 400, 'It is a file of no program that is known here.'],
      [
        'auto',
        `[${good},1]`,
        422,
        `Conversation 2 of the file: The file lists something that is no conversation. ${kept(1)}`,
      ],
      ['openai', 'no', 400, `Conversation 1 of the file: The body is not JSON. ${kept(0)}`],
      ['neuraform', `[${good}]`, 400, `Conversation 1 of the file: The file has no list of conversations. ${kept(0)}`],
      ['sillytavern', '\n{"mes":"x"}', 422, `Line 2 of the file: It is not the header of a chat. ${kept(0)}`],
    ]
    for (const [format, file, status, detail] of cases) {
      const answer = await importFile(token, file, { format })
      expect([file.slice(0, 30), answer.status, answer.body.detail]).toEqual([file.slice(0, 30), status, detail])
    }
    expect(await countsOf(token)).toEqual([2])
  })

  it('passes over a conversation that cannot be taken in, and says which and why', async () => {
    const { token } = await newUser()
    const [a, b] = ['a', 'b'].map((id) => JSON.stringify(longChat(id, 2)))
    const bad = Array.from({ length: 11 }, () => b?.replace('"title"', '"__proto__"'))
    const { status, body } = await importFile(token, `[${[a, ...bad, b].join()}]`)
    expect([status, body.conversations, body.refused]).toEqual([
      200,
      { added: 2, found: 0, skipped: 0, refused: 11 },
      Array.from({ length: 10 }, (_, at) => ({ conversation: at + 2, detail: 'A name is not allowed.' })),
    ])
    expect(await countsOf(token)).toEqual([2, 2])
  })

  it('of more than 64 MiB is refused while it comes', async () => {
    const { token } = await newUser()
    const piece = new TextEncoder().encode(' '.repeat(1_024 * 1_024))
    let pieces = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pieces += 1
        controller.enqueue(pieces === 1 ? new TextEncoder().encode('[') : piece)
      },
    })
    const { status, body } = await importFile(token, endless)
    expect([status, body.code]).toEqual([413, 'payload_too_large'])
    expect(pieces).toBeLessThan(80)
  }, 60_000)
})
