const keptLines = 60

export interface WatchedOutput {
  readonly add: (line: string) => void
  /** The last lines, for a person who has to find out what went wrong. */
  readonly recent: () => string
  /** True when a line with the words has come; false when the program ended or the time was up first. */
  readonly waitFor: (words: string, ended: Promise<unknown>, deadlineSeconds: number) => Promise<boolean>
}

/** Collects the output of a program that was started. */
export function watchOutput(): WatchedOutput {
  const lines: string[] = []
  const listeners = new Set<(line: string) => void>()
  return {
    add(line) {
      lines.push(line)
      if (lines.length > keptLines) lines.shift()
      for (const listener of listeners) listener(line)
    },
    recent: () => lines.join('\n'),
    async waitFor(words, ended, deadlineSeconds) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const timer = setTimeout(resolve, deadlineSeconds * 1000, false)
      const listener = (line: string) => line.includes(words) && resolve(true)
      listeners.add(listener)
      for (const line of lines) listener(line)
      void ended.then(() => resolve(false))
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        listeners.delete(listener)
      }
    },
  }
}
