import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { StepFailure, Steps } from '#scripts/demo/steps.ts'
import { walk } from '#scripts/demo/walk.ts'
import { describeFailure } from '#scripts/stack/failure.ts'
import { onLauncherGone } from '#scripts/stack/launcher.ts'
import { removeState, startStack, type Stack } from '#scripts/stack/stack.ts'

process.exitCode = await runDemo()

/** Starts everything, walks the main job aloud, stops everything; answers the exit code. */
async function runDemo(): Promise<number> {
  const stopping = stopRequests()
  const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-demo-'))
  const log: string[] = []
  let stack: Stack | undefined
  try {
    stack = await startStack({
      stateDirectory,
      onProgress: (line) => console.log(`· ${line}`),
      onLog: (line) => log.push(line),
      signal: stopping,
    })
    const steps = await Steps.open()
    console.log('')
    await walk({ ...stack, stateDirectory, ...identityServer(stack) }, steps)
    console.log(steps.summary())
    console.log('\nThe main job works.')
    return 0
  } catch (error) {
    if (stopping.aborted) return 130
    console.error(`\n${error instanceof StepFailure ? error.message : describeFailure(error)}`)
    if (log.length > 0) console.error(`\nThe Worker's last lines:\n${log.slice(-12).join('\n')}`)
    return 1
  } finally {
    await stack?.stop()
    await removeState(stateDirectory)
  }
}

/** Who signs ID tokens, and for whom: what the Worker was configured with. */
function identityServer({ environment }: Stack): { issuer: string; audience: string } {
  const endpoints = z.object({ issuer: z.string() }).parse(JSON.parse(environment['GOOGLE_ENDPOINTS'] ?? '{}'))
  return { issuer: endpoints.issuer, audience: environment['GOOGLE_CLIENT_ID']?.split(',')[0] ?? '' }
}

function stopRequests(): AbortSignal {
  const controller = new AbortController()
  const request = () => controller.abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, request)
  onLauncherGone(request)
  return controller.signal
}
