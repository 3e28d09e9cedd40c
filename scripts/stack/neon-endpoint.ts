import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { DatabaseError, Pool, type PoolClient, type QueryArrayResult } from 'pg'
import * as z from 'zod'

/** A local endpoint in the place of Neon's. */
export interface NeonEndpoint {
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves Neon's SQL over HTTP on 127.0.0.1, for whatever PostgreSQL the connection string of a request names: one query, or
 * a batch in one transaction. It answers in the one form that the driver asks for, rows as arrays of text. Its
 * connections are pooled and not reset in between, so that a setting which outlives its transaction is seen.
 */
export async function startNeonEndpoint(): Promise<NeonEndpoint> {
  const pools = new Map<string, Pool>()
  const server = createServer((request, response) => void serve(pools, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/sql`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.all([...pools.values()].map(async (pool) => await pool.end()))
    },
  }
}

async function serve(pools: Map<string, Pool>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const asked = Asked.parse(JSON.parse(await text(request)))
    const pool = poolFor(pools, String(request.headers['neon-connection-string']))
    const answer = await withClient(pool, response, async (client, signal): Promise<unknown> => {
      if ('query' in asked) return await run(client, asked)
      return await runBatch(client, beginOf(request.headers), asked.queries, signal)
    })
    reply(response, 200, answer)
  } catch (error) {
    reply(response, error instanceof DatabaseError ? 400 : 500, failureOf(error))
  }
}

// Neon's own JSON parser refuses half a character.
const wellFormed = z.string().refine((value) => value.isWellFormed())
const Statement = z.object({ query: wellFormed, params: z.array(wellFormed.nullable()).default([]) })
type Statement = z.output<typeof Statement>
const Asked = z.union([z.object({ queries: z.array(Statement) }), Statement])

function poolFor(pools: Map<string, Pool>, connectionString: string): Pool {
  const known = pools.get(connectionString)
  if (known !== undefined) return known
  const pool = new Pool({ connectionString, max: 20, idleTimeoutMillis: 1_000, connectionTimeoutMillis: 3_000 })
  pool.on('error', () => undefined)
  pools.set(connectionString, pool)
  return pool
}

type Lent = PoolClient & { readonly processID?: number }

/** Lends a connection. When the asker leaves, what it does is cancelled and the signal is aborted. */
async function withClient<T>(
  pool: Pool,
  response: ServerResponse,
  work: (client: Lent, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const client: Lent = await pool.connect()
  const left = new AbortController()
  const cancel = () => {
    left.abort()
    pool.query('select pg_cancel_backend($1)', [client.processID]).catch(() => undefined)
  }
  // Without a listener, a connection that dies while it is lent would end the process.
  const ignore = () => undefined
  client.on('error', ignore)
  response.on('close', cancel)
  try {
    return await work(client, left.signal)
  } finally {
    response.off('close', cancel)
    client.off('error', ignore)
    client.release(left.signal.aborted)
  }
}

async function runBatch(client: Lent, begin: string, statements: readonly Statement[], signal: AbortSignal) {
  try {
    const results = []
    await client.query(begin)
    for (const statement of statements) {
      results.push(await run(client, statement))
      signal.throwIfAborted()
    }
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    return { results }
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

const levels: Readonly<Record<string, string>> = {
  ReadUncommitted: 'read uncommitted',
  ReadCommitted: 'read committed',
  RepeatableRead: 'repeatable read',
  Serializable: 'serializable',
}

function beginOf(headers: IncomingHttpHeaders): string {
  const level = levels[String(headers['neon-batch-isolation-level'])]
  return [
    'begin',
    ...(level === undefined ? [] : [`isolation level ${level}`]),
    ...(headers['neon-batch-read-only'] === 'true' ? ['read only'] : []),
    ...(headers['neon-batch-deferrable'] === 'true' ? ['deferrable'] : []),
  ].join(' ')
}

const rawText = { getTypeParser: () => (value: string) => value }

async function run(client: Lent, { query, params }: Statement) {
  // The extended protocol takes one statement only, as Neon does.
  const asked = { text: query, values: params, rowMode: 'array' as const, types: rawText, queryMode: 'extended' }
  const { command, rowCount, fields, rows }: QueryArrayResult = await client.query(asked)
  return { command, rowCount, fields, rows, rowAsArray: true }
}

/** The fields of a PostgreSQL error, named as Neon and pg both name them. */
function failureOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof DatabaseError)) return { message: String(error), code: '' }
  const { name: _name, length: _length, message, ...fields } = error
  return { message, ...fields }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
