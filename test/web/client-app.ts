import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A web app of somebody's: one page that signs in by redirect, and the same page as where that returns to. */
export interface ClientApp {
  readonly origin: string
  /** Tells the page where the service is. */
  serve(api: string): void
  close(): Promise<void>
}

export async function startClientApp(): Promise<ClientApp> {
  let api = ''
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(pageFor(api))
  })
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://localhost:${port}`,
    serve: (at) => {
      api = at
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

const pageFor = (api: string) => `<!doctype html>
<meta charset="utf-8">
<title>A companion app</title>
<p id="state">signed out</p>
<script type="module">
  const api = ${JSON.stringify(api)}
  const state = document.querySelector('#state')
  const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

  window.signIn = async (provider, mode) => {
    const query = new URLSearchParams({ return_to: location.origin + '/signed-in', session_mode: mode })
    if (mode === 'bearer') {
      const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
      sessionStorage.setItem('verifier', verifier)
      query.set('code_challenge', base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
    }
    location.assign(api + '/auth/' + provider + '/start?' + query)
  }

  const post = async (path, body) => await (await fetch(api + path, {
    method: 'POST',
    credentials: 'include',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })).json()

  const parameters = new URLSearchParams(location.search)
  if (location.pathname === '/signed-in') {
    if (parameters.has('error')) state.textContent = 'error: ' + parameters.get('error')
    else if (parameters.has('code')) {
      const answer = await post('/auth/exchange', {
        code: parameters.get('code'),
        code_verifier: sessionStorage.getItem('verifier'),
      })
      state.textContent = answer.status + ': ' + answer.user?.first_name
    } else {
      const answer = await (await fetch(api + '/auth/profile', { credentials: 'include' })).json()
      state.textContent = 'by cookie: ' + answer.first_name
    }
  }
</script>
`
