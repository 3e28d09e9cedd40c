import { describe, expect, it } from 'vitest'
import type { Authenticated, SecurityLog, SessionPage } from '#src/auth/shapes.ts'
import type { MessagePage } from '#src/conversations/shapes.ts'
import { call, googleToken, newUser, registration, registrationTicket, signIn } from '#test/setup/client.ts'
import { apart, asOwnerApart, newUserApart } from '#test/setup/apart-database.ts'
import { ask } from '#test/setup/ask.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { newConversation } from '#test/setup/talk.ts'
import { callWith } from '#test/setup/worker-with.ts'

const byText = (one: string, other: string) => one.localeCompare(other)

const logOf = async (token: string, query = '') =>
  (await call<SecurityLog>('GET', `/auth/security-log${query}`, { token })).body

/** What the service's own chain says of a request. */
const systemEntries = async (action: string, { headers }: { headers: Headers }) =>
  await asOwner<{ details: unknown; target: string | null }>(
    `select l.details, l.target from public.audit_log l
     where l.chain_id = '00000000-0000-4000-8000-000000000000' and l.action = $1 and l.request_id = $2`,
    [action, headers.get('X-Request-Id')],
  )

describe('the security log', () => {
  it('says newest first what happened to an account, with the request that did it', async () => {
    const { token, person } = await newUser()
    const again = await signIn(await googleToken({ person }))
    const { session_token: second } = again.body as Authenticated
    const { items } = (await call<SessionPage>('GET', '/auth/sessions', { token })).body
    const other = items.find((session) => !session.is_current)?.id ?? ''
    const revoked = await call('DELETE', `/auth/sessions/${other}`, { token })
    const first = items.find((session) => session.is_current)?.id ?? ''
    const log = await logOf(token)
    expect(
      log.items.map(({ seq, action, target, details, request_id }) => ({ seq, action, target, details, request_id })),
    ).toEqual([
      {
        seq: 3,
        action: 'session.revoked',
        target: `session:${other}`,
        details: { reason: 'revoked' },
        request_id: revoked.headers.get('X-Request-Id'),
      },
      {
        seq: 2,
        action: 'sign_in.succeeded',
        target: `session:${other}`,
        details: { provider: 'google' },
        request_id: again.headers.get('X-Request-Id'),
      },
      {
        seq: 1,
        action: 'account.registered',
        target: `session:${first}`,
        details: { provider: 'google', terms_version: '2026-01', privacy_version: '2026-01' },
        request_id: expect.any(String),
      },
    ])
    expect(log.chain).toEqual({ id: expect.any(String), entries: 3, head_hash: log.items[0]?.hash, broken_at: null })
    expect((await call('GET', '/auth/security-log', { token: second })).status).toBe(401)
  })

  it('has one entry for each session that a sign-out ends, and none for one that had ended', async () => {
    const { token, person } = await newUser()
    await signIn(await googleToken({ person }))
    await signIn(await googleToken({ person }))
    await call('POST', '/auth/logout?scope=others', { token })
    await call('POST', '/auth/logout?scope=others', { token })
    const ended = (await logOf(token)).items.filter(({ action }) => action === 'session.revoked')
    expect(ended.map(({ details }) => details)).toEqual([{ reason: 'logout' }, { reason: 'logout' }])
    expect(new Set(ended.map(({ target }) => target)).size).toBe(2)
  })

  it('has the sessions that a sign-in ends, of whoever they were, with the request that ended them', async () => {
    const [leaving, coming] = [await newUser(), await newUser()]
    const login = { provider: 'google', token: await googleToken({ person: coming.person }) }
    const { headers } = await call('POST', '/auth/login', { body: login, token: leaving.token })
    const device = await signIn(await googleToken({ person: leaving.person }))
    const entries = (await logOf((device.body as Authenticated).session_token)).items.slice(1)
    expect(entries.map(({ action, details, request_id }) => [action, details, request_id])).toEqual([
      ['session.revoked', { reason: 'signed_in_again' }, headers.get('X-Request-Id')],
      ['account.registered', expect.anything(), expect.any(String)],
    ])
    const first = (await logOf(coming.token)).items.at(-1)?.target
    for (let n = 0; n < 20; n += 1) await signIn(await googleToken({ person: coming.person }))
    const last = (await signIn(await googleToken({ person: coming.person }))).body as Authenticated
    const ended = (await logOf(last.session_token, '?limit=100')).items.filter(
      ({ action }) => action === 'session.revoked',
    )
    expect(ended.map(({ details }) => details)).toEqual(ended.map(() => ({ reason: 'too_many_sessions' })))
    expect([ended.length, ended.some(({ target }) => target === first)]).toEqual([3, true])
    expect(
      await asOwner('select from public.user_sessions where revoked_at is not null and user_id = $1', [coming.user.id]),
    ).toHaveLength(3)
  })

  it('is read in pages that join without a gap', async () => {
    const { token, person } = await newUser()
    for (let n = 0; n < 4; n += 1) await signIn(await googleToken({ person }))
    const seqs: number[] = []
    for (let cursor = ''; ;) {
      const page = await logOf(token, `?limit=2${cursor}`)
      seqs.push(...page.items.map(({ seq }) => seq))
      if (page.next_cursor === null) break
      cursor = `&cursor=${page.next_cursor}`
    }
    expect(seqs).toEqual([5, 4, 3, 2, 1])
  })

  it('shows its owner where somebody tampered with it', async () => {
    const { token, user } = await newUser()
    const writeOver = async (text: string) =>
      await asOwner(`do $$ begin
        set local session_replication_role = replica;
        update public.audit_log set action = '${text}'
          where seq = 1 and chain_id = (select chain_id from public.audit_chains where user_id = '${user.id}');
      end $$`)
    await writeOver('account.other')
    expect((await logOf(token)).chain.broken_at).toBe(1)
    await writeOver('account.registered')
    expect((await logOf(token)).chain.broken_at).toBeNull()
  })

  it('is a broken chain, and no failure, to somebody whose chain was hung to nobody', async () => {
    const { session_token: token, user } = await newUserApart()
    const look = async () => await callWith<SecurityLog>(apart(), 'GET', '/auth/security-log', { token })
    await asOwnerApart('update public.audit_chains set user_id = null where user_id = $1', [user.id])
    const { status, body } = await look()
    expect([status, body]).toEqual([
      200,
      { items: [], next_cursor: null, chain: { id: null, entries: 0, head_hash: '00'.repeat(32), broken_at: 1 } },
    ])
    await asOwnerApart(`select app.record_service_event($1, 'sign_in.succeeded', null, '{}', null)`, [user.id])
    expect((await look()).body.chain.broken_at).toBe(1)
  })

  it('shows no entry that was put before the first, and says that there is one', async () => {
    const { session_token: token, user } = await newUserApart()
    await asOwnerApart(`do $$ begin
      set local session_replication_role = replica;
      alter table public.audit_log drop constraint audit_log_seq_check;
      insert into public.audit_log select l.chain_id, 0, 'account.other', target, details, request_id, occurred_at, previous_hash, hash
        from public.audit_log l join public.audit_chains c using (chain_id) where c.user_id = '${user.id}' and seq = 1;
      alter table public.audit_log add constraint audit_log_seq_check check (seq >= 1) not valid;
    end $$`)
    const { body } = await callWith<SecurityLog>(apart(), 'GET', '/auth/security-log', { token })
    expect([body.items.map(({ seq }) => seq), body.chain.broken_at]).toEqual([[1], 0])
  })

  it('holds no name, address, token or device of anybody’s', async () => {
    const ticket = await registrationTicket()
    const body = registration(ticket)
    const { body: made } = await call<Authenticated>('POST', '/auth/register', {
      body,
      headers: { 'CF-Connecting-IP': '203.0.113.77', 'User-Agent': 'Canary/1.0' },
    })
    const [{ line } = { line: '' }] = await asOwner<{ line: string }>(
      `select string_agg(l::text, ' ') as line from public.audit_log l
       join public.audit_chains c using (chain_id) where c.user_id = $1`,
      [made.user.id],
    )
    expect(line).toContain('account.registered')
    for (const word of [
      String(made.user.first_name),
      String(made.user.email),
      made.user.id,
      made.session_token,
      '203.0.113',
      'Canary',
    ]) {
      expect(line.includes(word)).toBe(false)
    }
  })

  it('stays after an erasure under a name that is nobody’s', async () => {
    const { token, user } = await newUser()
    const { id: chainId } = (await logOf(token)).chain
    const erased = (await call<{ erasure_id: string }>('DELETE', '/auth/account', { token })).body
    const entries = await asOwner<{ action: string; target: string }>(
      'select action, target from public.audit_log where chain_id = $1 order by seq offset 1',
      [chainId],
    )
    expect(entries).toEqual([
      { action: 'account.erasure_requested', target: `erasure:${erased.erasure_id}` },
      { action: 'account.erased', target: `erasure:${erased.erasure_id}` },
    ])
    expect(await asOwner('select user_id from public.audit_chains where chain_id = $1', [chainId])).toEqual([
      { user_id: null },
    ])
    expect(await asOwner('select from public.audit_log l where l::text like $1', [`%${user.id}%`])).toEqual([])
  })
})

describe('a cell that cannot be opened', () => {
  it('is one entry, however often it is read', async () => {
    const { token, user } = await newUser()
    await asOwner('update public.users set last_name = first_name where id = $1', [user.id])
    await callWith({}, 'GET', '/auth/profile', { token })
    const { id } = await newConversation(token)
    for (const content of ['one', 'two', 'three']) {
      await call('POST', `/conversations/${id}/messages`, { token, body: { role: 'user', content } })
    }
    const path = `/conversations/${id}/messages`
    const { items } = (await call<MessagePage>('GET', path, { token })).body
    const broken = items.slice(0, 2).map((message) => message.id)
    await asOwner(`update public.messages set content = substr(content, 1, 20) where id = any ($1)`, [broken])
    for (const _ of [1, 2]) {
      const read = await callWith<MessagePage>({}, 'GET', path, { token })
      expect(read.body.items.map(({ content }) => content)).toEqual([null, null, 'one'])
      expect(read.headers.get('Server-Timing')).toBe('db;desc="1 flight"')
    }
    const entries = (await logOf(token)).items.filter(({ action }) => action === 'seal.broken')
    expect(entries.map(({ target }) => String(target)).toSorted(byText)).toEqual(
      [...broken.map((one) => `messages.content:${one}`), 'users.last_name:self'].toSorted(byText),
    )
  })
})

describe('a broken cell', () => {
  const cut = async (userId: string, column: string) =>
    await asOwner(`update public.users set ${column} = substr(${column}, 1, length(${column}) - 1) where id = $1`, [
      userId,
    ])

  it('is an entry when it is found at sign-in', async () => {
    const { token, user, person } = await newUser()
    await cut(user.id, 'last_name')
    const body = { provider: 'google', token: await googleToken({ person }) }
    expect((await callWith({}, 'POST', '/auth/login', { body })).status).toBe(200)
    const entries = (await logOf(token)).items.filter(({ action }) => action === 'seal.broken')
    expect(entries.map(({ target }) => target)).toEqual(['users.last_name:self'])
  })

  it('is another entry when it was mended and is broken again', async () => {
    const { token, user } = await newUser()
    const [stored] = await asOwner<{ last_name: Uint8Array }>('select last_name from public.users where id = $1', [
      user.id,
    ])
    for (const _ of [1, 2]) {
      await cut(user.id, 'last_name')
      await callWith({}, 'GET', '/auth/profile', { token })
      await callWith({}, 'GET', '/auth/profile', { token })
    }
    await asOwner('update public.users set last_name = $2 where id = $1', [user.id, stored?.last_name])
    const entries = (await logOf(token)).items.filter(({ action }) => action === 'seal.broken')
    expect(entries.map(({ target }) => target)).toEqual(['users.last_name:self', 'users.last_name:self'])
    expect(new Set(entries.map(({ details }) => details['fingerprint'])).size).toBe(2)
  })
})

describe('the service’s own chain', () => {
  it('has the sign-ins that were refused, and for what; their answer does not wait for it', async () => {
    const body = { provider: 'google', token: 'a.b.c' }
    const refused = await callWith({}, 'POST', '/auth/login', { body })
    expect([refused.status, refused.headers.get('Server-Timing')]).toEqual([401, 'db;desc="0 flights"'])
    expect(await systemEntries('sign_in.refused', refused)).toEqual([
      { target: null, details: { provider: 'google', reason: 'invalid_identity_token', times: '1' } },
    ])
  })

  it.each([
    ['code', 'POST', '/auth/exchange', { code: 'invented', code_verifier: 'a'.repeat(43) }, {}],
    ['ticket', 'POST', '/auth/register', registration('invented'), {}],
    ['state', 'GET', '/auth/google/callback?state=invented&code=x', undefined, { provider: 'google' }],
  ] as const)('has an invented %s', async (what, method, path, body, known) => {
    const answer = await ask(method, path, body === undefined ? {} : { body: JSON.stringify(body) })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await systemEntries('sign_in.refused', answer)).toEqual([
      { target: null, details: { ...known, reason: `invalid_${what}`, times: '1' } },
    ])
  })

  it('counts refusals of one moment in one entry, and writes the next ones after it', async () => {
    const body = { provider: 'google', token: 'a.b.c' }
    const refuse = async () => await callWith({}, 'POST', '/auth/login', { body })
    for (const times of [30, 20]) {
      const refused = await Promise.all(Array.from({ length: times }, refuse))
      const entries = (await Promise.all(refused.map((one) => systemEntries('sign_in.refused', one)))).flat()
      const counted = entries.map(({ details }) => Number((details as { times: string }).times))
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(times)
      expect(counted.length).toBeLessThanOrEqual(3)
    }
  })

  it('has a refused registration without a word of who it was', async () => {
    const body = { ...registration(await registrationTicket()), birthdate: '2020-01-01' }
    const refused = await call('POST', '/auth/register', { body })
    expect(refused.status).toBe(403)
    expect(await systemEntries('registration.refused', refused)).toEqual([
      { target: null, details: { provider: 'google', reason: 'age' } },
    ])
  })
})
