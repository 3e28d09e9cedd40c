import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy on 127.0.0.1 that holds every byte back for half a round trip, each way. */
export interface LatencyProxy {
  readonly port: number
  /** Ends every connection that is open, on both sides; how many there were. */
  cut(): number
  close(): void
}

interface ProxyOptions {
  readonly targetPort: number
  readonly roundTripMs: number
  /** When the delay sets in: at once, or (as behind a pool of open connections) once PostgreSQL is ready for a query. */
  readonly startsAt: 'connect' | 'ready-for-query'
}

/** Starts a proxy before a local port. */
export async function startLatencyProxy({ targetPort, roundTripMs, startsAt }: ProxyOptions): Promise<LatencyProxy> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    let isDelayed = startsAt === 'connect'
    const forward = (from: Socket, to: Socket, watch: (chunk: Buffer) => void) => {
      let queue = Promise.resolve()
      from.on('data', (chunk) => {
        const due = performance.now() + (isDelayed ? roundTripMs / 2 : 0)
        watch(chunk)
        queue = queue.then(async () => {
          const wait = due - performance.now()
          if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
          if (!to.destroyed) to.write(chunk)
        })
      })
      from.on('close', () => {
        sockets.delete(from)
        void queue.then(() => to.destroy())
      })
      from.on('error', () => to.destroy())
      sockets.add(from)
    }
    forward(near, far, () => undefined)
    forward(far, near, (chunk) => {
      isDelayed ||= endsReadyForQuery(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const cut = () => {
    const connections = Math.ceil(sockets.size / 2)
    for (const socket of sockets) socket.destroy()
    return connections
  }
  return {
    port: portOf(server.address()),
    cut,
    close: () => {
      cut()
      server.close()
    },
  }
}

/** ReadyForQuery (`Z`, length 5, transaction status) is the last message of a start-up. */
function endsReadyForQuery(chunk: Buffer): boolean {
  return chunk.length >= 6 && chunk.readUInt8(chunk.length - 6) === 0x5a && chunk.readInt32BE(chunk.length - 5) === 5
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return address.port
}
