import { Problem, type ProblemCode } from '#src/http/problem.ts'

/** What a failure of PostgreSQL looks like, whichever driver brought it. */
interface DatabaseFailure {
  readonly code?: unknown
  readonly constraint?: unknown
  readonly detail?: unknown
  /** The function of the server that refused: its words may be in any language, this name is always the same. */
  readonly routine?: unknown
}

/** Constraints whose violation has a meaning of its own; every other one has its class's. */
const byConstraint: Readonly<Record<string, ProblemCode>> = {
  login_tickets_pkey: 'ticket_used',
  identities_issuer_subject_key: 'already_registered',
  users_email_index_key: 'email_unavailable',
  conversations_persona_id_fkey: 'not_found',
  memories_persona_id_fkey: 'not_found',
  audit_chains_user_id_fkey: 'not_found',
  user_keys_user_id_fkey: 'not_found',
  turns_conversation_id_user_id_fkey: 'not_found',
  messages_conversation_id_user_id_fkey: 'not_found',
  messages_parent_id_conversation_id_fkey: 'not_found',
}

/** The keys by which what a request makes belongs to its person. */
const ofPersons: ReadonlySet<string> = new Set(
  [
    'conversations',
    'idempotency_keys',
    'memories',
    'messages',
    'speech_hits',
    'speech_leases',
    'turns',
    'usage_days',
    'usage_ledger',
    'user_persona_preferences',
    'voice_data',
  ].map((table) => `${table}_user_id_fkey`),
)

const byState: Readonly<Record<string, ProblemCode>> = {
  NF401: 'unauthenticated',
  NF403: 'forbidden',
  NF404: 'not_found',
  NF409: 'conflict',
  NF423: 'key_unavailable',
  NF428: 'fresh_sign_in_needed',
  NF503: 'unavailable',
  '23503': 'conflict',
  '23505': 'conflict',
  '23P01': 'conflict',
  '25006': 'unavailable',
  '25P04': 'deadline_exceeded',
  '28000': 'unavailable',
  '28P01': 'unavailable',
  '3D000': 'unavailable',
  '3F000': 'unavailable', // the schema `app` is not there: set-up has not run
  '40001': 'unavailable',
  '40P01': 'unavailable',
  '55P03': 'deadline_exceeded',
  '57014': 'deadline_exceeded',
  '57P01': 'unavailable',
  '57P02': 'unavailable',
  '57P03': 'unavailable',
  '58000': 'unavailable',
}

const refusals: ReadonlySet<string> = new Set<ProblemCode>([
  'registration_refused',
  'last_identity',
  'invalid_identity_token',
  'quota_exceeded',
  'turn_in_progress',
])

const passing: ReadonlySet<string> = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  '57P01', // the server is told to end this connection
])

/**
 * Whether PostgreSQL ended a transaction, before COMMIT, for a reason that is gone at once: another transaction stood in
 * its way, or its connection was ended.
 */
export function mayFlyAgain(error: unknown): boolean {
  return passing.has(asFailure(error).code ?? '')
}

/** The problem behind a failed flight. What is our own bug stays an unknown error, which answers 500. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  const { code, constraint, detail, routine } = asFailure(error)
  if (code === undefined) return undefined
  if (code.startsWith('NF') && isRefusal(detail)) {
    const retryAfterSeconds = detail === 'quota_exceeded' ? { retryAfterSeconds: secondsLeftToday() } : {}
    return new Problem(detail, undefined, { cause: error, ...retryAfterSeconds })
  }
  // Who is erased while a request of theirs is under way has no session any more.
  if (code === '23503' && constraint !== undefined && ofPersons.has(constraint)) {
    return new Problem('unauthenticated', undefined, { cause: error })
  }
  const known =
    (constraint === undefined ? undefined : byConstraint[constraint]) ?? byState[code] ?? byClass(code, routine)
  return known === undefined ? undefined : new Problem(known, undefined, { cause: error })
}

// A day's limits are of the day in UTC.
const secondsLeftToday = () => 86_400 - Math.floor((Date.now() / 1_000) % 86_400)

function asFailure(error: unknown): { [key in keyof DatabaseFailure]?: string } {
  if (!(error instanceof Error)) return {}
  const { code, constraint, detail, routine } = error as Error & DatabaseFailure
  const known = Object.entries({ code, constraint, detail, routine }).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(known)
}

function byClass(code: string, routine: string | undefined): ProblemCode | undefined {
  if (code.startsWith('08') || code.startsWith('53')) return 'unavailable'
  // SET LOCAL ROLE to a role that set-up has not made; any other invalid parameter is our bug.
  if (code === '22023' && routine === 'call_string_check_hook') return 'unavailable'
  // A missing grant is our bug; a policy's refusal is about a row that the caller may not have.
  if (code === '42501' && routine === 'ExecWithCheckOptions') return 'not_found'
  return undefined
}

const isRefusal = (text: string | undefined): text is ProblemCode => text !== undefined && refusals.has(text)
