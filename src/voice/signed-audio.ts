import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

/** What a signed URL says of audio, so that playing it asks the bucket once and the database never. */
const Audio = z.strictObject({
  key: z.string(),
  size: z.int(),
  type: z.string(),
  /** Whether anybody may keep it. */
  isShared: z.boolean(),
})
export type SignedAudio = z.output<typeof Audio>

/** A URL that plays the audio until it expires, without a credential. */
export async function signedAudio(config: Config, id: string, audio: SignedAudio) {
  const lifetimeSeconds = config.AUDIO_URL_SECONDS
  const token = await issueSealedToken(config, 'audio', audio, lifetimeSeconds)
  return {
    audio_url: `${config.PUBLIC_ORIGIN ?? ''}/voice/audio/${id}?token=${token}`,
    audio_url_expires_at: new Date(Date.now() + lifetimeSeconds * 1_000).toISOString(),
  }
}

/** What a URL's token says of the audio of this id; undefined for one that is altered, expired, or of another id. */
export async function readSignedAudio(config: Config, id: string, token: string): Promise<SignedAudio | undefined> {
  const audio = await readSealedToken(config, 'audio', Audio, token)
  return audio?.key.endsWith(`/${id}`) === true ? audio : undefined
}
