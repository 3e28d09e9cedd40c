import { decodeJwt, decodeProtectedHeader } from 'jose'
import { inject } from 'vitest'
import { googleToken } from '#test/setup/client.ts'

/** The one audience that the test Worker takes Google tokens for. */
export const ourAudience = 'neuraform-local'

/** What a legal token says: the raw material of a forgery. */
export interface LegalToken {
  readonly token: string
  readonly kid: string
  readonly claims: Readonly<Record<string, unknown>> & {
    readonly sub: string
    readonly email: string
    readonly iat: number
  }
}

/** A legal token for somebody new. */
export async function legalToken(): Promise<LegalToken> {
  const token = await googleToken()
  const { sub = '', iat = 0, ...claims } = decodeJwt(token)
  return {
    token,
    kid: decodeProtectedHeader(token).kid ?? '',
    claims: { ...claims, sub, iat, email: String(claims['email']) },
  }
}

/** A text signed as it stands with Google's true key, under a header whose members may be overridden (null: left out). */
export async function signedPayload(payload: string, header: Record<string, unknown> = {}): Promise<string> {
  const response = await fetch(`${inject('stack').upstreamOrigin}/google/id-token`, {
    method: 'POST',
    body: JSON.stringify({ person: 'new', audience: ourAudience, payload, header }),
  })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json<{ id_token: string }>()).id_token
}

/** Google's published keys. */
export async function publishedKey(): Promise<JsonWebKey & { kid: string }> {
  const response = await fetch(`${inject('stack').upstreamOrigin}/google/jwks`)
  const [key] = (await response.json<{ keys: (JsonWebKey & { kid: string })[] }>()).keys
  if (key === undefined) throw new Error('Google publishes no key')
  return key
}

export const secondsFromNow = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds

/** The subject of a person of the local identity server. */
export async function subjectOf(person: string): Promise<string> {
  return decodeJwt(await googleToken({ person })).sub ?? ''
}
