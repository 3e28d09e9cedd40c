import { randomBytes, randomUUID } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { makeWorkerKeys } from '#scripts/stack/environment.ts'
import { StackFailure } from '#scripts/stack/failure.ts'

const LocalSecrets = z.object({
  workerKeys: z.object({ KEY_ENCRYPTION_KEYS: z.string(), TOKEN_SIGNING_KEY: z.string(), LOOKUP_KEY: z.string() }),
  /** The password of `neuraform_edge` where none is given. */
  edgePassword: z.string(),
})
export type LocalSecrets = z.output<typeof LocalSecrets>

/**
 * The secrets of a state directory, made at the first call and kept in a 0600 file, so that what one run sealed the
 * next one can open.
 */
export async function loadLocalSecrets(stateDirectory: string): Promise<LocalSecrets> {
  const file = join(stateDirectory, 'secrets.json')
  return (await readSecrets(file)) ?? (await makeSecrets(file))
}

async function makeSecrets(file: string): Promise<LocalSecrets> {
  const secrets = { workerKeys: makeWorkerKeys(), edgePassword: randomBytes(24).toString('base64url') }
  const unfinished = `${file}.${randomUUID()}`
  await writeFile(unfinished, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 })
  try {
    await link(unfinished, file)
    return secrets
  } catch {
    // Another process made them in the same moment.
    return (await readSecrets(file)) ?? secrets
  } finally {
    await rm(unfinished)
  }
}

async function readSecrets(file: string): Promise<LocalSecrets | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return LocalSecrets.parse(JSON.parse(text))
  } catch (cause) {
    throw new StackFailure(
      `${file} is damaged. Restore it, or start over (--fresh): what it sealed is lost without it.`,
      {
        cause,
      },
    )
  }
}
