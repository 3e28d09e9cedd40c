import { CodeChallengeMethod, generateCodeVerifier, generateState, OAuth2Client } from 'arctic'

/** The secrets of one attempt to sign in by redirect: 256 random bits each. */
interface AuthorizationSecrets {
  /** Comes back with the callback (RFC 6749 §10.12). */
  readonly state: string
  /** Comes back inside the ID token (OpenID Connect Core §3.1.2.1). */
  readonly nonce: string
  /** Stays here until the code is exchanged (RFC 7636 §4.1). */
  readonly codeVerifier: string
}

export interface AuthorizationRequest extends AuthorizationSecrets {
  readonly redirectUri: string
}

/** Draws fresh secrets. */
export function drawSecrets(): AuthorizationSecrets {
  return { state: generateState(), nonce: generateState(), codeVerifier: generateCodeVerifier() }
}

/** A provider's own part of an authorization URL. */
interface AuthorizationEndpoint {
  readonly endpoint: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly parameters?: Readonly<Record<string, string>>
}

/** The URL of an authorization request for a code (RFC 6749 §4.1.1) with PKCE S256 (RFC 7636 §4.3). */
export function buildAuthorizationUrl(
  { state, codeVerifier, redirectUri }: AuthorizationRequest,
  { endpoint, clientId, scopes, parameters = {} }: AuthorizationEndpoint,
): URL {
  const client = new OAuth2Client(clientId, null, redirectUri)
  const url = client.createAuthorizationURLWithPKCE(endpoint, state, CodeChallengeMethod.S256, codeVerifier, [
    ...scopes,
  ])
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}
