/** A failure that the person at the terminal can act on: its message is for them, and no stack belongs to it. */
export class StackFailure extends Error {
  override readonly name = 'StackFailure'
}

/**
 * What to print for a failure: the message of a StackFailure and of what the system refuses (`EACCES: permission
 * denied, mkdir '/x'`), the stack of anything that nobody expected.
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isExpected = error instanceof StackFailure || 'syscall' in error
  return isExpected ? error.message : (error.stack ?? error.message)
}

/** The code of a Node or PostgreSQL error (`ENOENT`, `28P01`), also of the first one inside an AggregateError. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof AggregateError && !('code' in error)) return errorCode(error.errors[0])
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
