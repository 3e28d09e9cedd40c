import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** What takes connections and says nothing, but over HTTP how many others it has. */
export async function startSilentDatabase(): Promise<{ readonly port: string; close(): void }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    socket.on('data', (data) => {
      if (!data.toString('latin1').startsWith('GET ')) return
      open.delete(socket)
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${open.size}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' ? String(address?.port) : '',
    close: () => {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}
