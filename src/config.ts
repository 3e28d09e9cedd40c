import * as z from 'zod'

/** The Worker's bindings and variables as wrangler hands them over; only this module reads the strings. */
export interface Env {
  readonly HYPERDRIVE?: Hyperdrive
  readonly SPEECH_INDEX?: KVNamespace
  readonly AUDIO?: R2Bucket
  readonly ANCHORS?: R2Bucket
  readonly DATA_KEY_ROTATION?: Workflow
  readonly AUTH_LIMITER?: RateLimit
  readonly API_LIMITER?: RateLimit
  readonly COSTLY_LIMITER?: RateLimit
  readonly VERSION?: WorkerVersionMetadata
  readonly [name: string]: unknown
}

const key32 = z.base64().transform((text, context) => {
  const bytes = Uint8Array.fromBase64(text)
  if (bytes.length !== 32) context.addIssue('must be 32 bytes in base64')
  return bytes
})

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown
      } catch {
        context.addIssue('must be JSON')
        return z.NEVER
      }
    })
    .pipe(schema)

const list = z.string().transform((text) => text.split(',').flatMap((item) => item.trim() || []))
const count = (fallback: number, most: number) => z.coerce.number().int().min(1).max(most).default(fallback)
const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .default(false)
const documentVersion = z.string().regex(/^[\w.:-]{1,40}$/)
const endpoint = z.url({ protocol: /^https?$/ })

/** Where a browser may be sent with a code in hand: no script, no file, nothing unencrypted but on this machine. */
const returnUrl = z.string().refine((text) => {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '' || text.includes('#')) return false
  if (/^(about|blob|data|file|filesystem|javascript|vbscript|view-source|ws|wss|ftp):$/.test(url.protocol)) return false
  return url.protocol !== 'http:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}, 'must be URLs without credentials and fragment: https, http on loopback, or an app’s own scheme')
// A file's lines as they are, or with the line ends written out, as one line of `.dev.vars` has them.
const pkcs8 = z
  .string()
  .transform((text) => text.replaceAll(String.raw`\n`, '\n').trim())
  .refine(
    (text) => /^-----BEGIN PRIVATE KEY-----\s[\sA-Za-z0-9+/=]+-----END PRIVATE KEY-----$/.test(text),
    'must be PKCS #8 in PEM',
  )
const postgresUrl = z.string().refine((text) => {
  const url = URL.parse(text)
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) return false
  return ![url.username, url.hostname, url.pathname.slice(1)].includes('')
}, 'must be a postgres:// URL with a login, a host and a database')

const endpoints = z.strictObject({
  issuer: endpoint.optional(),
  authorization: endpoint.optional(),
  token: endpoint.optional(),
  jwks: endpoint.optional(),
  revocation: endpoint.optional(),
  graph: endpoint.optional(),
  limited_issuer: endpoint.optional(),
  limited_jwks: endpoint.optional(),
})

// It stands in the audit log, which refuses what begins as a session token does.
const keyName = z.string().regex(/^(?!.*\bnf_)[\w-]{1,32}$/)

const keyEncryptionKeys = z
  .strictObject({ current: z.string(), keys: z.record(keyName, key32) })
  .refine((ring) => ring.current in ring.keys, 'current must name one of keys')

/** What puts something else in the place of the outside world. */
const onlyLocal = ['GOOGLE_ENDPOINTS', 'FACEBOOK_ENDPOINTS', 'APPLE_ENDPOINTS', 'NEON_FETCH_ENDPOINT'] as const

const Variables = z
  .object({
    ENVIRONMENT: z.enum(['development', 'test', 'staging', 'production']).default('production'),
    PUBLIC_ORIGIN: endpoint.transform((text) => new URL(text).origin).optional(),
    ALLOWED_ORIGINS: list.default([]),
    NEON_DATABASE_URL: postgresUrl.optional(),
    NEON_FETCH_ENDPOINT: endpoint.optional(),
    KEY_ENCRYPTION_KEYS: json(keyEncryptionKeys).optional(),
    TOKEN_SIGNING_KEY: key32.optional(),
    LOOKUP_KEY: key32.optional(),
    ALLOWED_RETURN_URLS: list.pipe(z.array(returnUrl)).default([]),
    REQUIRE_NONCE: flag,
    TERMS_URL: endpoint.optional(),
    TERMS_VERSION: documentVersion.optional(),
    PRIVACY_URL: endpoint.optional(),
    PRIVACY_VERSION: documentVersion.optional(),
    GOOGLE_CLIENT_ID: list.default([]),
    GOOGLE_CLIENT_SECRET: z.string().optional(),
    GOOGLE_ENDPOINTS: json(endpoints).default({}),
    FACEBOOK_APP_ID: z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .optional(),
    FACEBOOK_APP_SECRET: z.string().optional(),
    FACEBOOK_GRAPH_VERSION: z
      .string()
      .regex(/^v\d{1,3}\.\d$/)
      .default('v25.0'),
    FACEBOOK_ENDPOINTS: json(endpoints).default({}),
    APPLE_CLIENT_ID: z.string().optional(),
    APPLE_BUNDLE_IDS: list.default([]),
    APPLE_TEAM_ID: z.string().optional(),
    APPLE_KEY_ID: z.string().optional(),
    APPLE_PRIVATE_KEY: pkcs8.optional(),
    APPLE_ENDPOINTS: json(endpoints).default({}),
    LLM_BASE_URL: endpoint.optional(),
    LLM_API_KEY: z.string().optional(),
    LLM_MODEL: z.string().optional(),
    SPEECH_PROVIDER: z.enum(['elevenlabs', 'openai', 'offline']).optional(),
    SPEECH_MODEL: z.string().optional(),
    SPEECH_VOICE: z.string().optional(),
    SPEECH_VOICES: list.default([]),
    SPEECH_VOICE_REVISION: z.string().max(100).default(''),
    SPEECH_BASE_URL: endpoint.optional(),
    SPEECH_API_KEY: z.string().optional(),
    MINIMUM_AGE: count(13, 21),
    SESSION_IDLE_SECONDS: count(30 * 86_400, 400 * 86_400),
    SESSION_ABSOLUTE_SECONDS: count(180 * 86_400, 400 * 86_400),
    SESSIONS_PER_USER: count(20, 100),
    SESSION_REFRESH_GRACE_SECONDS: count(60, 3_600),
    FRESH_SIGN_IN_SECONDS: count(300, 3_600),
    PROVIDER_DEADLINE_MS: count(5_000, 30_000),
    AUDIO_URL_SECONDS: count(3_600, 86_400),
    DATABASE_DEADLINE_MS: count(8_000, 60_000),
    LOG_REQUESTS: z.enum(['all', 'failures']).default('all'),
    LLM_FIRST_TOKEN_MS: count(20_000, 120_000),
    LLM_FALLBACKS: list.default([]),
    LLM_PROMPT_TOKENS: count(6_000, 1_000_000),
    LLM_REPLY_TOKENS: count(2_000, 100_000),
    LLM_REPLY_LIMIT: z.enum(['auto', 'max_tokens', 'max_completion_tokens', 'none']).default('auto'),
    LLM_NOTES: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .default(true),
    MEMORY_EXTRACTOR: z.enum(['model', 'rules', 'off']).default('model'),
    DAILY_LLM_TOKENS: count(1_000_000, 1_000_000_000),
    DAILY_SPEECH_CHARACTERS: count(100_000, 100_000_000),
    DAILY_TRANSCRIBED_SECONDS: count(3_600, 86_400),
    DAILY_STORED_BYTES: count(500_000_000, 100_000_000_000),
    LLM_IDLE_MS: count(15_000, 120_000),
    // Within the ten minutes after which the sweep takes a turn for one whose Worker died.
    LLM_REPLY_MS: count(300_000, 540_000),
    SPEECH_DEADLINE_MS: count(20_000, 120_000),
    SPEECH_USD_PER_MILLION: z.coerce.number().min(0).max(10_000).optional(),
    SPEECH_CACHE_DAYS: count(30, 3_650),
    SPEECH_CACHE_BYTES: count(500_000_000, 100_000_000_000),
    RECORDING_DAYS: count(30, 3_650),
    RECORDING_BYTES: count(25_000_000, 100_000_000),
    RECORDING_SECONDS: count(600, 7_200),
    TRANSCRIPTION_BASE_URL: endpoint.optional(),
    TRANSCRIPTION_API_KEY: z.string().optional(),
    TRANSCRIPTION_MODEL: z.string().optional(),
    TRANSCRIPTION_DEADLINE_MS: count(60_000, 300_000),
  })
  .superRefine((values, context) => {
    if (['development', 'test'].includes(values.ENVIRONMENT)) return
    for (const name of onlyLocal) {
      const value = values[name]
      if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) continue
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'is refused unless ENVIRONMENT is development or test',
      })
    }
  })

/** The Worker's configuration: parsed variables beside the bindings. */
export type Config = z.output<typeof Variables> & { readonly bindings: Env }

/** The configuration is there but wrong. The message names variables and rules, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const parsed = new WeakMap<Env, Config>()

/** The configuration of this isolate, parsed once for each `env`. Throws ConfigError when a variable is malformed. */
export function configOf(env: Env): Config {
  const known = parsed.get(env)
  if (known !== undefined) return known
  const result = Variables.safeParse(withoutEmpty(env))
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.map((issue) => `${issue.path[0]?.toString()}: ${ruleOf(issue)}`).join('; '),
    )
  }
  const config = { ...result.data, bindings: env }
  parsed.set(env, config)
  return config
}

// The names inside a value are of the value: zod would repeat those that it does not know.
const ruleOf = ({ code, message }: z.core.$ZodIssue) =>
  code === 'unrecognized_keys' ? 'holds an unknown name' : message

// An empty variable in `.dev.vars` means "not set".
function withoutEmpty(env: Env): Record<string, unknown> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
}
