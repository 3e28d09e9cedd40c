import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'

/** What finds programs, what wrangler keeps of itself in the home directory, and what was compiled before. */
const passedOn = () =>
  Object.fromEntries(['PATH', 'HOME', 'NODE_COMPILE_CACHE'].map((name) => [name, process.env[name]]))

/** Runs one of the scripts as npm does, with nothing of the environment but that and what is named. */
export async function runScript(file: string, environment: Readonly<Record<string, string>>) {
  const run = promisify(execFile)(process.execPath, [file], {
    env: { ...passedOn(), ...environment },
  })
  const ended = await run.catch((error: { code: number; stdout: string; stderr: string }) => error)
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

/** The owner's URL of another database of the tests' server. */
export function ownerUrlOf(databaseName: string): string {
  const url = new URL(inject('stack').ownerUrl)
  url.pathname = `/${databaseName}`
  return url.href
}

/** Puts an object into a bucket where a local Worker keeps its stores. A process of its own, since Miniflare needs Node's modules. */
export async function putObject(...said: [stateDirectory: string, bucket: string, key: string, text: string]) {
  await promisify(execFile)(process.execPath, ['test/setup/put-object.ts', ...said])
}
