import { expect, it } from 'vitest'
import { call } from '#test/setup/client.ts'
import { operations } from '#test/setup/operations.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

/** How often each request crosses to the database, in an isolate that holds the data key. */
const stated: Readonly<Record<string, number>> = {
  'POST /auth/login (new)': 1,
  'POST /auth/login (known)': 2,
  'POST /auth/register': 1,
  'GET /auth/session': 1,
  'GET /auth/session (ended)': 1,
  'GET /auth/profile': 1,
  'PUT /auth/profile': 1,
  'POST /auth/logout': 1,
  'GET /auth/sessions': 1,
  'DELETE /auth/sessions/{id}': 1,
  'DELETE /auth/account': 2,
  'GET /erasures/{id}': 1,
  'GET /personas (miss)': 1,
  'GET /personas (hit)': 0,
  'GET /personas (not modified)': 0,
  'GET /personas (with a session)': 1,
  'GET /personas/{id} (with a session)': 1,
  'POST /conversations': 1,
  'GET /conversations': 1,
  'GET /conversations/{id}': 1,
  'PATCH /conversations/{id}': 1,
  'DELETE /conversations/{id}': 1,
  'POST /conversations/{id}/messages': 1,
  'GET /conversations/{id}/messages': 1,
  'POST /conversations/{id}/turns (stream)': 3,
  'POST /conversations/{id}/turns (repeated)': 1,
  'POST /conversations/{id}/turns (json)': 3,
  'POST /voice/speech (miss)': 2,
  'POST /voice/speech (hit)': 1,
  'GET /voice/audio/{id} (whole)': 0,
  'GET /voice/audio/{id} (range)': 0,
  'GET /health/live': 0,
  'GET /health/ready': 1,
  'GET /version': 0,
}

it('crosses to the database as often as is stated, on every route', async () => {
  const exchanges = await walkEveryRoute(someWords())
  const counted = exchanges.map(({ operation, label, flights }) => [
    label === '' ? operation : `${operation} (${label})`,
    flights,
  ])
  expect(Object.fromEntries(counted)).toEqual(stated)
  expect(operations.filter(({ name }) => !Object.keys(stated).some((key) => key.startsWith(name)))).toEqual([])
})

it('answers what is not there without crossing', async () => {
  for (const [method, path, status] of [
    ['GET', '/nowhere', 404],
    ['PUT', '/conversations', 405],
    ['OPTIONS', '/conversations', 204],
    ['GET', '/openapi.json', 200],
  ] as const) {
    const answer = await call(method, path)
    expect([path, answer.status, answer.headers.get('Server-Timing')]).toEqual([path, status, 'db;desc="0 flights"'])
  }
})
