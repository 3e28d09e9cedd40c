import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import type { Env } from '#src/config.ts'
import type { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'
import { call, newUser } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { newConversation, sayAndWait } from '#test/setup/talk.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith, runSchedule, sweepAlone } from '#test/setup/worker-with.ts'

const without = (name: 'AUDIO' | 'SPEECH_INDEX') => ({ [name]: undefined }) as unknown as Partial<Env>

/** What KV and R2 hold of a person, by the beginnings of their keys. */
async function blobsOf(userId: string): Promise<string[]> {
  const [lines, audio] = await Promise.all([
    env.SPEECH_INDEX?.list({ prefix: `speech/2/${userId}/` }),
    env.AUDIO?.list({ prefix: `u/${userId}/` }),
  ])
  return [...(lines?.keys ?? []).map(({ name }) => name), ...(audio?.objects ?? []).map(({ key }) => key)]
}

const speak = async (token: string, text: string) =>
  await call('POST', '/voice/speech', { token, body: { text, voice: 'slt' } })

const stateOf = async (id: string) => (await call<Erasure>('GET', `/erasures/${id}`)).body.state

describe('an erasure', () => {
  it.each(['AUDIO', 'SPEECH_INDEX'] as const)(
    'is not complete while %s is not bound, and is once it is',
    async (name) => {
      await sweepAlone()
      const { token, user } = await newUser()
      await speak(token, 'Something to forget.')
      expect((await blobsOf(user.id)).length).toBe(3)
      const { status, body } = await callWith<ErasureReceipt>(without(name), 'DELETE', '/auth/account', { token })
      expect([status, await stateOf(body.erasure_id)]).toEqual([202, 'running'])
      expect((await call('GET', '/auth/profile', { token })).status).toBe(401)
      await runSchedule()
      expect([await stateOf(body.erasure_id), await blobsOf(user.id)]).toEqual(['complete', []])
    },
  )

  it('that meets somebody at work on audio is complete once they cannot leave anything behind', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const lease = `insert into speech_leases (cache_key, user_id, holder, audio_key, expires_at)
      values (sha256('a'), $1, gen_random_uuid(), 'x', now() + interval '20 seconds')`
    await asOwner(lease, [user.id])
    const { body } = await call<ErasureReceipt>('DELETE', '/auth/account', { token })
    // They are told that the account has ended, or die before they are.
    await env.AUDIO?.put(`u/${user.id}/v/${crypto.randomUUID()}`, 'RIFF')
    await runSchedule()
    expect([await stateOf(body.erasure_id), (await blobsOf(user.id)).length]).toEqual(['running', 1])
    expect(await asOwner('select from users where id = $1', [user.id])).toEqual([])
    await asOwner(`update erasures set due_at = now() where id = $1`, [body.erasure_id])
    await runSchedule()
    expect([await stateOf(body.erasure_id), await blobsOf(user.id)]).toEqual(['complete', []])
  })

  it('keeps the progress that it made when it was cut short', async () => {
    await sweepAlone()
    const { token, user } = await newUser()
    const lines = Array.from({ length: 120 }, (_, number) => `speech/2/${user.id}/${number}`)
    await Promise.all(lines.map(async (line) => await env.SPEECH_INDEX?.put(line, '{}')))
    const index = env.SPEECH_INDEX
    let left = 60
    const tired = {
      list: async (options: KVNamespaceListOptions) => await index?.list(options),
      delete: async (name: string) => {
        left -= 1
        if (left < 0) throw new Error('this invocation may do no more')
        await index?.delete(name)
      },
    } as unknown as KVNamespace
    const { body } = await callWith<ErasureReceipt>({ SPEECH_INDEX: tired }, 'DELETE', '/auth/account', { token })
    expect(await stateOf(body.erasure_id)).toBe('running')
    expect((await blobsOf(user.id)).length).toBe(60)
    await runSchedule()
    expect([await blobsOf(user.id), await stateOf(body.erasure_id)]).toEqual([[], 'complete'])
  })

  it('leaves no line and no audio of what was being spoken meanwhile', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { token, user } = await newUser()
      const speaking = Array.from({ length: 6 }, async (_, number) => await speak(token, `Line ${number} of ${round}.`))
      await new Promise((resolve) => setTimeout(resolve, 40 * (round + 1)))
      await call('DELETE', '/auth/account', { token })
      const statuses = (await Promise.all(speaking)).map(({ status }) => status)
      expect(statuses.filter((status) => status !== 200 && status !== 401)).toEqual([])
      await eventually(async () => expect(await blobsOf(user.id)).toEqual([]))
    }
  })
})

describe('the sweep', () => {
  it('goes on where a part of it cannot', async () => {
    const { token, user } = await newUser()
    const { id } = await newConversation(token)
    await sayAndWait(token, id, 'Are you there?')
    await asOwner(
      "update turns set state = 'streaming', ended_at = null, checked_at = now() - interval '1 hour' where user_id = $1",
      [user.id],
    )
    const leaving = await newUser()
    await callWith(without('AUDIO'), 'DELETE', '/auth/account', { token: leaving.token })
    await runSchedule(without('AUDIO'))
    expect(await asOwner('select state from turns where user_id = $1', [user.id])).toEqual([{ state: 'interrupted' }])
  })
})
