import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contract } from '#src/app.ts'
import { problems } from '#src/http/problem.ts'

/** Every file that is made from the source, by its path from the project's root. */
const generated: Readonly<Record<string, () => string>> = {
  'openapi.json': () => `${JSON.stringify(contract, null, 2)}\n`,
  'docs/problems.md': problemsPage,
}

const root = join(import.meta.dirname, '..')
const isCheck = process.argv.includes('--check')

for (const [path, make] of Object.entries(generated)) {
  const text = make()
  if (!isCheck) await writeFile(join(root, path), text)
  else if ((await readFile(join(root, path), 'utf8').catch(() => '')) !== text) {
    console.error(`${path} is not what the source makes: run \`npm run generate\` and commit it.`)
    process.exitCode = 1
  }
}

function problemsPage(): string {
  const rows = Object.entries(problems).map(([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`)
  return [
    '# Problems',
    '',
    'Every failure is an RFC 9457 document (`application/problem+json`): `type` (`urn:neuraform:problem:` and the code), `title`,',
    '`status`, `code`, and where they help `detail` and `errors` (a JSON Pointer and a rule each). Rely on `code`; the texts may',
    'change. A `Retry-After` header comes with every 429, 503 and 504. Made by `npm run generate` from `src/http/problem.ts`.',
    '',
    '| code | status | title |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}
