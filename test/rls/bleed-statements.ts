import { randomBytes, randomUUID } from 'node:crypto'
import { rowOf } from '#test/rls/scene.ts'
import type { Person } from '#test/rls/people.ts'

/** A statement that answers whose each row is, in its column `owner`, and the answer that is right. */
export interface Asked {
  readonly text: string
  readonly owners: readonly (string | null)[]
}

export type Results = readonly { readonly rows: readonly Record<string, unknown>[] }[]

/** Table → the column that says whose a row is. */
export type OwnColumns = readonly (readonly [table: string, column: string])[]

/** Which connection it is, and who the transaction believes is asking. */
export const whoAsks = (userId: string | null): Asked => ({
  text: `select pg_backend_pid() as backend, nullif(current_setting('app.user_id', true), '') as owner`,
  owners: [userId],
})

const tablesInOneFlight = 3

/** Every row that there is in some of the tables, the next ones each turn. A person has rows in each. */
export function countOwn(person: Person, readable: OwnColumns, turn: number): readonly Asked[] {
  const from = (turn * tablesInOneFlight) % readable.length
  return [...readable, ...readable].slice(from, from + tablesInOneFlight).map(([table, column]) => ({
    text: `select distinct ${column}::text as owner from public.${table} order by 1 nulls last`,
    owners: [String(rowOf(person, table)[column]), ...(table === 'personas' ? [null] : [])],
  }))
}

/** A message that says nothing of its owner: the database fills that in. */
export const say = (person: Person, id: string): Asked => ({
  text: `insert into public.messages (id, conversation_id, role, content)
    values ('${id}', '${String(rowOf(person, 'conversations')['id'])}', 'user', '${hexOf(person)}') returning user_id::text as owner`,
  owners: [person.userId],
})

/** Changes, deletes and makes rows without a condition: nothing but row security keeps other people's out. */
export function changeOwn(person: Person): readonly Asked[] {
  const owners = [person.userId]
  return [
    { text: `update public.conversations set title = '${hexOf(person)}' returning user_id::text as owner`, owners },
    { text: 'delete from public.voice_data returning user_id::text as owner', owners },
    {
      text: `insert into public.voice_data (id, kind, r2_key, cache_key, audio_bytes, duration_ms, codec)
        values ('${randomUUID()}', 'speech', '${randomUUID()}', '\\x${randomBytes(32).toString('hex')}', 1, 1, 'wav')
        returning user_id::text as owner`,
      owners,
    },
    { text: `update public.personas set description = '${person.userId}' returning owner_id::text as owner`, owners },
    {
      text: `insert into public.personas (id, display_name, description, system_prompt, greeting)
        values ('${randomUUID()}', 'Passing', 'x', 'x', 'x') returning owner_id::text as owner`,
      owners,
    },
    { text: `delete from public.personas where display_name = 'Passing' returning owner_id::text as owner`, owners },
    { text: `update public.memories set content = '${hexOf(person)}' returning user_id::text as owner`, owners },
    { text: 'update public.user_persona_preferences set is_favorite = true returning user_id::text as owner', owners },
  ]
}

/** Whose it is, in what they write. */
/** What looks sealed under the person's first data key, and says whose it is. */
const hexOf = ({ userId }: Person) => `\\x010001${userId.replaceAll('-', '')}`
