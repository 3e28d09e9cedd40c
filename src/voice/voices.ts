import type { Config } from '#src/config.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { speechProvider } from '#src/speech/provider.ts'
import type { CatalogueVoice } from '#src/speech/port.ts'
import type { VoiceCatalogue } from '#src/voice/shapes.ts'

const freshMs = 10 * 60_000
/** For so long a vendor that failed is not asked again. */
const pauseMs = 10_000

interface Known {
  readonly config: Config
  readonly until: number
  /** What the vendor said last; where it never said anything, how it failed. */
  readonly voices: readonly CatalogueVoice[] | Problem
}

/** What is known of the vendor in this isolate. */
let known: Known | undefined

/**
 * The voices of the vendor, those of SPEECH_VOICES where it names any, as they were within the last ten minutes, or longer ago
 * where it fails now. Throws as the port says, also for ten seconds after, and `not_configured`.
 */
export async function listVoices(caller: Caller): Promise<VoiceCatalogue> {
  const { config } = caller
  const provider = speechProvider(config)
  await asUser(caller, () => [])
  const before = known?.config === config ? known : undefined
  const current = before !== undefined && before.until >= Date.now() ? before : await askAgain(config, before?.voices)
  known = current
  if (current.voices instanceof Problem) throw current.voices
  return {
    provider: provider.name,
    default_voice: config.SPEECH_VOICE ?? provider.defaultVoice,
    formats: [...provider.formats],
    items: current.voices
      .filter(({ id }) => config.SPEECH_VOICES.length === 0 || config.SPEECH_VOICES.includes(id))
      .map(({ id, name, description }) => ({ id, name, description })),
  }
}

async function askAgain(config: Config, before: Known['voices'] | undefined): Promise<Known> {
  try {
    return { config, until: Date.now() + freshMs, voices: await speechProvider(config).voices() }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const voices = before === undefined || before instanceof Problem ? error : before
    return { config, until: Date.now() + pauseMs, voices }
  }
}
