import { refuseToken } from '#src/auth/providers/verified-identity.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

const longest = 8_192

/**
 * What a `signed_request` of Facebook says: base64url of an HMAC-SHA-256 under the app's secret, a dot, and base64url of
 * JSON (developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback). The MAC is compared
 * in constant time, and nothing is read before. Throws `invalid_identity_token`.
 */
export async function readSignedRequest(secret: string, signed: string): Promise<unknown> {
  const [signature = '', payload = '', ...others] = signed.length > longest ? [] : signed.split('.')
  if (payload === '' || others.length > 0) throw refuseToken('shape')
  const utf8 = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', utf8.encode(secret), algorithm, false, ['verify'])
  const isGenuine = await crypto.subtle.verify('HMAC', key, bytesOf(signature), utf8.encode(payload))
  if (!isGenuine) throw refuseToken('signature')
  try {
    return parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(payload)))
  } catch (error) {
    throw refuseToken('shape', error)
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text, { alphabet: 'base64url' })
  } catch (error) {
    throw refuseToken('shape', error)
  }
}
