import { parseArgs } from 'node:util'

/** How much data a run loads, and at which parts of it the queries are measured. */
export interface ScaleOptions {
  readonly messages: number
  readonly conversations: number
  readonly users: number
  /** One in how many messages is the heavy person's. */
  readonly heavyEvery: number
  /** Parts of the data in per cent, rising; the last one is the whole. */
  readonly sizes: readonly number[]
  /** Timed runs of each query. */
  readonly runs: number
}

export const usage = `npm run bench:scale -- [options]: what the Worker's own statements read as the data grows.

  --messages N         1000000
  --conversations N    100000
  --users N            20000
  --heavy-every N      50: one in so many messages is the heavy person's
  --sizes A,B,…        1,10,100 (per cent of the data, rising)
  --runs N             50 timed runs of each query`

/** Reads the command line. Throws an Error that says what is wrong with it. */
export function readOptions(args: readonly string[]): ScaleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      messages: { type: 'string', default: '1000000' },
      conversations: { type: 'string', default: '100000' },
      users: { type: 'string', default: '20000' },
      'heavy-every': { type: 'string', default: '50' },
      sizes: { type: 'string', default: '1,10,100' },
      runs: { type: 'string', default: '50' },
    },
  })
  const options = {
    messages: count('messages', values.messages),
    conversations: count('conversations', values.conversations),
    users: count('users', values.users),
    heavyEvery: count('heavy-every', values['heavy-every']),
    sizes: values.sizes.split(',').map((text) => count('sizes', text)),
    runs: count('runs', values.runs),
  }
  const isRising = options.sizes.every((size, at) => size <= 100 && size > (options.sizes[at - 1] ?? 0))
  if (![5, 10, 25, 50].includes(options.heavyEvery)) throw new Error('--heavy-every must be 5, 10, 25 or 50')
  if (!isRising) throw new Error('--sizes must rise and end at 100 or before')
  const smallest = (options.sizes[0] ?? 100) / 100
  const [messages, conversations, users] = [options.messages, options.conversations, options.users]
  if (
    messages * smallest < 1_000 ||
    messages < 10 * conversations ||
    conversations < 5 * users ||
    users * smallest < 10
  )
    throw new Error(
      'the smallest size must hold 1,000 messages and 10 users, with 5 conversations of 10 messages for each user',
    )
  return options
}

function count(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be whole numbers above 0`)
  return value
}
