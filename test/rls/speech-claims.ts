export const line = "'\\x0a'"
export const uuid = (n: number) => `'00000000-0000-7000-8000-${String(n).padStart(12, '0')}'`

/** Who claims: the names of a lease, of what is set aside for it, and of the audio. */
const requestOf = (n: number) => ({ holder: uuid(n), characters: uuid(n + 1), bytes: uuid(n + 2), audio: uuid(n) })
export const [first, second] = [requestOf(100), requestOf(200)]
export type Request = typeof first

export interface Claim {
  readonly key?: string
  readonly isShared?: boolean
  readonly request?: Request
  readonly broken?: string
  readonly wasCounted?: boolean
  readonly dailyCharacters?: number
  readonly dailyBytes?: number
}

/** A claim to five characters, which may take seven bytes. */
export const claim = (claimed: Claim = {}) => {
  const {
    key = line,
    isShared = false,
    request = first,
    broken = 'null',
    wasCounted = broken !== 'null',
    dailyCharacters = 10,
    dailyBytes = 10,
  } = claimed
  return `app.claim_speech(${key}, ${isShared}, ${request.holder}, 30, ${request.characters}, ${request.bytes}, 5, 7,
    ${dailyCharacters}, ${dailyBytes}, ${broken}, ${wasCounted})`
}
export const claimed = (options: Claim = {}) => `select * from ${claim(options)}`
export const isAnswered = (state: string, options: Claim = {}) => `${claimed(options)} where state = '${state}'`

/** Where the audio lies that a request makes: a person's own, or everybody's. */
export const keyOf = (request: Request, userId?: string) =>
  `'${userId === undefined ? 'shared' : `u/${userId}`}/v/' || ${request.audio}`

interface Stored {
  readonly isShared?: boolean
  readonly persona?: string
  readonly mostBytes?: number
}

/** Six bytes are stored for five characters. */
export const store = (request: Request, { isShared = false, persona = 'null', mostBytes = 100 }: Stored = {}) =>
  `app.store_speech(${line}, ${isShared}, ${persona}, ${request.holder}, ${request.characters}, ${request.bytes}, 5,
    ${request.audio}, 6, 1, 'wav', 'nova', 'openai', ${mostBytes})`

/** The lease on a line, as only a superuser sees it. */
export const leaseOf = (request: Request, userId: string, audioKey = keyOf(request, userId)) =>
  `select 1 from public.speech_leases where cache_key = ${line} and holder = ${request.holder} and user_id = '${userId}'
     and audio_key = ${audioKey} and expires_at > now()`
export const day = (reserved: readonly [number, number], spent: readonly [number, number]) =>
  `select 1 from public.usage_days c join public.usage_days b using (user_id, day)
   where c.kind = 'speech_characters' and b.kind = 'stored_bytes' and c.reserved = ${reserved[0]} and b.reserved = ${reserved[1]}
     and c.spent = ${spent[0]} and b.spent = ${spent[1]}`
export const noLease = `not exists (select from public.speech_leases where cache_key = ${line})`
export const nothingOf = (request: Request) =>
  `not exists (select from public.usage_ledger where id in (${request.characters}, ${request.bytes}))`
