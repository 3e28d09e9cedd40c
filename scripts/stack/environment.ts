import { randomBytes } from 'node:crypto'
import { workerVariables } from '#scripts/upstream/worker-variables.ts'

/** Every variable that the Worker reads; nothing else of a process's environment reaches it. */
export const configurationNames = [
  'KEY_ENCRYPTION_KEYS',
  'TOKEN_SIGNING_KEY',
  'LOOKUP_KEY',
  'ENVIRONMENT',
  'PUBLIC_ORIGIN',
  'ALLOWED_ORIGINS',
  'ALLOWED_RETURN_URLS',
  'REQUIRE_NONCE',
  'TERMS_URL',
  'TERMS_VERSION',
  'PRIVACY_URL',
  'PRIVACY_VERSION',
  'GOOGLE_CLIENT_ID',
  'GOOGLE_CLIENT_SECRET',
  'GOOGLE_ENDPOINTS',
  'FACEBOOK_APP_ID',
  'FACEBOOK_APP_SECRET',
  'FACEBOOK_GRAPH_VERSION',
  'FACEBOOK_ENDPOINTS',
  'APPLE_CLIENT_ID',
  'APPLE_BUNDLE_IDS',
  'APPLE_TEAM_ID',
  'APPLE_KEY_ID',
  'APPLE_PRIVATE_KEY',
  'APPLE_ENDPOINTS',
  'PROVIDER_DEADLINE_MS',
  'LLM_BASE_URL',
  'LLM_API_KEY',
  'LLM_MODEL',
  'LLM_FALLBACKS',
  'LLM_PROMPT_TOKENS',
  'LLM_REPLY_TOKENS',
  'LLM_REPLY_LIMIT',
  'LLM_NOTES',
  'MEMORY_EXTRACTOR',
  'DAILY_LLM_TOKENS',
  'DAILY_SPEECH_CHARACTERS',
  'DAILY_TRANSCRIBED_SECONDS',
  'DAILY_STORED_BYTES',
  'LLM_FIRST_TOKEN_MS',
  'LLM_IDLE_MS',
  'LLM_REPLY_MS',
  'SPEECH_PROVIDER',
  'SPEECH_BASE_URL',
  'SPEECH_API_KEY',
  'SPEECH_MODEL',
  'SPEECH_VOICE',
  'SPEECH_VOICE_REVISION',
  'SPEECH_VOICES',
  'SPEECH_DEADLINE_MS',
  'SPEECH_USD_PER_MILLION',
  'SPEECH_CACHE_DAYS',
  'SPEECH_CACHE_BYTES',
  'RECORDING_DAYS',
  'RECORDING_BYTES',
  'RECORDING_SECONDS',
  'TRANSCRIPTION_BASE_URL',
  'TRANSCRIPTION_API_KEY',
  'TRANSCRIPTION_MODEL',
  'TRANSCRIPTION_DEADLINE_MS',
  'MINIMUM_AGE',
  'SESSION_IDLE_SECONDS',
  'SESSION_ABSOLUTE_SECONDS',
  'SESSIONS_PER_USER',
  'SESSION_REFRESH_GRACE_SECONDS',
  'FRESH_SIGN_IN_SECONDS',
  'AUDIO_URL_SECONDS',
  'DATABASE_DEADLINE_MS',
  'LOG_REQUESTS',
  'NEON_DATABASE_URL',
  'NEON_FETCH_ENDPOINT',
] as const

export type Variables = Readonly<Record<string, string | undefined>>

/** The secrets that a Worker needs and nobody has to choose. */
export interface WorkerKeys {
  readonly KEY_ENCRYPTION_KEYS: string
  readonly TOKEN_SIGNING_KEY: string
  readonly LOOKUP_KEY: string
}

export interface EnvironmentInput {
  /** Sources of variables, the first that has a value wins; an empty value is none. */
  readonly given: readonly Variables[]
  readonly workerOrigin: string
  readonly upstreamOrigin: string
  readonly keys: WorkerKeys
}

/**
 * The variables of a local Worker: what was given, then defaults that point at the local upstream. A model or voice
 * that comes with a key of its own is a real vendor, so that none of the offline one's defaults is mixed into it.
 */
export function workerEnvironment(input: EnvironmentInput): Record<string, string> {
  const values: Record<string, string> = {}
  for (const name of configurationNames) {
    const value = input.given.map((source) => source[name]).find((one) => one !== undefined && one !== '')
    if (value !== undefined) values[name] = value
  }
  return { ...defaultsFor(values, input), ...values }
}

/** New keys: 32 random bytes each, in base64. */
export function makeWorkerKeys(): WorkerKeys {
  const [keyEncryptionKey, signingKey, lookupKey] = [makeKey(), makeKey(), makeKey()]
  return {
    KEY_ENCRYPTION_KEYS: JSON.stringify({ current: 'local', keys: { local: keyEncryptionKey } }),
    TOKEN_SIGNING_KEY: signingKey,
    LOOKUP_KEY: lookupKey,
  }
}

function makeKey(): string {
  return randomBytes(32).toString('base64')
}

function defaultsFor(
  values: Variables,
  { workerOrigin, upstreamOrigin, keys }: EnvironmentInput,
): Record<string, string> {
  const isOfflineVoice =
    (values['SPEECH_PROVIDER'] ?? (values['SPEECH_API_KEY'] === undefined ? 'offline' : '')) === 'offline'
  return {
    ENVIRONMENT: 'development',
    PUBLIC_ORIGIN: workerOrigin,
    // Where web apps are usually developed, and the upstream's own pages; without it no page could call the local service.
    ALLOWED_ORIGINS: `http://localhost:3000,http://localhost:5173,http://localhost:8080,${upstreamOrigin}`,
    // Where those pages, a desktop app and a phone's app may have a sign-in return to.
    ALLOWED_RETURN_URLS: [
      'http://localhost:3000/signed-in',
      'http://localhost:5173/signed-in',
      'http://localhost:8080/signed-in',
      'http://127.0.0.1/signed-in',
      'com.example.companion:/signed-in',
    ].join(','),
    ...keys,
    ...workerVariables.identity(upstreamOrigin),
    ...(values['LLM_API_KEY'] === undefined ? workerVariables.companion(upstreamOrigin) : {}),
    ...(isOfflineVoice ? workerVariables.voice(upstreamOrigin) : {}),
    ...(values['TRANSCRIPTION_API_KEY'] === undefined ? workerVariables.transcription(upstreamOrigin) : {}),
  }
}
