import { createECDH, createHash, createPrivateKey, createPublicKey } from 'node:crypto'

/*
 * The key with which a local Worker signs its client secrets. It is worked out from a word that anybody can read here,
 * so that processes that were started apart agree on it; it is no secret and opens nothing.
 */
const word = 'NeuraForm Edge, the local Apple team'

const privateKey = createPrivateKey({ key: privateJwk(), format: 'jwk' })

/** The public half, against which the local Apple checks client secrets. */
export const clientPublicKey = createPublicKey(privateKey)

/** The private half as one line: PKCS #8 in PEM, its line ends written out as `\n`. */
export function clientPrivateKey(): string {
  return privateKey
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
    .trim()
    .replaceAll('\n', String.raw`\n`)
}

/** A P-256 key whose private scalar is the word's SHA-256 (RFC 7518 §6.2). */
function privateJwk() {
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(createHash('sha256').update(word).digest())
  const point = curve.getPublicKey()
  return {
    kty: 'EC',
    crv: 'P-256',
    d: curve.getPrivateKey('base64url'),
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33, 65).toString('base64url'),
  }
}
