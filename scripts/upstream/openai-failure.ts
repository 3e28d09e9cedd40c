import type { Failure } from '#scripts/upstream/part.ts'

/** A failure as the OpenAI API words it: `{ error: { message, type, param, code } }`. */
export function openAiFailure({ status, code, message, param }: Failure) {
  return { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param, code } }
}
