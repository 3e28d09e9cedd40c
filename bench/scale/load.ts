import type { Client } from 'pg'
import { loadMessages, type SearchWords } from '#bench/scale/load-messages.ts'
import { loadPeople } from '#bench/scale/load-people.ts'
import type { Step } from '#bench/scale/steps.ts'

/** What a step needs of the people who will be measured: asked for once everybody is there, and before they talk. */
export type ChoosePeople = (ordinaryUser: number) => Promise<readonly SearchWords[]>

/**
 * Grows the data by a step, as a superuser and without triggers, and checks that what they keep right is right. Words are
 * indexed when all are there; statistics and visibility are up to date afterwards.
 */
export async function loadStep(client: Client, step: Step, choosePeople: ChoosePeople): Promise<void> {
  await client.query('set session_replication_role = replica')
  try {
    await loadPeople(client, step)
    const words = await choosePeople(await findOrdinaryUser(client, step))
    const rebuild = await dropIndex(client, 'messages_words_idx')
    await loadMessages(client, step, words)
    await client.query(rebuild)
  } finally {
    await client.query('set session_replication_role = origin')
  }
  await client.query('vacuum (analyze, index_cleanup on)')
  await assertWhole(client)
}

/** Somebody who came in this step and has as many conversations as is usual. */
async function findOrdinaryUser(client: Client, step: Step): Promise<number> {
  const { ordinaryConversations: usual, users } = step
  const first = Math.max(users.from, 1)
  const found = await client.query<{ u: string }>(
    `select u from (select scale.owner_of(k, ${usual}, ${first + 1}, ${users.to - first}) as u from generate_series(0, ${usual - 1}) k) o
     group by u having count(*) = ${step.usualConversations} order by abs(u - ${(first + users.to) / 2}) limit 1`,
  )
  const user = found.rows[0]?.u
  if (user === undefined) throw new Error('nobody has as many conversations as is usual')
  return Number(user)
}

async function dropIndex(client: Client, name: string): Promise<string> {
  const found = await client.query<{ definition: string }>(`select pg_get_indexdef($1::regclass) as definition`, [name])
  await client.query(`drop index ${name}`)
  return found.rows[0]?.definition ?? ''
}

async function assertWhole(client: Client): Promise<void> {
  const found = await client.query<{ wrong: string }>(
    `select count(*) as wrong
     from (select conversation_id, user_id, count(*), max(seq) as last_seq from messages group by conversation_id, user_id) m
     full join conversations c on c.id = m.conversation_id and c.user_id = m.user_id
     where (c.message_count, c.last_seq) is distinct from (m.count, m.last_seq)`,
  )
  if (found.rows[0]?.wrong !== '0') throw new Error(`${found.rows[0]?.wrong} conversations do not fit their messages`)
}
