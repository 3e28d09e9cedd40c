import { asc, eq, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { QueryResult } from 'pg'
import { describe, expect, it } from 'vitest'
import { compiled, recordStatements } from '#src/db/recorded-statements.ts'
import type { Statement } from '#src/db/scope.ts'
import { conversations } from '#src/conversations/tables.ts'
import { personas } from '#src/personas/tables.ts'

const answer = (...rows: unknown[]) => ({ rows, rowCount: rows.length, command: 'SELECT' }) as unknown as QueryResult

const slugs = (db: NodePgDatabase, slug: string) =>
  db.select({ slug: personas.slug }).from(personas).where(eq(personas.slug, slug))

describe('recorded statements', () => {
  it('are written down in order with their values, whatever builds them, and none is run', () => {
    const recorded = recordStatements((db) => [
      db.execute(sql`select ${'first'}`),
      slugs(db, 'second'),
      db.execute(sql`select ${'third'}`),
      db.update(conversations).set({ tags: ['fourth'] }),
      db.insert(personas).values({ id: 'fifth', displayName: '', description: '', systemPrompt: '', greeting: '' }),
      db.delete(conversations).where(eq(conversations.id, 'sixth')),
    ])
    recorded.abandon()
    const words = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth']
    expect(recorded.queries.map(({ values }) => words.find((word) => JSON.stringify(values).includes(word)))).toEqual(
      words,
    )
    expect(recorded.queries.map(({ text }) => text.split(' ')[0])).toEqual([
      'select',
      'select',
      'select',
      'update',
      'insert',
      'delete',
    ])
  })

  it('give each statement its own answer, mapped as its builder says', async () => {
    const recorded = recordStatements((db) => [slugs(db, 'a'), db.execute(sql`select 1`), slugs(db, 'b')])
    const answers = [answer(['one'], ['two']), answer({ n: 1 }), answer()]
    const results = await recorded.resolve<Statement[]>(answers)
    expect(results).toEqual([[{ slug: 'one' }, { slug: 'two' }], answers[1], []])
  })

  it('fail where an answer is missing', async () => {
    const recorded = recordStatements((db) => [slugs(db, 'a'), slugs(db, 'b')])
    await expect(recorded.resolve([answer(['one'])])).rejects.toThrow()
  })

  it('may be none', async () => {
    const recorded = recordStatements(() => [])
    expect([recorded.queries, await recorded.resolve([])]).toEqual([[], []])
  })

  it('that are let go of leave no rejection behind', async () => {
    const stray: unknown[] = []
    const listen = (event: PromiseRejectionEvent) => stray.push(event.reason)
    addEventListener('unhandledrejection', listen)
    recordStatements((db) => [slugs(db, 'a'), db.execute(sql`select 1`)]).abandon()
    await new Promise((resolve) => setTimeout(resolve, 20))
    removeEventListener('unhandledrejection', listen)
    expect(stray).toEqual([])
  })

  it('are refused where one asks nothing at once, since its place would be lost', () => {
    class Late {
      // oxlint-disable-next-line unicorn/no-thenable -- a builder of drizzle is one, too
      then(done: (value: unknown) => void): void {
        setTimeout(() => done(1), 1)
      }
    }
    const late = new Late() as unknown as Statement
    expect(() => recordStatements((db) => [late, db.select().from(personas).orderBy(asc(personas.id))])).toThrow(
      'not recorded in order',
    )
  })
})

describe('a compiled statement', () => {
  const bySlug = compiled<{ slug: string | null }[], { slug: string; most: number }>((db) =>
    db
      .select({ slug: personas.slug })
      .from(personas)
      .where(eq(personas.slug, sql.placeholder('slug')))
      .limit(sql.placeholder('most')),
  )

  it('is written down as its builder would be, each time with its own values', () => {
    const built = recordStatements((db) => [slugs(db, 'a').limit(7)])
    const recorded = recordStatements(() => [bySlug({ slug: 'a', most: 7 }), bySlug({ slug: 'b', most: 8 })])
    for (const one of [built, recorded]) one.abandon()
    expect(recorded.queries.map(({ text }) => text)).toEqual([built.queries[0]?.text, built.queries[0]?.text])
    expect(recorded.queries.map(({ values }) => values)).toEqual([
      ['a', 7],
      ['b', 8],
    ])
  })

  it('keeps its place among others, and maps its own answer', async () => {
    const recorded = recordStatements((db) => [slugs(db, 'a'), bySlug({ slug: 'b', most: 1 }), slugs(db, 'c')])
    expect(recorded.queries.map(({ values }) => values[0])).toEqual(['a', 'b', 'c'])
    const results = await recorded.resolve<Statement[]>([answer(['a']), answer(['b']), answer()])
    expect(results).toEqual([[{ slug: 'a' }], [{ slug: 'b' }], []])
  })

  it('is compiled once', () => {
    let times = 0
    const counted = compiled((db) => {
      times += 1
      return db.select({ slug: personas.slug }).from(personas)
    })
    for (let flight = 0; flight < 3; flight += 1) recordStatements(() => [counted({}), counted({})]).abandon()
    expect(times).toBe(1)
  })

  it('asks nothing outside a flight', async () => {
    await expect(Promise.resolve(bySlug({ slug: 'a', most: 1 }))).rejects.toThrow()
  })
})
