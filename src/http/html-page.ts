import { html, raw } from 'hono/html'
import { problemResponse, problems, type Problem } from '#src/http/problem.ts'

const style = `body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:#f6f5f3;color:#1c1b1a}
main{max-width:26rem;margin:10vh auto;padding:2rem;background:#fff;border-radius:1rem}
label{display:block;margin:1rem 0 0}input:not([type=checkbox]){display:block;width:100%;box-sizing:border-box;font:inherit;padding:.6rem}
button{margin-top:1.5rem;width:100%;font:inherit;padding:.8rem;border:0;border-radius:.6rem;background:#3b3a7a;color:#fff}
[role=alert]{color:#a4161a}small{color:#6b6864}`

/** A page of the service's own: no script, no picture, and no place in anybody's frame. */
export async function pageResponse(
  title: string,
  body: ReturnType<typeof html>,
  { status = 200, formTo = '' }: { status?: number; formTo?: string } = {},
): Promise<Response> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${new Uint8Array(digest).toBase64()}'`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    // A browser holds the redirect that answers a form to this, too.
    `form-action 'self' ${formTo}`.trim(),
  ]
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${raw(`<style>${style}</style>`)}
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html>`
  return new Response(page.toString(), {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': policy.join('; '),
      // A form of a page that sends no referrer comes from the origin `null`.
      'Referrer-Policy': 'same-origin',
    },
  })
}

/** What a person in a browser is told of a failure. */
export async function problemPage(problem: Problem): Promise<Response> {
  const advice =
    problem.status >= 500
      ? 'This is not your doing. Please try again in a moment.'
      : 'Please go back to where you came from and try again.'
  const response = await pageResponse(
    'Sign-in did not work',
    html`<h1>Sign-in did not work</h1>
      <p role="alert">${problems[problem.code].title}</p>
      <p>${advice}</p>
      <p><small>${problem.code}</small></p>`,
    { status: problem.status },
  )
  for (const [name, value] of problemResponse(problem).headers) {
    if (name !== 'content-type') response.headers.set(name, value)
  }
  return response
}
