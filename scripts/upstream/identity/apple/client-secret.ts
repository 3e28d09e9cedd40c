import { decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import { clientPublicKey } from '#scripts/upstream/identity/apple/client-key.ts'
import { appleTeam } from '#scripts/upstream/identity/local-clients.ts'
import { Failure } from '#scripts/upstream/part.ts'

const mostSecondsAhead = 15_777_000
const appleIssuer = 'https://appleid.apple.com'

/**
 * Checks a client secret by Apple's rules (developer.apple.com/documentation/accountorganizationaldatasharing/
 * creating-a-client-secret): ES256 under the team's key, `kid`, `iss`, `sub`, `aud`, `iat`, and `exp` at most six months
 * ahead. Throws Failure 400 `invalid_client`, as Apple does.
 */
export async function checkClientSecret(issuer: string, clientId: string, clientSecret: string): Promise<void> {
  if (![appleTeam.servicesId, ...appleTeam.bundleIds].includes(clientId)) throw refusal('The client is not known.')
  const { exp = 0 } = await verify(issuer, clientId, clientSecret)
  if (exp > Date.now() / 1000 + mostSecondsAhead) throw refusal('exp is more than six months ahead.')
}

async function verify(issuer: string, clientId: string, clientSecret: string): Promise<JWTPayload> {
  try {
    if (decodeProtectedHeader(clientSecret).kid !== appleTeam.keyId) throw new Error('kid names no key of the team')
    const { payload } = await jwtVerify(clientSecret, clientPublicKey, {
      algorithms: ['ES256'],
      issuer: appleTeam.id,
      subject: clientId,
      audience: [issuer, appleIssuer],
      requiredClaims: ['iat', 'exp'],
    })
    return payload
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : 'It is no JWT.')
  }
}

function refusal(why: string): Failure {
  return new Failure(400, 'invalid_client', `The client secret is refused. ${why}`)
}
