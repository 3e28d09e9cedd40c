import type { Client } from 'pg'
import { kinds } from '#bench/scale/schema.ts'
import type { Step } from '#bench/scale/steps.ts'

/** The hashes that a measured person's search asks for; nobody else has them. */
export interface SearchWords {
  readonly userNumber: number
  /** In every third message. */
  readonly common: bigint
  /** In five messages of a conversation at the most. */
  readonly rare: bigint
}

/**
 * Adds messages as if everybody talked at the same time, so that those of one conversation never lie side by side. Of the
 * heavy person's every other one is in their long conversation. Two messages, a person's words and the reply, are a turn.
 * Conversations, turns and memories are made from the messages, with counters that are right.
 */
export async function loadMessages(client: Client, step: Step, words: readonly SearchWords[]): Promise<void> {
  await client.query(insertMessages(step, words))
  await client.query(insertConversations(step))
  await client.query(insertTurns(step))
  await client.query(insertMemories(step))
}

/** How many memories a step adds to what is remembered of the heavy person, and of everybody else. */
const memories = { heavy: 150, usual: 6 }

function insertMessages(step: Step, words: readonly SearchWords[]): string {
  return `
    insert into messages (id, user_id, conversation_id, parent_id, turn_id, seq, role, origin, content, words, tokens, model,
        latency_ms, created_at)
    select scale.id(${kinds.message}, i, i), scale.id(${kinds.user}, 0, u), scale.id(${kinds.conversation}, began, c),
      case when seq > 1 then scale.id(${kinds.message}, asked, asked) end,
      scale.id(${kinds.turn}, began + seq - 1 + seq % 2, (c << 20) | ((seq + 1) / 2)), seq,
      case when seq % 2 = 1 then 'user' else 'assistant' end, case when seq % 2 = 1 then 'person' else 'companion' end,
      scale.sealed((case when seq % 2 = 1 then 50 + 120 * scale.part(i) else 150 + 500 * scale.part(i) end)::int),
      array(select hashint8extended(floor(2000 * power(scale.part(i * 32 + w), 3))::bigint, u)
        from generate_series(1, case when seq % 2 = 1 then 8 else 16 end) w) || ${searched(words)},
      case when seq % 2 = 0 then 90 end, case when seq % 2 = 0 then 'local/companion' end, case when seq % 2 = 0 then 900 end,
      scale.at(i)
    from (${placed(step)}) placed order by i`
}

const searched = (words: readonly SearchWords[]) =>
  `case ${words
    .map(
      ({ userNumber, common, rare }) =>
        `when u = ${userNumber} then case when seq % 3 = 1 then array[${common}] else '{}'::bigint[] end
          || case when seq % 10 = 7 and seq < 50 then array[${rare}] else '{}'::bigint[] end`,
    )
    .join(' ')} else '{}'::bigint[] end`

/** Message i: its conversation c of person u, when that began, its place in it, and the message before it there. */
function placed(step: Step): string {
  const { heavyEvery: every, heavyConversations: heavy, ordinaryConversations: usual } = step
  const { from, to } = step.messages
  const [firstTalk, firstUser] = [Math.max(step.conversations.from, 1), Math.max(step.users.from, 1) + 1]
  const tickOf = (rank: string) => `${from} + (${rank}) + (${rank}) / ${every - 1} + 1`
  return `
    select i, 0::bigint as c, 1::bigint as u, 0::bigint as began, i / ${2 * every} + 1 as seq, i - ${2 * every} as asked
      from generate_series(${from}::bigint, ${to - 1}, ${2 * every}) i
    union all
    select i, ${firstTalk + usual} + s % ${heavy}, 1, ${from + every} + s % ${heavy} * ${2 * every}, s / ${heavy} + 1,
        i - ${2 * every * heavy}
      from generate_series(${from + every}::bigint, ${to - 1}, ${2 * every}) i,
        lateral (select (i - ${from}) / ${2 * every} as s) short
    union all
    select i, ${firstTalk} + k, scale.owner_of(k, ${usual}, ${firstUser}, ${step.users.to - firstUser + 1}), ${tickOf('k')},
        r / ${usual} + 1, ${tickOf(`r - ${usual}`)}
      from generate_series(${from}::bigint, ${to - 1}) i,
        lateral (select i - ${from} - (i - ${from}) / ${every} - 1 as r) ordinary, lateral (select r % ${usual} as k) talk
      where i % ${every} <> 0`
}

const since = ({ messages }: Step) =>
  `m.created_at >= scale.at(${messages.from}) and m.created_at < scale.at(${messages.to})`

// With the companions that come with the service; one of each person's with another, which its author took away since.
const insertConversations = (step: Step) => `
  insert into conversations (id, user_id, persona_id, title, message_count, last_seq, leaf_message_id, last_message_at,
      created_at, updated_at)
  select m.conversation_id, m.user_id,
    case row_number() over (partition by m.user_id order by min(m.created_at)) when 2 then scale.id(${kinds.frozen}, 0, 1)
      else ('0198f000-0000-7000-8000-00000000000' || 1 + abs(hashtext(m.conversation_id::text)) % 5)::uuid end,
    scale.sealed(60), count(*), max(m.seq), (array_agg(m.id order by m.seq desc))[1], max(m.created_at), min(m.created_at), max(m.created_at)
  from messages m where ${since(step)} group by m.conversation_id, m.user_id order by min(m.created_at)
  on conflict (id) do update set message_count = conversations.message_count + excluded.message_count,
    last_seq = excluded.last_seq, leaf_message_id = excluded.leaf_message_id, last_message_at = excluded.last_message_at, updated_at = excluded.updated_at`

const insertTurns = (step: Step) => `
  insert into turns (id, user_id, conversation_id, state, key_hash, user_message_id, reply_message_id, prompt_tokens,
      completion_tokens, started_at, ended_at)
  select m.turn_id, m.user_id, m.conversation_id, 'complete', scale.hash(m.turn_id::text), m.id,
    scale.id(${kinds.other}, 0, m.seq), 900, 90, m.created_at, m.created_at + interval '1 second'
  from messages m where ${since(step)} and m.role = 'user' order by m.created_at`

// The id of a message with another kind in it.
const insertMemories = (step: Step) => `
  with told as (
    select m.id as message_id, m.user_id, m.conversation_id, overlay(m.id::text placing '${kinds.memory.toString(16).padStart(3, '0')}' from 16 for 3)::uuid as id,
      row_number() over (partition by m.user_id order by m.created_at) as n
    from messages m where ${since(step)} and m.role = 'user'
  ), kept as (
    select t.* from told t
      where t.n <= case when t.user_id = scale.id(${kinds.user}, 0, 1) then ${memories.heavy} else ${memories.usual} end
  ), made as (
    insert into memories (id, user_id, content, origin) select id, user_id, scale.sealed(90), 'companion' from kept
  ) insert into memory_sources (memory_id, message_id, user_id, conversation_id)
    select id, message_id, user_id, conversation_id from kept`
