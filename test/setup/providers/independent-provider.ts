import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'

/** An OpenID provider that none of our code is part of, and what a Worker needs to sign people in with it. */
export interface IndependentProvider {
  readonly clientId: string
  readonly clientSecret: string
  readonly issuer: string
  close(): Promise<void>
}

/** Starts `oidc-provider` on a free port. Whatever is typed as a login is an account; its mailbox is at gmail.com. */
export async function startIndependentProvider(redirectUri: string): Promise<IndependentProvider> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const [clientId, clientSecret] = ['neuraform', randomBytes(24).toString('base64url')]
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'independent', alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
    // As Google does: the ID token says who somebody is, and not only an endpoint of its own.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, login) => ({
      accountId: login,
      claims: () => ({
        sub: login,
        email: `${login}@gmail.com`,
        email_verified: true,
        given_name: 'Robin',
        family_name: 'Quill',
      }),
    }),
  })
  const answer = provider.callback()
  server.on('request', (request, response) => void answer(request, response))
  return {
    clientId,
    clientSecret,
    issuer,
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
