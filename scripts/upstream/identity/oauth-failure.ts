import type { Failure } from '#scripts/upstream/part.ts'

const oauthCodes = new Set([
  'invalid_client',
  'invalid_grant',
  'invalid_token',
  'redirect_uri_mismatch',
  'unsupported_grant_type',
])

/** A failure as RFC 6749 §5.2 words it: `{ error, error_description }`. */
export function oauthFailure({ status, code, message }: Failure) {
  const error = oauthCodes.has(code) ? code : status === 500 ? 'server_error' : 'invalid_request'
  return { error, error_description: message }
}
