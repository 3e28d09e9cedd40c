import { Client } from 'pg'
import { errorCode, StackFailure } from '#scripts/stack/failure.ts'

const connectSeconds = 10

/** Parses an owner's URL; throws StackFailure when it is none, or names no host that a Worker could reach. */
export function parseDatabaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    throw new StackFailure('DATABASE_URL must look like postgres://user:password@host:5432/database.')
  }
  return url
}

/** The database that a URL names; undefined when it names none. */
export function databaseIn(url: URL): string | undefined {
  return decodeURIComponent(url.pathname.slice(1)) || undefined
}

/** The same URL for another database. */
export function withDatabase(url: URL, database: string): URL {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(database)}`
  return other
}

/** The same URL for another login; without a password when none is known. */
export function withLogin(url: URL, user: string, password: string | undefined): URL {
  const other = new URL(url)
  other.username = encodeURIComponent(user)
  other.password = password === undefined ? '' : encodeURIComponent(password)
  return other
}

/** Opens a connection, or throws a StackFailure that says why there is none. The caller ends it. */
export async function connect(url: URL): Promise<Client> {
  const client = new Client({
    connectionString: url.href,
    connectionTimeoutMillis: connectSeconds * 1000,
    application_name: 'neuraform-set-up',
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw new StackFailure(`${reasonOf(error, url)} (DATABASE_URL: ${withLogin(url, url.username, undefined).href})`, {
      cause: error,
    })
  }
}

function reasonOf(error: unknown, url: URL): string {
  const place = `${url.hostname}:${url.port || '5432'}`
  const user = decodeURIComponent(url.username)
  const said = error instanceof Error ? error.message : String(error)
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return `Nothing listens at ${place}: is PostgreSQL running there?`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `No such host: ${url.hostname}.`
    case '28P01':
      return `PostgreSQL at ${place} does not accept the password of “${user}”.`
    case '28000':
      return `PostgreSQL at ${place} does not admit “${user}”: ${said}.`
    case '3D000':
      return `PostgreSQL at ${place} has no database “${databaseIn(url) ?? user}”.`
    case '53300':
      return `PostgreSQL at ${place} has no connection left.`
    case undefined:
    default:
      return said.includes('timeout')
        ? `PostgreSQL at ${place} did not answer within ${connectSeconds} seconds.`
        : `No connection to PostgreSQL at ${place}: ${said}.`
  }
}
