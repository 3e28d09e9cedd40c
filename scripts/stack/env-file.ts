import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { StackFailure } from '#scripts/stack/failure.ts'
import type { Variables } from '#scripts/stack/environment.ts'

/** The variables of a `.dev.vars`; none when there is no such file. */
export async function readEnvFile(file: string): Promise<Variables> {
  return parseEnv(await readFile(file, 'utf8').catch(() => ''))
}

/**
 * The text of an env file that wrangler reads back as exactly these values: it parses with dotenv 16 and then expands
 * `$NAME`. Throws StackFailure for a value that the format cannot hold.
 */
export function formatEnvFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quote(name, value)}\n`)
    .join('')
}

function quote(name: string, value: string): string {
  const mark = ["'", '`'].find((one) => !value.includes(one))
  if (mark === undefined || value.endsWith('\\') || value.includes('\r')) {
    throw new StackFailure(
      `${name} cannot be passed to wrangler: it ends in a backslash or mixes both kinds of quotes.`,
    )
  }
  return `${mark}${value.replaceAll('$', String.raw`\$`)}${mark}`
}
