import { once } from 'node:events'
import { createServer } from 'node:net'
import { StackFailure } from '#scripts/stack/failure.ts'

/** The preferred port of 127.0.0.1 if it is free, else one that the system picks. */
export async function findFreePort(preferred?: number): Promise<number> {
  const port = (preferred === undefined ? undefined : await bindOnce(preferred)) ?? (await bindOnce(0))
  if (port === undefined) throw new StackFailure('No free port on 127.0.0.1.')
  return port
}

/** The port that a setting names: it must be a free one, for whoever named it will look for it there. */
export async function requireFreePort(setting: string, value: string): Promise<number> {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN
  if (!(port <= 65_535)) throw new StackFailure(`${setting} must be a port number, not “${value}”.`)
  const bound = await bindOnce(port)
  if (bound === undefined) {
    throw new StackFailure(
      `Port ${port}, which ${setting} names, is taken. Free it, name another, or unset ${setting}.`,
    )
  }
  return bound
}

async function bindOnce(port: number): Promise<number | undefined> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return undefined
  }
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : undefined
}
