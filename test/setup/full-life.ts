import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { Authenticated } from '#src/auth/shapes.ts'
import type { Speech } from '#src/voice/shapes.ts'
import { call, fuka, googleToken, registration, registrationTicket } from '#test/setup/client.ts'
import { eventually } from '#test/setup/eventually.ts'
import { remember, rememberedBy } from '#test/setup/memories.ts'
import { newConversation, sayAndWait } from '#test/setup/talk.ts'

/** Somebody who has used every part of the service, and each word of theirs that must be sealed. */
export interface FullLife {
  readonly person: string
  readonly user: Authenticated['user']
  /** The tokens of their sessions on two devices. */
  readonly tokens: readonly [string, string]
  readonly conversationId: string
  readonly audioUrl: string
  /** Stands in clear by design, in the metadata of their conversation. */
  readonly marker: string
  /** What they are called, said and use: none of it may lie anywhere in clear. */
  readonly words: Readonly<Record<string, string>>
}

/** Registers somebody and lives a life: a second device, a conversation with a message and a turn, what is remembered of them, and speech. */
export async function fullLife(): Promise<FullLife> {
  const [tag, marker] = [crypto.randomUUID().replaceAll('-', ''), `marker-${crypto.randomUUID()}`]
  const person = `new:${tag}`
  const words = {
    firstName: `First${tag}`,
    lastName: `Østergård${tag}`,
    email: `mail.${tag}@gmail.com`,
    birthdate: '1937-03-09',
    title: `Title ${tag}`,
    message: `Message ${tag} 🌊`,
    // A number of five digits would be nobody's to remember.
    turn: `I live in the lighthouse ${tag.replaceAll(/\d/g, 'x')} in the fog.`,
    memory: `Knows the tide ${tag}`,
    speech: `Hello from the harbour, ${tag}`,
    device: `Device ${tag}`,
    userAgent: `Agent/${tag}`,
    address: '203.0.113',
    tag,
  }
  const ticket = await registrationTicket({ person, claims: { email: words.email } })
  const names = { first_name: words.firstName, last_name: words.lastName, birthdate: words.birthdate }
  const { body } = await call<Authenticated>('POST', '/auth/register', { body: { ...registration(ticket), ...names } })
  const token = body.session_token
  const second = await call<Authenticated>('POST', '/auth/login', {
    body: { provider: 'google', token: await googleToken({ person }), device_info: { name: words.device } },
    headers: { 'User-Agent': words.userAgent, 'CF-Connecting-IP': `${words.address}.77` },
  })
  const { id } = await newConversation(token, words.title)
  await call('PATCH', `/conversations/${id}`, { token, body: { metadata: { marker } } })
  await call('POST', `/conversations/${id}/messages`, {
    token,
    body: { role: 'user', content: words.message },
    headers: { 'Idempotency-Key': crypto.randomUUID() },
  })
  const turn = await sayAndWait(token, id, words.turn)
  await remember(token, { content: words.memory })
  // What is drawn from the turn comes after its reply.
  await eventually(async () => expect(await rememberedBy(token)).toContain(words.turn))
  const speech = await call<Speech>('POST', '/voice/speech', { token, body: { text: words.speech, persona_id: fuka } })
  return {
    person,
    user: body.user,
    tokens: [token, second.body.session_token],
    conversationId: id,
    audioUrl: speech.body.audio_url,
    marker,
    words: { ...words, reply: turn.body.reply?.content?.slice(0, 40) ?? '' },
  }
}

/** A listing with metadata ends where it is long, and says so. */
async function objectsIn(audio: R2Bucket): Promise<R2Object[]> {
  const objects: R2Object[] = []
  let cursor: string | undefined
  do {
    const found = await audio.list({
      include: ['customMetadata', 'httpMetadata'],
      ...(cursor === undefined ? {} : { cursor }),
    })
    objects.push(...found.objects)
    cursor = found.truncated ? found.cursor : undefined
  } while (cursor !== undefined)
  return objects
}

/** Everything in KV, as text: names, metadata and values. */
export async function everythingInKv(): Promise<string[]> {
  const { SPEECH_INDEX: index } = env
  if (index === undefined) throw new Error('KV is not bound')
  const names = (await index.list()).keys
  return await Promise.all(names.map(async (key) => JSON.stringify([key, await index.get(key.name)])))
}

/** Everything in KV and R2, as text: names, metadata and values, bytes as Latin-1. */
export async function everythingStored(): Promise<{ kv: string[]; r2: string[] }> {
  const { AUDIO: audio } = env
  if (audio === undefined) throw new Error('R2 is not bound')
  const objects = await objectsIn(audio)
  return {
    kv: await everythingInKv(),
    r2: await Promise.all(
      objects.map(async ({ key, customMetadata, httpMetadata }) => {
        const bytes = new Uint8Array((await (await audio.get(key))?.arrayBuffer()) ?? [])
        return JSON.stringify([key, customMetadata, httpMetadata, Buffer.from(bytes).toString('latin1')])
      }),
    ),
  }
}
