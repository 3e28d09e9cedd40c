import { ConfigError } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'

/** What a log line may hold: names, codes, counts and times. Never a message, a token or a person's words. */
export type LogLine = Readonly<Record<string, unknown>>

/** Writes one line of JSON to the log. Nothing else in `src` prints. */
export function writeLog(line: LogLine): void {
  // oxlint-disable-next-line no-console -- the log
  console.log(JSON.stringify(line))
}

/** What may be told of a failure: the problem's code, and of our own faults names, SQLSTATE, constraint and frames. */
export function describeFailure(failure: unknown): LogLine {
  const code = failure instanceof Problem ? failure.code : 'internal'
  const isOurs = !(failure instanceof Problem) || failure.status >= 500
  return { problem: code, ...(isOurs ? { failure: describeError(failure) } : {}) }
}

// Messages are left out: a driver's or a parser's repeats what it was given.
function describeError(error: unknown): LogLine {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  return {
    name: error.name,
    // Its message names variables and rules, and never a value.
    ...(error instanceof ConfigError ? { detail: error.message } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    stack: framesOf(error),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}

// The stack begins with the message, and a line of that may look like a frame.
const framesOf = ({ stack = '', message }: Error) =>
  stack
    .replace(message, '')
    .split('\n')
    .filter((line) => /^\s+at .*\d\)?$/.test(line))
