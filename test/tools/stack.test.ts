import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client, type QueryResultRow } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withDatabase, withLogin } from '#scripts/stack/database/connection.ts'
import { setUpDatabase, type SetUpOptions } from '#scripts/stack/database/set-up.ts'
import { workerEnvironment } from '#scripts/stack/environment.ts'
import { loadLocalSecrets } from '#scripts/stack/local-secrets.ts'
import { collectParts } from '#scripts/stack/parts.ts'
import { findFreePort, requireFreePort } from '#scripts/stack/ports.ts'
import { startPostgres, type LocalPostgres } from '#scripts/stack/postgres.ts'
import { removeCluster } from '#scripts/stack/postgres/home.ts'
import { isRunning } from '#scripts/stack/processes.ts'
import { lockState } from '#scripts/stack/state-lock.ts'
import { startWorker } from '#scripts/stack/worker.ts'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'
import { eventually } from '#test/setup/eventually.ts'

const settings = { fsync: 'off' }
let folder: string
// One cluster for all of them, which one test after the other starts and stops: to make one takes longer than most tests.
let dataDirectory: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuraform-stack-'))
  dataDirectory = join(folder, 'cluster')
})

afterAll(async () => {
  await removeCluster(dataDirectory)
  await rm(folder, { recursive: true })
})

async function query(url: string, text: string): Promise<QueryResultRow[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<QueryResultRow>(text)).rows
  } finally {
    await client.end()
  }
}

async function occupyPort() {
  const port = await findFreePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { port, server }
}

async function serverPid(): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, 'data/postmaster.pid'), 'utf8'), 10)
}

describe('the local PostgreSQL', () => {
  it('keeps its data from one start to the next and leaves no process behind', async () => {
    const first = await startPostgres({ dataDirectory, settings })
    await query(first.ownerUrl, 'create table kept as select 7 as answer')
    const pid = await serverPid()
    await Promise.all([first.stop(), first.stop()])
    expect(isRunning(pid)).toBe(false)

    const second = await startPostgres({ dataDirectory, settings })
    expect(await query(second.ownerUrl, 'select answer from kept')).toEqual([{ answer: 7 }])
    await second.stop()
  })

  it('ends when the process that started it is killed', async () => {
    const program = `
      import { startPostgres } from '#scripts/stack/postgres.ts'
      await startPostgres({ dataDirectory: ${JSON.stringify(dataDirectory)}, settings: { fsync: 'off' } })
      console.log('started')`
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(createInterface({ input: parent.stdout }), 'line')
    const pid = await serverPid()
    expect(isRunning(pid)).toBe(true)
    parent.kill('SIGKILL')
    await eventually(() => expect(isRunning(pid)).toBe(false))
  })

  it('takes another port when the one that it would like is taken', async () => {
    const { port: taken, server } = await occupyPort()
    const postgres = await startPostgres({ dataDirectory, port: taken, settings })
    expect(postgres.port).not.toBe(taken)
    await postgres.stop()
    server.close()
  })
})

// Before any other, while the cluster has none of the roles.
describe('the database set-up of an owner who is no superuser', () => {
  it('needs CREATEROLE and CREATEDB, and may be repeated', async () => {
    const postgres = await startPostgres({ dataDirectory, settings })
    await query(postgres.ownerUrl, `create role manager login createrole createdb password 'secret'`)
    const ownerUrl = withLogin(withDatabase(new URL(postgres.ownerUrl), 'managed'), 'manager', 'secret').href
    const first = await setUpDatabase({ ownerUrl })
    const again = await setUpDatabase({ ownerUrl, existingPassword: 'keep' })
    expect([first.edgePasswordSource, again.edgePasswordSource]).toEqual(['made', 'kept'])
    await expect(query(first.edgeUrl, 'select from users')).rejects.toThrow('permission denied for table users')
    await postgres.stop()
  })
})

describe('the database set-up', () => {
  let postgres: LocalPostgres

  beforeAll(async () => {
    postgres = await startPostgres({ dataDirectory, settings })
  })

  afterAll(async () => {
    await postgres.stop()
  })

  const setUp = (options: Partial<SetUpOptions>) =>
    setUpDatabase({ ownerUrl: postgres.ownerUrl, edgePassword: 'edge', ...options })
  const urlOf = (user: string, database: string) =>
    withLogin(withDatabase(new URL(postgres.ownerUrl), database), user, 'secret').href

  it('changes nothing when it is repeated', async () => {
    const { ownerUrl } = await setUp({ databaseName: 'repeated' })
    const catalogue = `select (select jsonb_agg(to_jsonb(p) order by id) from personas p) as personas,
          (select jsonb_agg(to_jsonb(m) order by id) from drizzle.__drizzle_migrations m) as migrations,
          (select jsonb_agg(to_jsonb(m) order by roleid, member) from pg_auth_members m) as memberships,
          (select jsonb_agg(datacl::text) from pg_database where datname = current_database()) as privileges`
    const before = await query(ownerUrl, catalogue)
    const lines: string[] = []
    await setUp({ databaseName: 'repeated', onProgress: (line) => lines.push(line) })
    expect(await query(ownerUrl, catalogue)).toEqual(before)
    expect(lines.at(-1)).toBe('Built-in personas: 0 written')
  })

  it('may run several times at once, for one database and for several', async () => {
    const names = ['twin', 'twin', 'single', 'other']
    await Promise.all(names.map((databaseName) => setUp({ databaseName })))
    for (const name of names) {
      const { href } = withDatabase(new URL(postgres.ownerUrl), name)
      expect(await query(href, 'select count(*)::int > 0 as filled from personas')).toEqual([{ filled: true }])
    }
  })

  it('gives the Worker a login that sees nothing until it takes a role, and can never become the owner', async () => {
    const { edgeUrl } = await setUp({ databaseName: 'repeated' })
    await expect(query(edgeUrl, 'select from personas')).rejects.toThrow('permission denied for table personas')
    await expect(query(edgeUrl, 'create temporary table t ()')).rejects.toThrow('permission denied')
    for (const role of ['neuraform_owner', 'neuraform_gate']) {
      await expect(query(edgeUrl, `set role ${role}`)).rejects.toThrow('permission denied to set role')
    }
    const asVisitor = `${edgeUrl}?options=-c%20role%3Dneuraform_visitor`
    expect(await query(asVisitor, 'select count(*)::int as count from personas')).toEqual([{ count: 5 }])
  })

  it('keeps the password of a login that is there, or replaces it, as it is told', async () => {
    const { edgeUrl } = await setUp({ databaseName: 'repeated', edgePassword: "it's $1/ö" })
    await query(edgeUrl, 'select')
    const kept = await setUp({ databaseName: 'repeated', edgePassword: undefined, existingPassword: 'keep' })
    expect(kept).toEqual({
      ...kept,
      edgePasswordSource: 'kept',
      edgeUrl: withLogin(new URL(edgeUrl), 'neuraform_edge', undefined).href,
    })
    await query(edgeUrl, 'select')
    const replaced = await setUp({ databaseName: 'repeated', edgePassword: undefined })
    expect(replaced.edgePasswordSource).toBe('replaced')
    await query(replaced.edgeUrl, 'select')
    await expect(query(edgeUrl, 'select')).rejects.toThrow('password authentication failed')
  })

  it('says what is wrong with a URL that leads nowhere', async () => {
    const { port } = postgres
    const at = `127.0.0.1:${port}`
    await expect(setUp({ ownerUrl: 'mysql://a@b/c' })).rejects.toThrow('must look like postgres://')
    await expect(setUp({ ownerUrl: 'postgres://a:b@127.0.0.1:1/c' })).rejects.toThrow('Nothing listens at 127.0.0.1:1')
    await expect(setUp({ ownerUrl: `postgres://postgres:wrong@${at}/postgres` })).rejects.toThrow(
      `PostgreSQL at ${at} does not accept the password of “postgres”. (DATABASE_URL: postgres://postgres@${at}/postgres)`,
    )
  })

  it('names the privilege that is missing, and makes no role before it is sure', async () => {
    await query(
      postgres.ownerUrl,
      `create role weak login password 'secret'; create role half login password 'secret' createdb`,
    )
    await expect(setUp({ ownerUrl: urlOf('weak', 'nowhere') })).rejects.toThrow(
      'create database "nowhere" owner "weak"',
    )
    await expect(setUp({ ownerUrl: urlOf('weak', 'postgres') })).rejects.toThrow('does not own the database “postgres”')
    await expect(setUp({ ownerUrl: urlOf('half', 'halfway') })).rejects.toThrow('alter role "half" createrole')
  })
})

describe('the local Worker', () => {
  it('gets every value as it is, whatever .dev.vars says, and leaves no process behind', async () => {
    const projectDirectory = join(folder, 'project')
    await mkdir(projectDirectory)
    await writeFile(join(projectDirectory, '.dev.vars'), 'STRAY=1\nLLM_MODEL=stray\n')
    await writeFile(
      join(projectDirectory, 'wrangler.toml'),
      'name = "echo"\nmain = "echo.mjs"\ncompatibility_date = "2026-01-01"\n[[hyperdrive]]\nbinding = "HYPERDRIVE"\nid = "local"\n',
    )
    await writeFile(
      join(projectDirectory, 'echo.mjs'),
      'export default { fetch: (_, { HYPERDRIVE, ...env }) => Response.json({ ...env, user: HYPERDRIVE.user }) }',
    )
    const env = { LLM_MODEL: 'ours', PEM: '--\nab+/=\n--', QUOTES: `it's "$HOME" \${X} \\$y` }
    const port = await findFreePort()
    const databaseUrl = 'postgres://someone:secret@127.0.0.1:1/x'
    const worker = await startWorker({ projectDirectory, port, env, databaseUrl, persistTo: join(folder, 'persisted') })
    const answer = await fetch(worker.origin)
    expect(await answer.json()).toEqual({ ...env, user: 'someone' })
    await worker.stop()
    await expect(fetch(worker.origin)).rejects.toThrow('fetch failed')
  })
})

describe('the local configuration', () => {
  const keys = { KEY_ENCRYPTION_KEYS: 'made', TOKEN_SIGNING_KEY: 'made', LOOKUP_KEY: 'made' }
  const environment = (...given: Record<string, string>[]) =>
    workerEnvironment({ given, workerOrigin: 'http://localhost:1', upstreamOrigin: 'http://127.0.0.1:2', keys })

  it('points at the local upstream by default', () => {
    expect(environment({ PATH: '/bin', LLM_MODEL: '' })).toEqual({
      ...keys,
      ENVIRONMENT: 'development',
      ALLOWED_ORIGINS: 'http://localhost:3000,http://localhost:5173,http://localhost:8080,http://127.0.0.1:2',
      PUBLIC_ORIGIN: 'http://localhost:1',
      ALLOWED_RETURN_URLS:
        'http://localhost:3000/signed-in,http://localhost:5173/signed-in,http://localhost:8080/signed-in,http://127.0.0.1/signed-in,com.example.companion:/signed-in',
      ...workerVariables.identity('http://127.0.0.1:2'),
      ...workerVariables.companion('http://127.0.0.1:2'),
      ...workerVariables.voice('http://127.0.0.1:2'),
      ...workerVariables.transcription('http://127.0.0.1:2'),
    })
  })

  it('takes the environment first, then .dev.vars, then the defaults', () => {
    const values = environment({ LOOKUP_KEY: 'shell', MINIMUM_AGE: '' }, { LOOKUP_KEY: 'file', MINIMUM_AGE: '16' })
    expect(values).toMatchObject({ LOOKUP_KEY: 'shell', MINIMUM_AGE: '16', TOKEN_SIGNING_KEY: 'made' })
  })

  it('mixes no offline default into a vendor that has its own key', () => {
    const own = { LLM_API_KEY: 'sk', SPEECH_PROVIDER: 'elevenlabs', SPEECH_API_KEY: 'xi', TRANSCRIPTION_API_KEY: 'tk' }
    const values = environment(own)
    expect(values).toMatchObject(own)
    for (const name of ['LLM_BASE_URL', 'LLM_MODEL', 'SPEECH_BASE_URL', 'TRANSCRIPTION_BASE_URL'])
      expect(values).not.toHaveProperty(name)
  })

  it('keeps its generated secrets from one start to the next', async () => {
    const stateDirectory = await mkdtemp(join(folder, 'state-'))
    const [first, second] = await Promise.all([loadLocalSecrets(stateDirectory), loadLocalSecrets(stateDirectory)])
    expect(second).toEqual(first)
    expect(Buffer.from(first.workerKeys.LOOKUP_KEY, 'base64')).toHaveLength(32)
  })
})

describe('the stack', () => {
  it('refuses a named port that is taken, and a state directory that is in use', async () => {
    const { port, server } = await occupyPort()
    await expect(requireFreePort('PORT', String(port))).rejects.toThrow(`Port ${port}, which PORT names, is taken`)
    server.close()

    const stateDirectory = await mkdtemp(join(folder, 'locked-'))
    const unlock = lockState(stateDirectory)
    expect(() => lockState(stateDirectory)).toThrow(`in use by process ${process.pid}`)
    unlock()
    await writeFile(join(stateDirectory, 'lock'), `${process.pid} some other time`)
    lockState(stateDirectory)()
  })

  it('stops its parts last first, the late ones and those beside a failing one, too', async () => {
    const parts = collectParts()
    const stopped: string[] = []
    const part = (name: string) => ({ stop: () => void stopped.push(name) })
    await parts.keep(part('first'))
    await parts.keep({ stop: () => Promise.reject(new Error('stuck')) })
    await parts.keep(part('third'))
    const { promise: starting, resolve: finishStarting } = Promise.withResolvers<ReturnType<typeof part>>()
    const late = parts.keep(starting)
    const end = parts.stopAll()
    finishStarting(part('late'))
    await expect(late).rejects.toThrow('Stopped while it was starting')
    await expect(end).rejects.toThrow('could not be stopped')
    expect(stopped).toEqual(['late', 'third', 'first'])
  })
})
