import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLatencyProxy } from '#bench/latency-proxy.ts'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { findFreePort } from '#scripts/stack/ports.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { removeState } from '#scripts/stack/stack.ts'
import { startWorker } from '#scripts/stack/worker.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

const roundTripMs = 40
const rounds = 30

/** One kind of request, timed until its first byte of content. */
interface Probe {
  readonly name: string
  readonly flights: string
  run(origin: string): Promise<void>
}

const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-placement-'))
const closing: (() => unknown)[] = [() => removeState(stateDirectory)]
try {
  await measure()
} finally {
  for (const close of closing.toReversed()) await close()
}

/**
 * Times each request with the Worker beside the user (a round trip away from the database) and beside the database (a
 * round trip away from the user), interleaved, in one run.
 */
async function measure(): Promise<void> {
  const postgres = await startPostgres({ dataDirectory: join(stateDirectory, 'postgres'), settings: { fsync: 'off' } })
  closing.push(() => postgres.stop())
  const upstream = await startUpstream()
  closing.push(() => upstream.close())
  const { edgeUrl } = await setUpDatabase({ ownerUrl: postgres.ownerUrl, databaseName: 'neuraform' })
  const far = await startLatencyProxy({ targetPort: postgres.port, roundTripMs, startsAt: 'ready-for-query' })
  closing.push(() => far.close())
  const keys = makeWorkerKeys()
  const start = async (name: string, databaseUrl: string) => {
    const port = await findFreePort(0)
    const origin = `http://127.0.0.1:${port}`
    const env = workerEnvironment({ given: [], workerOrigin: origin, upstreamOrigin: upstream.origin, keys })
    const worker = await startWorker({
      projectDirectory: join(import.meta.dirname, '..'),
      port,
      env,
      databaseUrl,
      persistTo: join(stateDirectory, name),
    })
    closing.push(() => worker.stop())
    return port
  }
  const nearUser = await start('near-user', edgeUrl.replace(`:${postgres.port}/`, `:${far.port}/`))
  const nearDatabase = await start('near-database', edgeUrl)
  const user = await startLatencyProxy({ targetPort: nearDatabase, roundTripMs, startsAt: 'connect' })
  closing.push(() => user.close())
  await compare(upstream.origin, `http://127.0.0.1:${nearUser}`, `http://127.0.0.1:${user.port}`)
}

async function compare(upstreamOrigin: string, nearUser: string, nearDatabase: string): Promise<void> {
  console.log(`Median of ${rounds} requests each, interleaved; ${roundTripMs} ms between user and database.\n`)
  console.log('| request | flights | Worker beside the user | Worker beside the database | ratio |')
  console.log('| --- | --- | --- | --- | --- |')
  for (const probe of await prepareProbes(upstreamOrigin, [nearUser, nearDatabase])) {
    const [user, database] = [[] as number[], [] as number[]]
    for (let round = -3; round < rounds; round += 1) {
      for (const [origin, times] of [
        [nearUser, user],
        [nearDatabase, database],
      ] as const) {
        const startedAt = performance.now()
        await probe.run(origin)
        if (round >= 0) times.push(performance.now() - startedAt)
      }
    }
    const [a, b] = [median(user), median(database)]
    console.log(
      `| ${probe.name} | ${probe.flights} | ${a.toFixed(0)} ms | ${b.toFixed(0)} ms | ${(a / b).toFixed(2)} |`,
    )
  }
}

async function prepareProbes(upstreamOrigin: string, origins: readonly [string, string]): Promise<Probe[]> {
  const { token, conversationId, audio } = await prepareAccount(upstreamOrigin, origins)
  const authorization = { Authorization: `Bearer ${token}` }
  const get = (path: string | ((at: string) => string), headers: Record<string, string>) => async (at: string) => {
    await (await fetch(`${at}${typeof path === 'string' ? path : path(at)}`, { headers })).arrayBuffer()
  }
  const body = () => JSON.stringify({ content: `How are you, friend number ${crypto.randomUUID()}?` })
  return [
    {
      name: 'an invented token',
      flights: '0',
      run: get('/auth/profile', { Authorization: `Bearer nf_${'a'.repeat(51)}` }),
    },
    { name: 'the public catalogue, cached', flights: '0', run: get('/personas', {}) },
    { name: 'a byte range of audio', flights: '0', run: get((at) => audio.get(at) ?? '', { Range: 'bytes=0-1023' }) },
    { name: 'the profile', flights: '1', run: get('/auth/profile', authorization) },
    { name: 'a page of conversations', flights: '1', run: get('/conversations', authorization) },
    {
      name: 'the first words of a reply',
      flights: '2 of 3',
      run: async (at) => {
        const headers = { ...authorization, 'Content-Type': 'application/json' }
        const response = await fetch(`${at}/conversations/${conversationId}/turns`, {
          method: 'POST',
          headers,
          body: body(),
        })
        await response.body?.getReader().read()
      },
    },
  ]
}

async function prepareAccount(upstreamOrigin: string, origins: readonly [string, string]) {
  const [origin] = origins
  const post = async <T>(url: string, body: unknown, token?: string): Promise<T> => {
    const headers = {
      'Content-Type': 'application/json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller names what this route answers
    return (await response.json()) as T
  }
  const { id_token: idToken } = await post<{ id_token: string }>(`${upstreamOrigin}/google/id-token`, {
    person: 'new',
    audience: 'neuraform-local',
  })
  const login = await post<{ registration_ticket: string }>(`${origin}/auth/login`, {
    provider: 'google',
    token: idToken,
  })
  const { session_token: token } = await post<{ session_token: string }>(`${origin}/auth/register`, {
    registration_ticket: login.registration_ticket,
    first_name: 'Robin',
    last_name: 'Bench',
    birthdate: '1990-01-01',
    terms_version: '1',
    privacy_version: '1',
  })
  const persona = '0198f000-0000-7000-8000-000000000001'
  const conversation = await post<{ id: string }>(`${origin}/conversations`, { persona_id: persona }, token)
  // Each Worker has storage of its own.
  const audio = new Map<string, string>()
  for (const at of origins) {
    const speech = await post<{ audio_url: string }>(
      `${at}/voice/speech`,
      { text: 'Good evening.', voice: 'slt' },
      token,
    )
    const { pathname, search } = new URL(speech.audio_url)
    audio.set(at, `${pathname}${search}`)
  }
  return { token, conversationId: conversation.id, audio }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
