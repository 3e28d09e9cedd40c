import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeFailure } from '#scripts/stack/failure.ts'
import { onLauncherGone } from '#scripts/stack/launcher.ts'
import { startStack, type Stack } from '#scripts/stack/stack.ts'
import { mouthPageUrl } from '#scripts/upstream/pages.ts'

const projectDirectory = join(import.meta.dirname, '..')

const usage = `npm run dev: the whole service on this machine, until Ctrl-C.

  npm run dev               keeps its data in .neuraform/
  npm run dev -- --fresh    throws that data away first

Every configuration name is taken from the environment, then from .dev.vars, then from defaults that point at the
local upstream. PORT names the Worker's port, DATABASE_URL the owner of another PostgreSQL.`

process.exitCode = await runDev()

/** Runs the stack until a signal, the end of npm or the end of wrangler; answers the exit code. */
async function runDev(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) return 2
  const stopping = stopRequests()
  try {
    const stack = await startStack({
      stateDirectory: join(projectDirectory, '.neuraform'),
      devVarsFile: join(projectDirectory, '.dev.vars'),
      fresh: flags.fresh,
      onProgress: (line) => console.log(`· ${line}`),
      onLog: (line) => console.log(line),
      signal: stopping,
    })
    console.log(welcome(stack))
    await Promise.race([stack.workerExited, aborted(stopping)])
    if (!stopping.aborted) console.error('wrangler has ended; stopping the rest')
    await stack.stop()
    return stopping.aborted ? 0 : 1
  } catch (error) {
    if (stopping.aborted) return 0
    console.error(`\n${describeFailure(error)}`)
    return 1
  }
}

function readFlags(): { fresh: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: { fresh: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help !== true) return values
    console.log(usage)
  } catch {
    console.error(usage)
  }
  return undefined
}

/** Aborts at the first request to stop. The second one ends this process at once; the guards stop what it started. */
function stopRequests(): AbortSignal {
  const controller = new AbortController()
  const request = () => {
    if (controller.signal.aborted) process.exit(130)
    console.log('\nStopping')
    controller.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request)
  onLauncherGone(request)
  return controller.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
}

function welcome({ origin, upstreamOrigin, ownerUrl, environment }: Stack): string {
  const audience = environment['GOOGLE_CLIENT_ID']?.split(',')[0] ?? ''
  return `
The service is ready. Ctrl-C stops it.

  API         ${origin}
  contract    ${origin}/openapi.json
  upstream    ${upstreamOrigin} (identity, companion and voice; people: /google/people)
  a mouth     ${mouthPageUrl(upstreamOrigin, origin, audience)} (speaks in a browser)
  PostgreSQL  ${ownerUrl}

Sign in as Ada:

  TOKEN=$(curl -s ${upstreamOrigin}/google/id-token -d '{"person":"ada","audience":"${audience}"}' | sed 's/.*"id_token":"\\([^"]*\\)".*/\\1/')
  curl -s ${origin}/auth/login -H 'content-type: application/json' -d '{"provider":"google","token":"'$TOKEN'"}'
`
}
