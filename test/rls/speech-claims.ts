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
    dailyCharacters = 10,
    dailyBytes = 10,
  } = claimed
  return `app.claim_speech(${key}, ${isShared}, ${request.holder}, 30, ${request.characters}, ${request.bytes}, 5, 7,
    ${dailyCharacters}, ${dailyBytes}, ${broken})`
}
export const claimed = (options: Claim = {}) => `select * from ${claim(options)}`
export const isAnswered = (state: string, options: Claim = {}) => `${claimed(options)} where state = '${state}'`

/** The lease on a line, as only a superuser sees it. */
export const leaseOf = (request: Request, userId: string) =>
  `select 1 from public.speech_leases where cache_key = ${line} and holder = ${request.holder} and user_id = '${userId}'
     and expires_at > now()`
export const day = (reserved: readonly [number, number], spent: readonly [number, number]) =>
  `select 1 from public.usage_days c join public.usage_days b using (user_id, day)
   where c.kind = 'speech_characters' and b.kind = 'stored_bytes' and c.reserved = ${reserved[0]} and b.reserved = ${reserved[1]}
     and c.spent = ${spent[0]} and b.spent = ${spent[1]}`
export const noLease = `not exists (select from public.speech_leases where cache_key = ${line})`
export const nothingOf = (request: Request) =>
  `not exists (select from public.usage_ledger where id in (${request.characters}, ${request.bytes}))`
