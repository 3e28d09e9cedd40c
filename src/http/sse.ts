const utf8 = new TextEncoder()

/** A server-sent event (WHATWG HTML §9.2): its id, if it has one, and its data on one line. */
export interface ServerSentEvent {
  readonly id?: string
  readonly data: string
}

/**
 * An event stream that `produce` writes to. A client that leaves ends nothing: `produce` runs to its end, and what it
 * writes from then on is dropped. `defer` keeps the Worker alive for it; `onLeave` may end it sooner.
 */
export function eventStream(
  produce: (send: (event: ServerSentEvent) => void) => Promise<void>,
  defer: (work: Promise<unknown>) => void,
  onLeave: () => void = () => undefined,
): ReadableStream<Uint8Array> {
  let isOpen = true
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      const send = (event: ServerSentEvent) => {
        if (isOpen) controller.enqueue(utf8.encode(format(event)))
      }
      const work = produce(send).finally(() => {
        if (isOpen) controller.close()
        isOpen = false
      })
      defer(work)
    },
    cancel: () => {
      isOpen = false
      onLeave()
    },
  })
}

const format = ({ id, data }: ServerSentEvent) => `${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
