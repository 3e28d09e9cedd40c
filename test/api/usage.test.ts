import { describe, expect, it } from 'vitest'
import type { Usage } from '#src/usage/shapes.ts'
import { call, fuka, newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { fakeReply, newConversation } from '#test/setup/talk.ts'
import { sayWith, turnsOf } from '#test/setup/talk-with.ts'
import { chunkOf, fakeModel, fakeVoice } from '#test/setup/upstreams.ts'
import { callWith, runSchedule } from '#test/setup/worker-with.ts'

const bill = (prompt_tokens: number, completion_tokens: number) =>
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens, completion_tokens } })}\n\n`

const billedReply = (text: string, prompt: number, completion: number) =>
  new Response(`${chunkOf(text)}${chunkOf('', 'stop')}${bill(prompt, completion)}data: [DONE]\n\n`)

const usageOf = async (token: string) => (await call<Usage>('GET', '/usage', { token })).body

async function newTalk() {
  const { token, user } = await newUser()
  const { id } = await newConversation(token)
  return { token, user, id }
}

describe('what a person used', () => {
  it('is nothing at first, beside what they may use', async () => {
    const { token } = await newUser()
    const usage = await usageOf(token)
    const today = new Date().toISOString().slice(0, 10)
    expect(usage).toEqual({
      day: today,
      resets_at: new Date(Date.parse(today) + 86_400_000).toISOString(),
      llm_tokens: { spent: 0, reserved: 0, limit: 1_000_000 },
      speech_characters: { spent: 0, reserved: 0, limit: 100_000 },
      transcribed_seconds: { spent: 0, reserved: 0, limit: 3_600 },
      stored_bytes: { spent: 0, reserved: 0, limit: 500_000_000 },
      speech_cache: { hits: 0, characters: 0, saved_usd: null },
      days: [],
    })
  })

  it('is what the model counted of a turn, to the token', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => billedReply('All of it.', 120, 7))
    await sayWith({}, { token, id, content: 'hm?' })
    await sayWith({}, { token, id, content: 'and?' })
    const { llm_tokens: tokens, days, day } = await usageOf(token)
    expect([tokens.spent, tokens.reserved, days]).toEqual([
      254,
      0,
      [{ day, llm_tokens: 254, speech_characters: 0, transcribed_seconds: 0, stored_bytes: 0, speech_cache_hits: 0 }],
    ])
  })

  it('is about what was said where the model does not count, also of a reply that breaks off', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => fakeReply(['x'.repeat(300), 'y'.repeat(300)], 'cut'))
    await sayWith({}, { token, id, content: 'hm?' })
    const { llm_tokens: tokens } = await usageOf(token)
    expect([tokens.spent > 200 + 60, tokens.spent < 200 + 600, tokens.reserved]).toEqual([true, true, 0])
  })

  it('is nothing of a turn for which the model said nothing', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => new Response('no', { status: 500 }))
    expect((await sayWith({}, { token, id, content: 'hm?' })).status).toBe(503)
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 0, reserved: 0 })
  })

  it('is what a completion took that nobody keeps', async () => {
    const { token } = await newUser()
    fakeModel(() => billedReply('Yes.', 30, 2))
    const body = { model: fuka, messages: [{ role: 'user', content: 'hm?' }] }
    expect((await callWith({}, 'POST', '/v1/chat/completions', { token, body })).status).toBe(200)
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 32, reserved: 0 })
    await callWith({}, 'POST', '/v1/chat/completions', { token, body: { ...body, model: 'nobody' } })
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 32, reserved: 0 })
  })

  it('is the characters that a voice spoke and the bytes of it, once for a line', async () => {
    const { token } = await newUser()
    const body = { text: 'A line of mine.', voice: 'slt' }
    const { body: spoken } = await call<{ audio_bytes: number }>('POST', '/voice/speech', { token, body })
    await call('POST', '/voice/speech', { token, body })
    const usage = await usageOf(token)
    expect([usage.speech_characters, usage.stored_bytes]).toMatchObject([
      { spent: 15, reserved: 0 },
      { spent: spoken.audio_bytes, reserved: 0 },
    ])
    fakeVoice(() => new Response('no', { status: 500 }))
    await call('POST', '/voice/speech', { token, body: { text: 'Never spoken.', voice: 'slt' } })
    expect((await usageOf(token)).speech_characters).toMatchObject({ spent: 15, reserved: 0 })
  })

  it('is about what was asked and said where the bill makes no sense, and the reply is kept', async () => {
    const { token, id } = await newTalk()
    fakeModel(() => billedReply('All of it.', 2_147_483_647, 2_147_483_647))
    expect((await sayWith({}, { token, id, content: 'hm?' })).status).toBe(200)
    const { spent, reserved } = (await usageOf(token)).llm_tokens
    expect([spent > 100, spent < 1_000, reserved]).toEqual([true, true, 0])
  })

  it('is what the model read of a turn that was stopped before its first word', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => fakeReply([], 'hang'))
    const asking = sayWith({}, { token, id, content: 'hm?' })
    await expect.poll(() => bodies.length, { timeout: 15_000 }).toBe(1)
    const [turn] = await turnsOf(user.id)
    await call('POST', `/conversations/${id}/turns/${turn?.id}/stop`, { token })
    expect((await asking).status).toBe(409)
    const { spent, reserved } = (await usageOf(token)).llm_tokens
    expect([spent > 100, reserved]).toEqual([true, 0])
  })

  it('is a person’s own', async () => {
    const [one, two] = [await newTalk(), await newTalk()]
    fakeModel(() => billedReply('Yes.', 10, 1))
    await sayWith({}, { token: one.token, id: one.id, content: 'hm?' })
    expect([(await usageOf(one.token)).llm_tokens.spent, (await usageOf(two.token)).llm_tokens.spent]).toEqual([11, 0])
  })
})

describe('a day’s limit', () => {
  // Each turn sets aside 900, 96 and three or four for its words.
  const small = { LLM_PROMPT_TOKENS: '900', LLM_REPLY_TOKENS: '96', DAILY_LLM_TOKENS: '10000' }

  it('is never passed, by 100 turns at once either, and says when there is more', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => billedReply('Yes.', 900, 100))
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const response = await sayWith(small, { token, id, content: `Line ${number}` })
        return { status: response.status, retryAfter: response.headers.get('Retry-After'), text: await response.text() }
      }),
    )
    const refused = answers.filter(({ status }) => status !== 200)
    expect([answers.length - refused.length, bodies.length, (await turnsOf(user.id)).length]).toEqual([10, 10, 10])
    const codes = new Set(refused.map(({ status, text }) => `${status} ${(JSON.parse(text) as { code: string }).code}`))
    expect([...codes]).toEqual(['429 quota_exceeded'])
    const seconds = Number(refused[0]?.retryAfter)
    expect(Math.abs(seconds - (86_400 - ((Date.now() / 1_000) % 86_400)))).toBeLessThan(60)
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 10_000, reserved: 0 })
  }, 60_000)

  it('refuses a turn before anything of it is claimed: its key says it the day after', async () => {
    const { token, user, id } = await newTalk()
    const { bodies } = fakeModel(() => billedReply('Yes.', 1, 1))
    const none = { ...small, DAILY_LLM_TOKENS: '990' }
    const saying = { token, id, content: 'hm?', key: 'key' }
    expect([(await sayWith(none, saying)).status, await turnsOf(user.id), bodies.length]).toEqual([429, [], 0])
    expect([(await sayWith(small, saying)).status, bodies.length]).toEqual([200, 1])
  })

  it('is not what somebody hears of who names a conversation that is not there', async () => {
    const { token } = await newUser()
    const { id } = await newTalk()
    const limits = { DAILY_LLM_TOKENS: '10' }
    for (const absent of [id, crypto.randomUUID()]) {
      const said = await sayWith(limits, { token, id: absent, content: 'hm?' })
      expect([said.status, (await said.json<{ code: string }>()).code]).toEqual([404, 'not_found'])
    }
  })

  it('holds for a completion and for speech as well', async () => {
    const { token } = await newUser()
    const { bodies } = fakeModel(() => billedReply('Yes.', 1, 1))
    const body = { model: fuka, messages: [{ role: 'user', content: 'hm?' }] }
    const completion = await callWith<{ code: string; error: { code: string } }>(
      { DAILY_LLM_TOKENS: '10' },
      'POST',
      '/v1/chat/completions',
      { token, body },
    )
    expect([completion.status, completion.body.code, completion.body.error.code, bodies.length]).toEqual([
      429,
      'quota_exceeded',
      'quota_exceeded',
      0,
    ])
    for (const limits of [{ DAILY_SPEECH_CHARACTERS: '4' }, { DAILY_STORED_BYTES: '1000' }]) {
      const line = { text: 'Hello', voice: 'slt' }
      const { status, body: problem } = await callWith<{ code: string }>(limits, 'POST', '/voice/speech', {
        token,
        body: line,
      })
      expect([status, problem.code]).toEqual([429, 'quota_exceeded'])
    }
    expect((await usageOf(token)).days).toEqual([])
  })
})

describe('what is set aside for a call whose Worker died', () => {
  it('is given back by the sweep', async () => {
    const { token, user } = await newUser()
    const body = { model: fuka, messages: [{ role: 'user', content: 'hm?' }] }
    fakeModel(() => billedReply('Yes.', 30, 2))
    await callWith({}, 'POST', '/v1/chat/completions', { token, body })
    await asOwner(
      `update usage_ledger set spent = null, settled_at = null, created_at = now() - interval '16 minutes' where user_id = $1`,
      [user.id],
    )
    await asOwner(
      'update usage_days d set spent = 0, reserved = (select sum(l.reserved) from usage_ledger l where l.user_id = $1) where user_id = $1',
      [user.id],
    )
    await runSchedule()
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 0, reserved: 0 })
  })

  it('is given back with its turn, once that is ended', async () => {
    const { token, user, id } = await newTalk()
    fakeModel(() => billedReply('Yes.', 30, 2))
    await sayWith({}, { token, id, content: 'hm?' })
    await asOwner('update usage_ledger set spent = null, settled_at = null where user_id = $1', [user.id])
    await asOwner(
      'update usage_days d set spent = 0, reserved = (select sum(l.reserved) from usage_ledger l where l.user_id = $1) where user_id = $1',
      [user.id],
    )
    await asOwner(
      `update turns set state = 'streaming', ended_at = null, checked_at = now() - interval '3 minutes' where user_id = $1`,
      [user.id],
    )
    await runSchedule()
    expect((await usageOf(token)).llm_tokens).toMatchObject({ spent: 0, reserved: 0 })
  })
})
