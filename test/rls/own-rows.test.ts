import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { fly, flyAs, insertOf, type Answer, type Query } from '#test/rls/flight.ts'
import { another, insertRow, makePerson, type Person } from '#test/rls/people.ts'
import { rowOf } from '#test/rls/scene.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edge: Client
let edgeUrl: string
let one: Person
let two: Person

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_functions'))
  edge = await connectTo(edgeUrl)
})

afterAll(async () => {
  await Promise.all([owner.end(), edge.end()])
})

beforeEach(async () => {
  ;[one, two] = [await makePerson(owner), await makePerson(owner)]
})

const asOne = async (...queries: readonly Query[]): Promise<Answer> => await flyAs(edge, one, queries)
const anotherOf = (person: Person, table: string) => another(table, rowOf(person, table))

describe('what only the service may write', () => {
  it.each([
    ['their role', "update public.users set role = 'admin'"],
    ['their address', 'update public.users set email = null'],
    ['whether their account is active', 'update public.users set is_active = true'],
    ['their birthdate', "update public.users set birthdate = '\\x00'"],
    ['from when they may see more', "update public.users set opens_18_on = '2000-01-01'"],
    ['when they agreed to the terms', 'update public.users set terms_accepted_at = now()'],
    ['when they agreed to how data are kept', 'update public.users set privacy_policy_accepted_at = now()'],
    ['what they agreed to', "update public.users set terms_version = '2', privacy_version = '2'"],
    ['whose companion it is', 'update public.personas set owner_id = app.current_user_id()'],
    ['under which name the house has it', "update public.personas set slug = 'x'"],
    ['whether it is switched on', 'update public.personas set is_active = true'],
    ['whether it is a copy', 'update public.personas set frozen_at = now()'],
    ['how often it was talked with', 'update public.personas set use_count = 1'],
    ['the card that it came from', "update public.personas set card = '{}'"],
    ['how often they talked with it', 'update public.user_persona_preferences set interaction_count = 1'],
    ['when they talked with it last', 'update public.user_persona_preferences set last_interaction_at = now()'],
    ['whose favourite it is', 'update public.user_persona_preferences set user_id = app.current_user_id()'],
    ['which companion is a favourite', 'update public.user_persona_preferences set persona_id = gen_random_uuid()'],
    ['who wrote a memory', "update public.memories set origin = 'person'"],
    ['whose memory it is', 'update public.memories set user_id = app.current_user_id()'],
    ['from what a memory was drawn', 'update public.memory_sources set message_id = message_id'],
    ['what may be drawn from', 'update public.messages set is_recallable = true'],
    ['what was looked through', 'update public.messages set is_drawn = false'],
    ['when they had everything forgotten', 'update public.users set memories_forgotten_at = null'],
    ['a companion’s message', "update public.messages set content = '\\x00' where role = 'assistant'"],
    ['what was said', "update public.messages set content = '\\x00'"],
    ['how long their session lives', "update public.user_sessions set expires_at = 'infinity'"],
    ['whose conversation it is', 'update public.conversations set user_id = app.current_user_id()'],
    ['what a turn has used', 'update public.turns set completion_tokens = 0'],
  ])('is not for a person to change: %s', async (_name, statement) => {
    expect(await asOne([statement])).toMatchObject({ code: '42501' })
  })

  it('is a companion’s message, whether it says that it came from the companion, from elsewhere or from a file', async () => {
    for (const origin of ['companion', 'external', 'imported']) {
      const reply = { ...anotherOf(one, 'messages'), role: 'assistant', origin }
      expect(await asOne(insertOf('messages', reply))).toMatchObject({
        code: '42501',
        message: 'new row violates row-level security policy for table "messages"',
      })
    }
  })

  it('leaves another person’s turn as it was, also where no condition names one', async () => {
    const end = "update public.turns set state = 'failed', ended_at = now()"
    expect(await asOne([`${end} where id = $1`, rowOf(two, 'turns')['id']])).toEqual({ rows: [], count: 0 })
    expect(await asOne([end])).toEqual({ rows: [], count: 1 })
  })
})

/** Foreign keys between tables that both name a person, with the column that points and a table that it points to. */
async function ownedParents(): Promise<readonly { child: string; column: string; parent: string }[]> {
  const { rows } = await owner.query<{ child: string; column: string; parent: string }>(`
    select k.conrelid::regclass::text as child, a.attname as column, k.confrelid::regclass::text as parent
    from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.confrelid <> 'public.users'::regclass
      and has_table_privilege('neuraform_user', k.conrelid, 'insert')
    order by 1, 2`)
  return rows
}

describe('another person’s row as a parent', () => {
  it('is refused exactly as one that does not exist', async () => {
    const parents = await ownedParents()
    expect(parents.length).toBeGreaterThanOrEqual(5)
    for (const { child, column, parent } of parents) {
      const row = anotherOf(one, child)
      const [foreign, absent] = [rowOf(two, parent)['id'], randomUUID()]
      const own = await asOne(insertOf(child, { ...row, [column]: rowOf(one, parent)['id'] }))
      expect({ child, column, own }).toEqual({ child, column, own: { rows: [], count: 1 } })
      const refusals = [
        await asOne(insertOf(child, { ...row, [column]: foreign })),
        await asOne(insertOf(child, { ...row, [column]: absent })),
      ]
      expect(refusals[0]).toMatchObject({ code: expect.stringMatching(/^(42501|23503)$/) })
      expect(refusals[0]).toEqual(refusals[1])
    }
  })

  it('and a companion of another’s that is private is no favourite, any more than one that does not exist', async () => {
    const favour = 'insert into public.user_persona_preferences (persona_id) values ($1)'
    const foreign = await asOne([favour, rowOf(two, 'personas')['id']])
    expect(foreign).toMatchObject({ code: '42501' })
    expect(await asOne([favour, randomUUID()])).toEqual(foreign)
    expect(await asOne([favour, builtInPersonas[0]?.id])).toEqual({ rows: [], count: 1 })
  })

  it('and the session of a turn is the person’s own, also when it is changed', async () => {
    const change = 'update public.turns set session_id = $1'
    const foreign = await asOne([change, rowOf(two, 'user_sessions')['id']])
    expect(foreign).toMatchObject({ code: '23503', constraint: 'turns_session_id_user_id_fkey' })
    expect(await asOne([change, randomUUID()])).toEqual(foreign)
  })
})

describe('what goes with somebody', () => {
  it('is their persona, and never another’s conversation with it, which keeps a copy', async () => {
    const persona = { ...anotherOf(two, 'personas'), id: randomUUID(), is_public: true, tags: ['x'] }
    await insertRow(owner, 'personas', persona)
    const conversation = { ...anotherOf(one, 'conversations'), id: randomUUID(), persona_id: persona.id }
    await flyAs(edge, one, [insertOf('conversations', conversation)], 'commit')
    await owner.query('delete from public.users where id = $1', [two.userId])
    const kept = await asOne([
      `select p.id, p.owner_id, p.display_name, p.tags from public.conversations c join public.personas p on p.id = c.persona_id
       where c.id = $1`,
      conversation.id,
    ])
    expect(kept).toMatchObject({ rows: [{ owner_id: null, display_name: 'Own', tags: [] }], count: 1 })
    expect(kept).not.toMatchObject({ rows: [{ id: persona.id }] })
  })

  it('is every row that names them: an erasure leaves nothing in any table, and takes nothing of anybody else’s', async () => {
    await owner.query('update public.users set is_active = false where id = $1', [two.userId])
    const erasure = rowOf(two, 'erasures')['id']
    await fly(edge, 'jobs', [['select app.erase_rows($1)', erasure]], 'commit')
    // A line of theirs was being made.
    await owner.query("update public.erasures set due_at = due_at - interval '6 minutes' where id = $1", [erasure])
    await fly(edge, 'jobs', [['select app.complete_erasure($1)', erasure]], 'commit')
    for (const [table, row] of two.rows) {
      // What happened stays, under a name that is nobody's any more.
      if (table === 'audit_log') continue
      const column = { users: 'id', personas: 'owner_id' }[table] ?? 'user_id'
      const { rowCount } = await owner.query(`select from public.${table} where ${column} = $1`, [row[column]])
      expect({ table, rowCount }).toEqual({ table, rowCount: 0 })
    }
    expect(await asOne(['select from public.messages'])).toMatchObject({ count: 1 })
  })

  it('and a session that goes leaves the turn that it began, without its name', async () => {
    await owner.query('delete from public.user_sessions where user_id = $1', [one.userId])
    const { rows } = await owner.query('select user_id, session_id from public.turns where user_id = $1', [one.userId])
    expect(rows).toEqual([{ user_id: one.userId, session_id: null }])
  })
})

describe('messages', () => {
  it('that twenty requests store at once are numbered without a gap', async () => {
    const conversation = { ...anotherOf(one, 'conversations'), id: randomUUID(), last_seq: 0, message_count: 0 }
    await insertRow(owner, 'conversations', conversation)
    const clients = await Promise.all(Array.from({ length: 20 }, async () => await connectTo(edgeUrl)))
    try {
      const message = () => ({ ...anotherOf(one, 'messages'), conversation_id: conversation.id, seq: 0 })
      const store = async (client: Client) => await flyAs(client, one, [insertOf('messages', message())], 'commit')
      const answers = await Promise.all(clients.map(async (client) => await store(client)))
      expect(answers).toEqual(answers.map(() => ({ rows: [], count: 1 })))
    } finally {
      await Promise.all(clients.map(async (client) => await client.end()))
    }
    const stored = await asOne([
      `select array_agg(m.seq::int order by m.seq) as seqs, c.message_count, c.last_seq::int
       from public.messages m join public.conversations c on c.id = m.conversation_id where c.id = $1 group by c.id`,
      conversation.id,
    ])
    const seqs = Array.from({ length: 20 }, (_, at) => at + 1)
    expect(stored).toEqual({ rows: [{ seqs, message_count: 20, last_seq: 20 }], count: 1 })
  })
})
