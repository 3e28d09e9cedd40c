import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { describe, expect, inject, it } from 'vitest'

/** What `app.assert_safe_login` says to a login with these attributes; the login is gone afterwards. */
async function verdictFor(attributes: string, grant?: string): Promise<string> {
  const { ownerUrl } = inject('stack')
  const name = `login_${randomUUID().replaceAll('-', '')}`
  const owner = new Client({ connectionString: ownerUrl })
  await owner.connect()
  try {
    await owner.query(`create role ${name} login password 'x' ${attributes}; grant neuraform_user to ${name};
      grant connect on database neuraform to ${name}; ${grant === undefined ? '' : `grant ${grant} to ${name}`}`)
    const url = new URL(ownerUrl)
    url.username = name
    url.password = 'x'
    return await ask(url.href)
  } finally {
    await owner.query(`drop owned by ${name}; drop role ${name}`)
    await owner.end()
  }
}

async function ask(connectionString: string): Promise<string> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query('begin; set local role neuraform_user')
    await client.query('select app.assert_safe_login()')
    return 'safe'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'error'
  } finally {
    await client.end()
  }
}

describe('the check of the login', () => {
  it('passes the login that set-up makes', async () => {
    expect(await ask(inject('stack').edgeUrl)).toBe('safe')
  })

  it.each([
    ['a superuser', 'superuser', undefined],
    ['a role that bypasses row-level security', 'bypassrls', undefined],
    ['a member of the tables’ owner', '', 'neuraform_owner'],
    ['a member of the functions’ owner', '', 'neuraform_gate'],
  ])('refuses %s', async (_name, attributes, grant) => {
    expect(await verdictFor(attributes, grant)).toBe('NF503')
  })

  it('refuses the owner of a table', async () => {
    const owner = new Client({ connectionString: inject('stack').ownerUrl })
    const name = `login_${randomUUID().replaceAll('-', '')}`
    await owner.connect()
    try {
      const becomes = `set local session authorization ${name}; set local role neuraform_user`
      await owner.query(`begin; create role ${name} login; grant neuraform_user to ${name}; ${becomes}`)
      expect((await owner.query('select app.assert_safe_login()')).rowCount).toBe(1)
      await owner.query(`reset session authorization; create table public.${name} ()`)
      await owner.query(`alter table public.${name} owner to ${name}; ${becomes}`)
      await expect(owner.query('select app.assert_safe_login()')).rejects.toMatchObject({ code: 'NF503' })
    } finally {
      await owner.query('rollback')
      await owner.end()
    }
  })
})
