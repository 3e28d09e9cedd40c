import { inject } from 'vitest'
import type { Provider } from '#src/auth/providers/verified-identity.ts'
import { choose, newVerifier, returned, returnTo } from '#test/setup/redirect.ts'
import type { Exchange, Send } from '#test/setup/walk.ts'

const cookieOf = ({ headers }: Exchange) => (headers.get('Set-Cookie') ?? '').split(';')[0] ?? ''
const form = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** Walks the ways of a browser: for somebody whom Google knows, for somebody new of Apple's, and for a link. */
export async function redirect(send: Send, token: string, person: string): Promise<void> {
  const { verifier, challenge } = await newVerifier()
  const start = async (provider: Provider, more: Record<string, string>) => {
    const query = `?${new URLSearchParams({ return_to: returnTo, ...more }).toString()}`
    const begun = await send('GET /auth/{provider}/start', '', { provider, query })
    const back = await choose(begun.headers.get('Location') ?? '', provider === 'google' ? person : 'new')
    return { cookie: { Cookie: cookieOf(begun) }, parameters: new URLSearchParams(back.parameters) }
  }
  const back = async (label: string, more: Record<string, string>) => {
    const { cookie, parameters } = await start('google', more)
    const options = { provider: 'google', query: `?${parameters.toString()}`, headers: cookie } as const
    return await send('GET /auth/{provider}/callback', label, options)
  }
  const ended = await back('known, to a code', { code_challenge: challenge })
  const { code } = returned(ended)
  await send('POST /auth/exchange', '', { body: { code, code_verifier: verifier } })
  await back('known, to a cookie', { session_mode: 'cookie' })
  const { cookie, parameters } = await start('apple', { code_challenge: challenge, registration: 'client' })
  await send('POST /auth/{provider}/callback', 'new', {
    provider: 'apple',
    body: parameters,
    headers: { ...form, ...cookie },
  })
  await send('POST /auth/{provider}/link', '', { provider: 'apple', token, body: { return_to: returnTo } })
  const headers = { ...form, Origin: 'https://neuraform.test' }
  await send('POST /auth/registration', 'refused', { body: new URLSearchParams(), headers })
}

/** What Apple and Facebook tell of somebody whom nobody knows. */
export async function tellOf(send: Send): Promise<void> {
  const upstream = async (path: string, body: unknown) => {
    const headers = { 'Content-Type': 'application/json' }
    const at = `${inject('stack').upstreamOrigin}${path}`
    const response = await fetch(at, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json()) as Record<string, string>
  }
  const notification = { person: 'new', type: 'consent-revoked' }
  const { payload } = await upstream('/apple/notification', notification)
  await send('POST /providers/apple/notifications', '', { body: { payload } })
  const { signed_request: signed = '' } = await upstream('/facebook/signed-request', { person: 'new' })
  const told = { body: new URLSearchParams({ signed_request: signed }), headers: form }
  await send('POST /providers/facebook/deauthorize', '', told)
  await send('POST /providers/facebook/data-deletion', '', told)
}
