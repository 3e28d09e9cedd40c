import type { Duplex } from 'node:stream'
import { getStream } from 'pg/lib/stream.js'

/** What pg says of the socket that it wants. */
export interface SocketOptions {
  readonly ssl?: unknown
}

type Sent = (error?: Error | null) => void

/**
 * The socket that pg would open, sending in one write all that is written before the next microtask: a flight, and not
 * each message of it. Node's own is left as it is: pg corks that itself.
 */
export function openSocket({ ssl }: SocketOptions = {}): Duplex {
  const socket = getStream(ssl)
  if (Reflect.has(socket, 'cork')) return socket
  const send: Duplex['write'] = socket.write.bind(socket)
  let waiting: Uint8Array[] = []
  let sent: Sent[] = []
  const flush = () => {
    const [data, tell] = [Buffer.concat(waiting), sent]
    waiting = []
    sent = []
    send(data, (error) => {
      for (const one of tell) one(error)
    })
  }
  // pg writes bytes only; an encoding comes along where the socket ends itself, with nothing to encode.
  socket.write = (data: Uint8Array, ...rest: readonly (Sent | string | undefined)[]) => {
    if (waiting.length === 0) queueMicrotask(flush)
    waiting.push(data)
    sent.push(...rest.filter((one) => typeof one === 'function'))
    return true
  }
  return socket
}
