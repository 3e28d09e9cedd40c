import { randomBytes, randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'

/** A row as JSON: bytes as `\x…`, times as text. */
export type Row = Readonly<Record<string, unknown>>

/** Somebody with exactly one row in every table that can name a person. */
export interface Person {
  readonly userId: string
  readonly tokenHash: Buffer
  readonly turnKeyHash: Buffer
  readonly rows: ReadonlyMap<string, Row>
}

/** As the vault stores it: a format, the version of the person's key, and what nobody can read. */
const sealed = () => `\\x010001${randomBytes(32).toString('hex')}`
const bytes = (length = 32) => `\\x${randomBytes(length).toString('hex')}`
const long = '2020-01-01T00:00:00Z'
const far = '2126-01-01T00:00:00Z'

/** The columns of a new row of each table that nothing else fills in; `parent` names rows made before. */
function rowsFor(userId: string, tokenHash: Buffer, turnKeyHash: Buffer): readonly (readonly [string, Row])[] {
  const id = {
    identity: randomUUID(),
    session: randomUUID(),
    conversation: randomUUID(),
    turn: randomUUID(),
    said: randomUUID(),
    chain: randomUUID(),
    persona: randomUUID(),
    memory: randomUUID(),
  }
  const hex = (hash: Buffer) => `\\x${hash.toString('hex')}`
  const owned = { user_id: userId }
  return [
    [
      'users',
      {
        id: userId,
        first_name: sealed(),
        last_name: sealed(),
        birthdate: sealed(),
        opens_16_on: '2006-01-01',
        opens_18_on: '2008-01-01',
        terms_version: '1',
        privacy_version: '1',
      },
    ],
    ['user_keys', { ...owned, version: 1, key_encryption_key_id: 'k1', wrapped_key: bytes(60) }],
    [
      'identities',
      {
        ...owned,
        id: id.identity,
        provider: 'google',
        issuer: 'https://issuer.test',
        subject: randomUUID(),
        last_login_at: long,
      },
    ],
    [
      'user_sessions',
      {
        ...owned,
        id: id.session,
        identity_id: id.identity,
        token_hash: hex(tokenHash),
        idle_lifetime_seconds: 3_600,
        expires_at: far,
        absolute_expires_at: far,
      },
    ],
    ['retired_tokens', { ...owned, token_hash: bytes(), session_id: id.session, good_until: far }],
    ['idempotency_keys', { ...owned, key: randomUUID(), request_hash: bytes(), resource_id: randomUUID() }],
    [
      'personas',
      {
        owner_id: userId,
        id: id.persona,
        display_name: 'Own',
        description: 'own',
        system_prompt: 'own',
        greeting: 'own',
      },
    ],
    ['user_persona_preferences', { ...owned, persona_id: id.persona }],
    ['conversations', { ...owned, id: id.conversation }],
    [
      'turns',
      {
        ...owned,
        id: id.turn,
        conversation_id: id.conversation,
        session_id: id.session,
        key_hash: hex(turnKeyHash),
        user_message_id: id.said,
        reply_message_id: randomUUID(),
      },
    ],
    ['messages', { ...owned, id: id.said, conversation_id: id.conversation, role: 'user', content: sealed() }],
    ['memories', { ...owned, id: id.memory, content: sealed(), origin: 'companion' }],
    ['memory_sources', { ...owned, memory_id: id.memory, message_id: id.said, conversation_id: id.conversation }],
    [
      'voice_data',
      {
        ...owned,
        id: randomUUID(),
        kind: 'speech',
        r2_key: `u/${userId}/v/${randomUUID()}`,
        cache_key: bytes(),
        audio_bytes: 1,
        duration_ms: 1,
        codec: 'wav',
      },
    ],
    [
      'speech_leases',
      {
        ...owned,
        cache_key: bytes(),
        holder: randomUUID(),
        audio_key: `u/${userId}/v/${randomUUID()}`,
        expires_at: far,
      },
    ],
    ['speech_hits', { ...owned, day: '2026-01-01', hits: 1, characters: 1 }],
    ['conversation_deletions', { ...owned, gone_id: randomUUID() }],
    ['usage_ledger', { ...owned, id: randomUUID(), day: '2026-01-01', kind: 'llm_tokens', reserved: 1 }],
    ['usage_days', { ...owned, day: '2026-01-01', kind: 'llm_tokens', reserved: 1 }],
    ['audit_chains', { ...owned, chain_id: id.chain }],
    ['audit_log', { chain_id: id.chain, action: 'account.registered', target: `session:${id.session}` }],
    ['erasures', { ...owned, id: randomUUID() }],
  ]
}

/** Makes somebody, as a superuser on whom no policy binds. Their sessions and turns are live. */
export async function makePerson(owner: Client): Promise<Person> {
  const userId = randomUUID()
  const tokenHash = randomBytes(32)
  const turnKeyHash = randomBytes(32)
  const rows = new Map<string, Row>()
  for (const [table, columns] of rowsFor(userId, tokenHash, turnKeyHash)) {
    rows.set(table, await insertRow(owner, table, columns))
  }
  return { userId, tokenHash, turnKeyHash, rows }
}

/** Inserts the columns that a row names and leaves the rest to their defaults. */
export async function insertRow(client: Client, table: string, row: Row): Promise<Row> {
  const names = Object.keys(row)
    .map((name) => `"${name}"`)
    .join(', ')
  const { rows } = await client.query<{ made: Row }>(
    `with new as (
       insert into public.${table} (${names}) select ${names} from jsonb_populate_record(null::public.${table}, $1) returning *
     ) select to_jsonb(new) as made from new`,
    [JSON.stringify(row)],
  )
  return rows[0]?.made ?? {}
}

/** A further row like one that is there: every name that must be unique is new. */
export function another(table: string, row: Row): Row {
  const fresh: Readonly<Record<string, () => Row>> = {
    user_keys: () => ({ version: 2 }),
    identities: () => ({ subject: randomUUID() }),
    user_sessions: () => ({ token_hash: bytes() }),
    retired_tokens: () => ({ token_hash: bytes() }),
    idempotency_keys: () => ({ key: randomUUID() }),
    user_persona_preferences: () => ({ persona_id: builtInPersonas[0]?.id }),
    turns: () => ({ key_hash: bytes() }),
    conversation_deletions: () => ({ gone_id: randomUUID() }),
    usage_days: () => ({ kind: 'stored_bytes' }),
    voice_data: () => ({ r2_key: randomUUID(), cache_key: bytes() }),
    shared_speech: () => ({ r2_key: randomUUID(), cache_key: bytes() }),
    speech_leases: () => ({ cache_key: bytes(), audio_key: randomUUID() }),
    speech_hits: () => ({ day: '2026-01-02' }),
  }
  return { ...row, ...('id' in row ? { id: randomUUID() } : {}), ...fresh[table]?.() }
}
