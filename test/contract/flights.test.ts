import { afterEach, expect, it, vi } from 'vitest'
import { ask } from '#test/setup/ask.ts'
import { fuka, newUser } from '#test/setup/client.ts'
import { operations } from '#test/setup/operations.ts'
import { newConversation } from '#test/setup/talk.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

/** How often each request crosses to the database, in an isolate that holds the data key. */
const stated: Readonly<Record<string, number>> = {
  'POST /auth/login (new)': 1,
  'POST /auth/login (known)': 2,
  'POST /auth/register': 1,
  'POST /auth/nonce': 0,
  'POST /auth/refresh': 1,
  'POST /auth/reauthenticate': 2,
  'GET /auth/identities': 1,
  'POST /auth/identities': 2,
  'DELETE /auth/identities/{id}': 2,
  'GET /auth/session': 1,
  'GET /auth/session (ended)': 1,
  'GET /auth/profile': 1,
  'PUT /auth/profile': 1,
  'POST /auth/logout': 1,
  'GET /auth/sessions': 1,
  'GET /auth/security-log': 1,
  'DELETE /auth/sessions/{id}': 1,
  'DELETE /auth/account': 4,
  'GET /erasures/{id}': 1,
  'GET /auth/{provider}/start': 0,
  'GET /auth/{provider}/callback (known, to a code)': 1,
  'GET /auth/{provider}/callback (known, to a cookie)': 3,
  'POST /auth/{provider}/callback (new)': 1,
  'POST /auth/exchange': 2,
  'POST /auth/{provider}/link': 1,
  'POST /auth/registration (refused)': 0,
  'POST /providers/apple/notifications': 1,
  'POST /providers/facebook/deauthorize': 1,
  'POST /providers/facebook/data-deletion': 1,
  'GET /personas (miss)': 1,
  'GET /personas (hit)': 0,
  'GET /personas (not modified)': 0,
  'GET /personas (with a session)': 1,
  'GET /personas/{id} (with a session)': 1,
  'POST /personas': 1,
  'PATCH /personas/{id}': 1,
  'DELETE /personas/{id}': 1,
  'POST /personas/{id}/fork': 1,
  'GET /personas/active': 1,
  'PUT /personas/{id}/preferences': 1,
  'GET /personas/{id}/preferences': 1,
  'GET /personas/{id}/card.json': 1,
  'GET /personas/{id}/card.png': 1,
  'POST /personas/import': 1,
  'DELETE /conversations/{id}/messages/{message_id}': 1,
  'GET /memories': 1,
  'POST /memories': 1,
  'DELETE /memories': 1,
  'GET /memories/{id}': 1,
  'PATCH /memories/{id}': 1,
  'DELETE /memories/{id}': 1,
  'GET /memories/{id}/why': 1,
  'GET /memories/settings': 1,
  'PUT /memories/settings': 1,
  'POST /conversations': 1,
  'GET /conversations': 1,
  'GET /conversations/{id}': 1,
  'PATCH /conversations/{id}': 1,
  'DELETE /conversations/{id}': 1,
  'POST /conversations/{id}/messages': 1,
  'GET /search': 1,
  'POST /search': 1,
  'GET /sync': 1,
  'GET /usage': 1,
  'GET /conversations/{id}/messages (all)': 1,
  'GET /conversations/{id}/messages (the path)': 1,
  'POST /conversations/{id}/messages/{message_id}/choose': 1,
  'POST /conversations/{id}/messages/{message_id}/fork': 2,
  'POST /conversations/{id}/turns (an edit)': 3,
  'PUT /conversations/{id}/messages/{message_id}/feedback': 1,
  'GET /conversations/export (ours)': 1,
  'GET /conversations/export (ChatGPT’s)': 1,
  'GET /conversations/{id}/export (neuraform)': 1,
  'GET /conversations/{id}/export (openai)': 1,
  'GET /conversations/{id}/export (sillytavern)': 1,
  'GET /conversations/{id}/export (markdown)': 1,
  'POST /conversations/import (two that are known)': 3,
  'POST /conversations/import (one that is new)': 3,
  'POST /conversations/{id}/messages/{message_id}/regenerate': 3,
  'POST /chat': 3,
  'GET /chat/{chat_id}/stream (none)': 1,
  'POST /conversations/{id}/turns (stream)': 3,
  'POST /conversations/{id}/turns (repeated)': 1,
  'POST /conversations/{id}/turns (json)': 3,
  'GET /conversations/{id}/turns/{turn_id}/events': 1,
  'POST /conversations/{id}/turns/{turn_id}/stop': 1,
  'POST /conversations/{id}/turns/{turn_id}/continue (of a whole one)': 1,
  'GET /v1/models': 1,
  'GET /v1/models/{model}': 1,
  'POST /v1/chat/completions': 1,
  'POST /v1/chat/completions (kept)': 3,
  'POST /voice/speech (miss)': 2,
  'POST /voice/speech (hit)': 1,
  'GET /voice/voices': 1,
  'POST /v1/audio/speech (hit)': 1,
  'POST /voice/recordings': 2,
  'GET /voice/recordings': 1,
  'GET /voice/recordings/{id}': 1,
  'POST /voice/recordings/{id}/transcript': 3,
  'DELETE /voice/recordings/{id}': 2,
  'GET /voice/audio/{id} (whole)': 0,
  'GET /voice/audio/{id} (range)': 0,
  'GET /health/live': 0,
  'GET /health/ready': 1,
  'GET /version': 0,
}

/** The same in an isolate that holds no key: a write that seals asks for it first. */
const cold: readonly (readonly [string, string, unknown, number])[] = [
  ['GET', '/auth/profile', undefined, 1],
  ['PUT', '/auth/profile', { first_name: 'Ida' }, 2],
  ['GET', '/auth/sessions', undefined, 1],
  ['POST', '/conversations', { persona_id: fuka, title: 'A title' }, 2],
  ['GET', '/conversations', undefined, 1],
  ['GET', '/conversations/{id}', undefined, 1],
  ['PATCH', '/conversations/{id}', { title: 'Another' }, 2],
  ['POST', '/conversations/{id}/messages', { role: 'user', content: 'Hello.' }, 2],
  ['GET', '/conversations/{id}/messages', undefined, 1],
  ['POST', '/search', { query: 'hello' }, 2],
  ['POST', '/conversations/{id}/turns', { content: 'Hello?' }, 3],
  ['POST', '/voice/speech', { text: 'Hello.', voice: 'slt' }, 3],
  ['POST', '/voice/speech', { text: 'Hello.', voice: 'slt' }, 2],
]

const keptMs = 5 * 60_000

afterEach(() => {
  vi.useRealTimers()
})

it('crosses to the database as often as is stated, on every route', async () => {
  const exchanges = await walkEveryRoute(someWords())
  const counted = exchanges.map(({ operation, label, flights }) => [
    label === '' ? operation : `${operation} (${label})`,
    flights,
  ])
  expect(Object.fromEntries(counted)).toEqual(stated)
  const named = new Set(Object.keys(stated).map((name) => name.replace(/ \(.*\)$/, '')))
  expect(named).toEqual(new Set(operations.map(({ name }) => name)))
})

it('crosses once more before a sealed write where the key is not held', async () => {
  const { token } = await newUser()
  const { id } = await newConversation(token)
  for (const [method, path, body, flights] of cold) {
    vi.useFakeTimers({ now: Date.now() + keptMs, toFake: ['Date'] })
    const headers = { Accept: 'application/json' }
    const answer = await ask(method, path.replace('{id}', id), { token, headers, body: JSON.stringify(body) })
    expect([method, path, answer.status < 300, answer.flights]).toEqual([method, path, true, flights])
  }
})

it('crosses once for a companion that anybody may see, and not again while the edge keeps it', async () => {
  await caches.default.delete(`https://neuraform.test/personas/${fuka}`)
  const asked = [await ask('GET', `/personas/${fuka}`), await ask('GET', `/personas/${fuka}`)]
  const flights = asked.map((answer) => answer.flights)
  expect(flights).toEqual([1, 0])
})

it('answers what is not there, and what the contract says, without crossing', async () => {
  for (const [method, path, status] of [
    ['GET', '/nowhere', 404],
    ['PUT', '/conversations', 405],
    ['OPTIONS', '/conversations', 204],
    ['GET', '/openapi.json', 200],
  ] as const) {
    const answer = await ask(method, path)
    expect([path, answer.status, answer.flights]).toEqual([path, status, 0])
  }
})
