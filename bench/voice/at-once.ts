import { ask, speech } from '#bench/voice/ask.ts'
import type { Setting } from '#bench/voice/setting.ts'
import { row, type Verdict } from '#bench/voice/table.ts'

interface Load {
  readonly requests: number
  readonly lines: number
  readonly atOnce: number
}

/**
 * Many requests over few lines, alternately to two isolates: at first those for one line come together, while it is being made;
 * then they come line after line, each of which is held. How often the vendor was called is to be how many lines there are.
 */
export async function countCalls({ services, vendor }: Setting, load: Load): Promise<Verdict> {
  const { requests, lines, atOnce } = load
  const together = Math.ceil(requests / 2)
  const lineOf = (number: number) => (number < together ? Math.floor((number * lines) / together) : number % lines)
  const before = vendor.calls()
  const [found, statuses] = [[] as number[], [] as number[]]
  let next = 0
  const askOn = async () => {
    while (next < requests) {
      const number = next
      next += 1
      const service = services[(number + Math.floor(number / lines)) % 2 === 0 ? 0 : 1]
      const { status, lastMs } = await ask(service, speech(`Line ${lineOf(number)} of a long talk.`, 'line'))
      found.push(lastMs)
      statuses.push(status)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, askOn))
  const [calls, whole] = [vendor.calls() - before, statuses.filter((status) => status === 200).length]
  row(`${requests} requests, ${atOnce} at once, over ${lines} lines, to two isolates`, found)
  row('calls of the vendor, and answers of 200', `${calls}, and ${whole}`)
  return {
    says: `${requests} requests over ${lines} lines call the vendor ${lines} times`,
    isHeld: calls === lines && whole === requests,
  }
}

/** The same line asked for at once, of one isolate. */
export async function askTogether({ services: [service], vendor }: Setting, requests: number): Promise<Verdict> {
  const before = vendor.calls()
  const answers = await Promise.all(
    Array.from({ length: requests }, async () => await ask(service, speech('All of you at once.', 'line'))),
  )
  const [calls, whole] = [vendor.calls() - before, answers.filter(({ status }) => status === 200).length]
  row(
    `${requests} requests for one line at once, to one isolate`,
    answers.map(({ lastMs }) => lastMs),
  )
  row('calls of the vendor, and answers of 200', `${calls}, and ${whole}`)
  return { says: `${requests} requests at once call the vendor once`, isHeld: calls === 1 && whole === requests }
}
