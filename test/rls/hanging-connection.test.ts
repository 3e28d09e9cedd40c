import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { PipelinedDatabase } from '#src/db/pipelined-database.ts'

it('a connection that hangs while it is made is let go at the deadline, and its socket with it', async () => {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    // Unread it would not hear that the other end has gone.
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const database = new PipelinedDatabase(`postgres://nobody:nothing@127.0.0.1:${port}/nowhere`, 200)
  const flight = { settings: {}, queries: [{ text: 'select 1', values: [] }] }
  for (const _ of [1, 2]) {
    const startedAt = Date.now()
    const flying = database.fly(flight)
    await vi.waitFor(() => expect(open.size).toBe(1))
    await expect(flying).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(Date.now() - startedAt).toBeLessThan(2_000)
    await vi.waitFor(() => expect(open.size).toBe(0))
  }
})
