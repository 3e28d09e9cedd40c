import { people, type Person } from '#scripts/upstream/identity/people.ts'
import type { Reply } from '#scripts/upstream/part.ts'

interface Chooser {
  /** As people call it: Google, Apple or Facebook. */
  readonly provider: string
  /** The app that asks. */
  readonly client: string
  /** The authorization request, which each link repeats with a choice. */
  readonly url: URL
}

/** A page on which a person picks an account: each is a link, one makes a new person, one cancels. */
export function chooserPage({ provider, client, url }: Chooser): Reply {
  const accounts = people.map((person) =>
    item(chosen(url, person.label), `${person.givenName} ${person.familyName}`, described(person)),
  )
  const somebody = item(chosen(url, `new:${crypto.randomUUID()}`), 'Somebody new', 'a person whom nobody has seen yet')
  const main = `<h1>Choose an account</h1>
<p>The local ${provider} asks who wants to continue to <b>${escaped(client)}</b>.</p>
<ul>
${[...accounts, somebody].join('\n')}
</ul>
<p><a href="${escaped(cancelled(url))}">Cancel</a></p>`
  return page(`Sign in with ${provider} (local)`, main)
}

function described({ email, note }: Person): string {
  return email === undefined ? note : `${email}: ${note}`
}

function item(href: string, name: string, note: string): string {
  return `<li><a href="${escaped(href)}">${escaped(name)}</a><br><small>${escaped(note)}</small></li>`
}

function chosen(url: URL, label: string): string {
  return withParameters(url, { login_hint: label, prompt: 'none' })
}

function cancelled(url: URL): string {
  return withParameters(url, { cancel: 'true' })
}

function withParameters({ pathname, searchParams }: URL, parameters: Readonly<Record<string, string>>): string {
  return `${pathname}?${new URLSearchParams({ ...Object.fromEntries(searchParams), ...parameters })}`
}

/** A page that posts the fields to the app as soon as it is shown (OAuth 2.0 Form Post Response Mode). */
export function formPostPage(action: string, fields: Readonly<Record<string, string>>): Reply {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  )
  const main = `<form method="post" action="${escaped(action)}">
${inputs.join('\n')}
<button>Continue</button>
</form>
<script>document.forms[0].submit()</script>`
  return page('Continue', main)
}

/** What a person sees where an app's request is so wrong that nothing may be sent back to it. */
export function errorPage(provider: string, error: string, description: string): Reply {
  const main = `<h1>Access blocked</h1>\n<p>The local ${provider} refuses this request: ${escaped(description)}</p>
<p>Error 400: <code>${escaped(error)}</code></p>`
  return page('Error', main, 400)
}

function page(title: string, main: string, status = 200): Reply {
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }, body }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
