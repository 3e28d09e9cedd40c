import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, it } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { generate, inCopy } from '#test/schema/drizzle-kit.ts'
import { everythingIn, query, tableParts, timeless } from '#test/schema/snapshot.ts'

const root = join(import.meta.dirname, '../..')

describe('migrations', () => {
  it('make the tables that drizzle-kit would make from nothing, and the foreign keys that it cannot say', async () => {
    const { ownerUrl } = inject('stack')
    const generated = await inCopy(async (copy) => {
      await rm(join(copy, 'drizzle'), { recursive: true })
      await generate(copy)
      return await readFile(join(copy, 'drizzle/0000_drift.sql'), 'utf8')
    })
    const settings = await readFile(join(root, 'drizzle/0000_session_settings.sql'), 'utf8')
    const url = new URL(ownerUrl)
    await query(ownerUrl, 'create database neuraform_drift')
    url.pathname = '/neuraform_drift'
    // A policy names a function that reads a table: it stands for that until the table is there.
    const talks = 'create function app.talks_with(uuid) returns boolean language sql as $$ select false $$'
    await query(url.href, `create schema app; ${settings}; ${talks}; ${generated}`)
    const byHand = /^turns turns_(session|usage)_id_user_id_fkey/
    const made = (await query(ownerUrl, tableParts)).filter(({ what }) => !byHand.test(String(what)))
    expect(made.length).toBeGreaterThan(200)
    expect(made).toEqual(await query(url.href, tableParts))
  })

  it('and set-up make the same from nothing each time, and change nothing when they are repeated', async () => {
    const { ownerUrl, edgeUrl } = inject('stack')
    const edgePassword = decodeURIComponent(new URL(edgeUrl).password)
    const options = { ownerUrl, databaseName: 'neuraform_once', edgePassword }
    const once = await setUpDatabase(options)
    const twice = await setUpDatabase({ ...options, databaseName: 'neuraform_twice' })
    const before = await everythingIn(once.ownerUrl)
    expect(before.length).toBeGreaterThan(400)
    expect(timeless(await everythingIn(twice.ownerUrl))).toEqual(timeless(before))
    await setUpDatabase(options)
    expect(await everythingIn(once.ownerUrl)).toEqual(before)
  })

  it('make every constraint that the error map names', async () => {
    const source = await readFile(join(root, 'src/db/postgres-errors.ts'), 'utf8')
    const named = [...source.matchAll(/^ {2}(\w+_(?:pkey|key|fkey|check)):/gm)].map(([, name]) => name)
    const rows = await query(
      inject('stack').ownerUrl,
      'select conname as name from pg_constraint union select relname from pg_class where relkind = $$i$$',
    )
    const made = new Set(rows.map(({ name }) => name))
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((name) => !made.has(name))).toEqual([])
  })
})
