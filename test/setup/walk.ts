import { exports } from 'cloudflare:workers'
import type { RegistrationRequired } from '#src/auth/shapes.ts'
import type { Turn } from '#src/conversations/shapes.ts'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import { fuka, googleToken, registration } from '#test/setup/client.ts'
import { streamedWav } from '#test/setup/speech.ts'
import { redirect, tellOf } from '#test/setup/walk-redirect.ts'

/** One request of the main job and its answer, as they went over the wire. */
export interface Exchange {
  /** The operation, as the OpenAPI document names it: `GET /personas/{id}`. */
  readonly operation: string
  readonly label: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly flights: number
}

/** What somebody types and says, so that a test may look for it. */
export interface Words {
  readonly firstName: string
  readonly lastName: string
  readonly title: string
  readonly said: string
  readonly device: string
  readonly person: string
}

export const someWords = (): Words => ({
  firstName: 'Robin',
  lastName: 'Quill',
  title: 'A first talk',
  said: 'I walked along the harbour this morning.',
  device: 'Kitchen tablet',
  person: `new:${crypto.randomUUID()}`,
})

type Worker = (request: Request) => Promise<Response>

/** Walks the main job through every route of a Worker, in order, and writes down every answer. */
export async function walkEveryRoute(
  words: Words,
  worker: Worker = async (request) => await exports.default.fetch(request),
): Promise<readonly Exchange[]> {
  const exchanges: Exchange[] = []
  const send = async (operation: string, label: string, options: SendOptions = {}) => {
    const exchange = await exchangeOf(worker, operation, label, options)
    exchanges.push(exchange)
    return exchange
  }
  const idToken = await googleToken({ person: words.person })
  const login = { provider: 'google', token: idToken, device_info: { name: words.device } }
  const required = await send('POST /auth/login', 'new', { body: login })
  const { registration_ticket: ticket } = JSON.parse(required.text) as RegistrationRequired
  const registered = await send('POST /auth/register', '', {
    body: {
      ...registration(ticket),
      first_name: words.firstName,
      last_name: words.lastName,
      device_info: { name: words.device },
    },
  })
  const token = read<{ session_token: string }>(registered).session_token
  const again = await send('POST /auth/login', 'known', { body: login })
  const second = read<{ session_token: string }>(again).session_token
  await send('GET /auth/session', '', { token })
  await send('GET /auth/profile', '', { token })
  await send('PUT /auth/profile', '', { token, body: { first_name: words.firstName, timezone: 'Europe/Vienna' } })
  const sessions = read<{ items: { id: string; is_current: boolean }[] }>(
    await send('GET /auth/sessions', '', { token }),
  )
  await catalogue(send, token)
  await talk(send, token, words)
  await remember(send, token, words)
  await identities(send, token, words.person)
  await redirect(send, token, words.person)
  await tellOf(send)
  const other = sessions.items.find((session) => !session.is_current)
  await send('GET /auth/security-log', '', { token })
  await send('DELETE /auth/sessions/{id}', '', { token, id: other?.id })
  const third = read<{ session_token: string }>(await send('POST /auth/login', 'known', { body: login })).session_token
  await send('POST /auth/logout', '', { token: third })
  await send('GET /auth/session', 'ended', { token: second })
  const erased = read<{ erasure_id: string }>(await send('DELETE /auth/account', '', { token }))
  await send('GET /erasures/{id}', '', { id: erased.erasure_id })
  for (const path of ['/health/live', '/health/ready', '/version']) await send(`GET ${path}`, '')
  return exchanges
}

async function identities(send: Send, token: string, person: string): Promise<void> {
  const { nonce } = read<{ nonce: string }>(await send('POST /auth/nonce', ''))
  const added = { provider: 'google', token: await googleToken() }
  const linked = read<{ id: string }>(await send('POST /auth/identities', '', { token, body: added }))
  await send('GET /auth/identities', '', { token })
  await send('DELETE /auth/identities/{id}', '', { token, id: linked.id })
  const own = { provider: 'google', token: await googleToken({ person }) }
  const session = read<{ session_token: string }>(await send('POST /auth/login', 'known', { body: own })).session_token
  const renewed = await send('POST /auth/reauthenticate', '', {
    token: session,
    body: { provider: 'google', token: await googleToken({ person, nonce }), nonce },
  })
  await send('POST /auth/refresh', '', { token: read<{ session_token: string }>(renewed).session_token })
}

export type Send = (operation: string, label: string, options?: SendOptions) => Promise<Exchange>

async function catalogue(send: Send, token: string): Promise<void> {
  const query = `?limit=${20 + Math.floor(Math.random() * 80)}`
  // The edge's cache is one for all files that a workerd runs.
  await caches.default.delete(`https://neuraform.test/personas${query}`)
  const first = await send('GET /personas', 'miss', { query })
  await send('GET /personas', 'hit', { query })
  await send('GET /personas', 'not modified', { query, headers: { 'If-None-Match': first.headers.get('ETag') ?? '' } })
  await send('GET /personas', 'with a session', { token, query })
  await send('GET /personas/{id}', 'with a session', { token, id: fuka })
  const own = read<{ id: string }>(await send('POST /personas', '', { token, body: { display_name: 'Mira' } })).id
  await send('PATCH /personas/{id}', '', { token, id: own, body: { tags: ['sea'] } })
  await send('POST /personas/{id}/fork', '', { token, id: own })
  await send('PUT /personas/{id}/preferences', '', { token, id: own, body: { is_active: true } })
  await send('GET /personas/{id}/preferences', '', { token, id: own })
  await send('GET /personas/active', '', { token })
  const card = (await send('GET /personas/{id}/card.json', '', { token, id: own })).text
  await send('GET /personas/{id}/card.png', '', { token, id: own })
  await send('POST /personas/import', '', { token, bytes: Uint8Array.from(new TextEncoder().encode(card)) })
  await send('DELETE /personas/{id}', '', { token, id: own })
}

async function remember(send: Send, token: string, words: Words): Promise<void> {
  const made = await send('POST /memories', '', { token, body: { content: words.said } })
  const { id } = read<{ id: string }>(made)
  await send('GET /memories', '', { token })
  await send('GET /memories/{id}', '', { token, id })
  await send('GET /memories/{id}/why', '', { token, id })
  await send('PATCH /memories/{id}', '', { token, id, body: { persona_id: fuka } })
  await send('DELETE /memories/{id}', '', { token, id })
  await send('DELETE /memories', '', { token })
  await send('PUT /memories/settings', '', { token, body: { is_shared: true } })
  await send('GET /memories/settings', '', { token })
}

async function talk(send: Send, token: string, words: Words): Promise<void> {
  const body = { persona_id: fuka, title: words.title }
  const { id } = read<{ id: string }>(await send('POST /conversations', '', { token, body }))
  await send('GET /conversations', '', { token })
  await send('GET /conversations/{id}', '', { token, id })
  await send('PATCH /conversations/{id}', '', { token, id, body: { is_pinned: true } })
  await send('POST /conversations/{id}/messages', '', { token, id, body: { role: 'user', content: words.said } })
  const turn = { token, id, body: { content: words.said } }
  const key = { 'Idempotency-Key': crypto.randomUUID() }
  await send('POST /conversations/{id}/turns', 'stream', { ...turn, headers: key })
  await send('POST /conversations/{id}/turns', 'repeated', { ...turn, headers: key })
  const said = read<Turn>(
    await send('POST /conversations/{id}/turns', 'json', { ...turn, headers: { Accept: 'application/json' } }),
  )
  await send('GET /conversations/{id}/turns/{turn_id}/events', '', { token, id, part: said.id })
  await send('POST /conversations/{id}/turns/{turn_id}/stop', '', { token, id, part: said.id })
  await send('POST /conversations/{id}/turns/{turn_id}/continue', 'of a whole one', { token, id, part: said.id })
  await send('GET /conversations/{id}/messages', 'all', { token, id })
  await send('GET /conversations/{id}/messages', 'the path', { token, id, query: '?branch=current' })
  const once = { token, id, part: said.reply?.id ?? '', headers: { Accept: 'application/json' } }
  await send('POST /conversations/{id}/messages/{message_id}/regenerate', '', once)
  const chosen = { token, id, part: said.reply?.id ?? '' }
  await send('POST /conversations/{id}/messages/{message_id}/choose', '', chosen)
  await send('POST /conversations/{id}/messages/{message_id}/fork', '', { ...chosen, body: {} })
  const edited = { content: words.said, edit_of: said.user_message?.id }
  await send('POST /conversations/{id}/turns', 'an edit', { ...turn, body: edited, headers: once.headers })
  const spokenTo = { id, messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: words.said }] }] }
  await send('POST /chat', '', { token, body: spokenTo })
  await send('GET /chat/{chat_id}/stream', 'none', { token, id })
  const liked = { token, id, part: said.reply?.id ?? '', body: { feedback: 'up' } }
  await send('PUT /conversations/{id}/messages/{message_id}/feedback', '', liked)
  await files(send, token, id)
  await send('GET /search', '', { token, query: '?q=harbour' })
  await send('POST /search', '', { token, body: { query: words.said } })
  await send('GET /v1/models', '', { token })
  await send('GET /v1/models/{model}', '', { token, id: fuka })
  const chat = { model: fuka, messages: [{ role: 'user', content: words.said }] }
  await send('POST /v1/chat/completions', '', { token, body: chat })
  await send('POST /v1/chat/completions', 'kept', { token, body: chat, headers: { 'X-Conversation-Id': id } })
  const speech = { token, body: { text: words.said, persona_id: fuka } }
  const spoken = read<{ id: string; audio_url: string }>(await send('POST /voice/speech', 'miss', speech))
  await send('POST /voice/speech', 'hit', speech)
  const query = new URL(spoken.audio_url).search
  await send('GET /voice/audio/{id}', 'whole', { id: spoken.id, query })
  await send('GET /voice/audio/{id}', 'range', { id: spoken.id, query, headers: { Range: 'bytes=0-9' } })
  await send('GET /voice/voices', '', { token })
  await send('POST /v1/audio/speech', 'hit', { token, body: { model: 'tts-1', input: words.said, voice: fuka } })
  const recorded = read<{ id: string }>(await send('POST /voice/recordings', '', { token, bytes: streamedWav(300) }))
  await send('GET /voice/recordings', '', { token })
  await send('GET /voice/recordings/{id}', '', { token, id: recorded.id })
  await send('POST /voice/recordings/{id}/transcript', '', { token, id: recorded.id })
  await send('DELETE /voice/recordings/{id}', '', { token, id: recorded.id })
  await send('DELETE /conversations/{id}/messages/{message_id}', '', chosen)
  await send('DELETE /conversations/{id}', '', { token, id })
  await send('GET /sync', '', { token })
  await send('GET /usage', '', { token })
}

async function files(send: Send, token: string, id: string): Promise<void> {
  const all = (await send('GET /conversations/export', 'ours', { token })).text
  await send('GET /conversations/export', 'ChatGPT’s', { token, query: '?format=openai' })
  let one = ''
  for (const format of ['neuraform', 'openai', 'markdown', 'sillytavern'])
    one = (await send('GET /conversations/{id}/export', format, { token, id, query: `?format=${format}` })).text
  const bytesOf = (text: string) => Uint8Array.from(new TextEncoder().encode(text))
  await send('POST /conversations/import', 'two that are known', { token, bytes: bytesOf(all) })
  const renamed = { token, query: `?persona_id=${fuka}`, bytes: bytesOf(one) }
  await send('POST /conversations/import', 'one that is new', renamed)
}

interface SendOptions {
  readonly token?: string
  readonly id?: string | undefined
  /** The turn or the message of a conversation. */
  readonly part?: string
  readonly provider?: Provider
  readonly query?: string
  readonly body?: unknown
  /** A body that is no JSON. */
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
}

async function exchangeOf(worker: Worker, operation: string, label: string, options: SendOptions): Promise<Exchange> {
  const [method = '', path = ''] = operation.split(' ')
  const url = `https://neuraform.test${path
    .replace('{id}', options.id ?? '')
    .replace(/\{(turn|message)_id\}/, options.part ?? '')
    .replace('{model}', options.id ?? '')
    .replace('{chat_id}', options.id ?? '')
    .replace('{provider}', options.provider ?? '')}${options.query ?? ''}`
  const response = await worker(
    new Request(url, {
      method,
      redirect: 'manual',
      headers: {
        ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        'CF-Connecting-IP': crypto.randomUUID(),
        ...options.headers,
      },
      ...(options.bytes === undefined ? {} : { body: options.bytes }),
      ...(options.body === undefined
        ? {}
        : { body: options.body instanceof URLSearchParams ? options.body.toString() : JSON.stringify(options.body) }),
    }),
  )
  const text = await response.text()
  const said = /db;desc="(\d+) flight/.exec(response.headers.get('Server-Timing') ?? '')?.[1]
  // A stream says its flights in its last part; its headers left before the last of them.
  const streamed = /"flights":(\d+)/.exec(text)?.[1]
  return {
    operation,
    label,
    status: response.status,
    headers: response.headers,
    text,
    flights: Number(streamed ?? said),
  }
}

/** The body of an answer; tests name the part that they use. */
const read = <T>({ text }: Exchange): T => JSON.parse(text) as T
