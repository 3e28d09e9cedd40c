import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { callsIn } from '#test/rls/calls.ts'
import type { Finding, Outcome } from '#test/rls/findings.ts'
import type { Scene } from '#test/rls/scene.ts'

type Verbs = Readonly<Record<string, number>>

/** What a person may do with their own rows, and how many the scene has. What is not named is refused for want of a grant. */
const personMay: Readonly<Record<string, Verbs>> = {
  users: { select: 1, update: 1 },
  identities: { select: 1 },
  user_sessions: { select: 2, update: 2 },
  idempotency_keys: { select: 2, insert: 1 },
  // The own one that is switched off is not seen and may go all the same; a copy of another's is seen.
  personas: { select: builtInPersonas.length + 2, insert: 1, update: 2, delete: 2 },
  user_persona_preferences: { select: 1, insert: 1, update: 1 },
  conversations: { select: 4, insert: 1, update: 4, delete: 4 },
  turns: { select: 3, insert: 1, update: 3 },
  messages: { select: 1, insert: 1, update: 1 },
  memories: { select: 1, insert: 1, update: 1 },
  memory_sources: { select: 1 },
  conversation_deletions: { select: 2 },
  usage_ledger: { select: 2 },
  usage_days: { select: 1 },
  audit_chains: { select: 1 },
  audit_log: { select: 1 },
  voice_data: { select: 1, insert: 1, delete: 1 },
  speech_hits: { select: 1 },
}

/** A session says the person's age, so that three more companions are for them. */
const inSession: Verbs = { 'personas select': builtInPersonas.length + 5 }

const hiddenOfTheHouse = 4

/** What the service's own roles reach when they ask for everything, beside what functions do for them. */
const serviceMay: Readonly<Record<string, Verbs>> = {
  neuraform_visitor: { 'personas select': builtInPersonas.length },
  neuraform_auth: {},
  neuraform_jobs: {
    'conversation_deletions select': 1,
    'conversation_deletions delete': 1,
    'conversations select': 1,
    'conversations delete': 1,
    'grants_to_revoke select': 1,
    'grants_to_revoke update': 1,
    'grants_to_revoke delete': 1,
    'speech_leases select': 1,
    'speech_leases delete': 1,
    'usage_ledger select': 1,
    'usage_ledger delete': 1,
    'user_sessions select': 1,
    'user_sessions delete': 1,
    'idempotency_keys select': 1,
    'idempotency_keys delete': 1,
    'login_tickets select': 1,
    'login_tickets delete': 1,
    'personas select': builtInPersonas.length + hiddenOfTheHouse,
    'personas update': builtInPersonas.length + hiddenOfTheHouse,
  },
  neuraform_analyst: {},
}

/** The findings that are not as they should be, one after the other as they are made, with what was found. */
export async function* wrongIn(
  findings: Iterable<Finding> | AsyncIterable<Finding>,
  scene: Scene,
): AsyncGenerator<string> {
  const isRight = judgeOf(scene)
  for await (const [key, outcome] of findings) if (!isRight(key, outcome)) yield `${key}: ${outcome}`
}

/** Says of a finding whether it is as it should be. */
export function judgeOf(scene: Scene): (key: string, outcome: Outcome) => boolean {
  const calls = new Map(callsIn(scene).map(({ name, expected }) => [`call ${name}`, expected ?? 1]))
  return (key, outcome) => {
    const call = calls.get(key)
    return call === undefined ? isRightFor(key, outcome) : outcome === call
  }
}

function isRightFor(key: string, outcome: Outcome): boolean {
  const [table = '', verb = '', who = ''] = key.split(' ')
  const [role = '', asker = ''] = who.split('/')
  if (role === 'owner') return outcome === (verb === 'insert' ? '42501' : 0)
  if (role !== 'neuraform_user') return outcome === (serviceMay[role]?.[`${table} ${verb}`] ?? '42501')
  if (verb === 'give') return outcome === 0 || outcome === '42501'
  const own = personMay[table]?.[verb]
  if (own === undefined) return outcome === '42501'
  if (asker === 'own') return outcome === own
  if (asker === 'session') return outcome === (inSession[`${table} ${verb}`] ?? own)
  // Who is no uuid makes the policy itself fail, before it lets anything through.
  if (asker === 'malformed') return typeof outcome === 'string'
  return outcome === (verb === 'insert' ? '42501' : 0)
}
