import type { Config } from '#src/config.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { speechProvider } from '#src/speech/provider.ts'
import type { CatalogueVoice } from '#src/speech/port.ts'
import type { VoiceCatalogue } from '#src/voice/shapes.ts'

const freshMs = 10 * 60_000

/** What the vendor said last, for the isolate. */
let known: { readonly config: Config; readonly until: number; readonly voices: readonly CatalogueVoice[] } | undefined

/** The voices of the vendor, those of SPEECH_VOICES where it names any, as they were within the last ten minutes. Throws as the port says, and `not_configured`. */
export async function listVoices(caller: Caller): Promise<VoiceCatalogue> {
  const { config } = caller
  const provider = speechProvider(config)
  await asUser(caller, () => [])
  if (known?.config !== config || known.until < Date.now()) {
    known = { config, until: Date.now() + freshMs, voices: await provider.voices() }
  }
  return {
    provider: provider.name,
    default_voice: config.SPEECH_VOICE ?? provider.defaultVoice,
    formats: [...provider.formats],
    items: known.voices
      .filter(({ id }) => config.SPEECH_VOICES.length === 0 || config.SPEECH_VOICES.includes(id))
      .map(({ id, name, description }) => ({ id, name, description })),
  }
}
