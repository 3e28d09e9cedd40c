import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type Part, type Reply } from '#scripts/upstream/part.ts'

const folder = join(import.meta.dirname, '../pages/mouth')

/** What the page is made of, and as what each file is served. */
const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'mouth.css': 'text/css; charset=utf-8',
  'mouth.js': 'text/javascript; charset=utf-8',
  'face.js': 'text/javascript; charset=utf-8',
  'service.js': 'text/javascript; charset=utf-8',
  'track-player.js': 'text/javascript; charset=utf-8',
}

const thisMachine = 'http://localhost:* http://127.0.0.1:*'
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  `connect-src 'self' ${thisMachine}`,
  `media-src data: ${thisMachine}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Where the page that speaks is, told of the API that it calls. Nothing behind the `#` is sent to a server. */
export function mouthPageUrl(upstreamOrigin: string, api: string, audience: string): string {
  return `${upstreamOrigin}/pages/mouth/#${new URLSearchParams({ api, audience })}`
}

/** Pages to try the service with, read anew at each request. Only the local upstream serves them. */
export const pagesPart: Part = {
  summary: 'Pages: a mouth that speaks',
  prefixes: ['/pages'],
  routes: {
    'GET /pages/mouth': () => ({ status: 308, headers: { location: '/pages/mouth/' }, body: '' }),
    'GET /pages/mouth/': async () => await fileNamed('index.html'),
    'GET /pages/mouth/{file}': async ({ parameters }) => await fileNamed(parameters['file'] ?? ''),
  },
  describeFailure: ({ message }) => ({ error: message }),
}

async function fileNamed(name: string): Promise<Reply> {
  const type = Object.hasOwn(types, name) ? types[name] : undefined
  if (type === undefined) throw new Failure(404, 'not_found', `The page has no file ${name}.`)
  const headers = {
    'content-type': type,
    'content-security-policy': contentSecurityPolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
  return { headers, body: await readFile(join(folder, name)) }
}
