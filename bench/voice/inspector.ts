import { once } from 'node:events'
import { z } from 'zod'

/** An isolate of a workerd, seen by its inspector (Chrome DevTools Protocol). */
export interface Inspector {
  /** The bytes that it holds, of objects and of buffers, once what nobody needs was let go. `wake` has it do something. */
  liveBytes(wake: () => Promise<unknown>): Promise<number>
  close(): void
}

const Answer = z.object({
  id: z.int(),
  result: z.object({ usedSize: z.number().optional(), backingStorageSize: z.number().optional() }),
})

/** Opens the inspector of a Worker by its name. */
export async function openInspector(port: number, name: string): Promise<Inspector> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/core:user:${name}`)
  await once(socket, 'open')
  const waiting = new Map<number, (result: z.output<typeof Answer>['result']) => void>()
  socket.addEventListener('message', ({ data }: MessageEvent<string>) => {
    const answer = Answer.safeParse(JSON.parse(data)).data
    if (answer !== undefined) waiting.get(answer.id)?.(answer.result)
  })
  let lastId = 0
  const send = async (method: string) => {
    lastId += 1
    const { promise, resolve } = Promise.withResolvers<z.output<typeof Answer>['result']>()
    waiting.set(lastId, resolve)
    socket.send(JSON.stringify({ id: lastId, method }))
    return await promise
  }
  return {
    liveBytes: async (wake) => {
      // It is a task of the isolate's, which runs none while it has nothing to do.
      await Promise.all([send('HeapProfiler.collectGarbage'), wake()])
      const { usedSize = Number.NaN, backingStorageSize = Number.NaN } = await send('Runtime.getHeapUsage')
      return usedSize + backingStorageSize
    },
    close: () => socket.close(),
  }
}
