import { randomBytes } from 'node:crypto'
import { Failure } from '#scripts/upstream/part.ts'

/** An error of the Graph API by its number (developers.facebook.com/docs/graph-api/guides/error-handling). */
export class GraphFailure extends Failure {
  readonly type: 'OAuthException' | 'GraphMethodException'
  readonly number: number
  readonly subcode: number | undefined

  constructor(number: number, message: string, { subcode, type = 'OAuthException' }: GraphFailureDetails = {}) {
    super(400, 'graph_error', message)
    this.number = number
    this.subcode = subcode
    this.type = type
  }
}

interface GraphFailureDetails {
  readonly subcode?: number
  readonly type?: GraphFailure['type']
}

const numbers: Readonly<Record<number, number>> = { 404: 2500, 405: 2500, 500: 1 }

/** A failure as the Graph API words it. */
export function graphFailure(failure: Failure) {
  const { message, status } = failure
  const known = failure instanceof GraphFailure ? failure : undefined
  return {
    error: {
      message,
      type: known?.type ?? 'OAuthException',
      code: known?.number ?? numbers[status] ?? 100,
      ...(known?.subcode === undefined ? {} : { error_subcode: known.subcode }),
      fbtrace_id: `A${randomBytes(16).toString('base64url')}`,
    },
  }
}
