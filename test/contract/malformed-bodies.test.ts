import { describe, expect, it } from 'vitest'
import { contract } from '#src/app.ts'
import { call, newUser } from '#test/setup/client.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { allTables, asOwner } from '#test/setup/owner-database.ts'

const kilobyte = 1_024
const bytes = (...values: number[]) => new Uint8Array(values)

/** Bodies that no route may take, each with the only status that it may get. */
const corpus: readonly (readonly [string, number, BodyInit])[] = [
  ['nothing', 400, ''],
  ['half of an object', 400, '{"a":'],
  ['two objects', 400, '{}{}'],
  ['NaN', 400, '{"a":NaN}'],
  ['a comment', 400, '{}//'],
  ['a byte order mark', 400, '\uFEFF{}'],
  ['bytes that are not UTF-8', 400, bytes(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d)],
  ['a raw NUL', 400, '{"a":"\0"}'],
  ['a name twice', 400, '{"content":"a","content":"b"}'],
  ['a name twice, once escaped', 400, '{"content":"a","\\u0063ontent":"b"}'],
  ['__proto__', 400, '{"__proto__":{"role":"admin"}}'],
  ['60 kB of brackets', 400, '['.repeat(60 * kilobyte)],
  ['deep but closed', 400, `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`],
  ['a megabyte of brackets', 413, '['.repeat(1_000_000)],
  ['64 kB and a byte', 413, `"${'a'.repeat(64 * kilobyte - 1)}"`],
  ['null', 422, 'null'],
  ['an array', 422, '[]'],
  ['a text', 422, '"hello"'],
  ['a number beyond all numbers', 422, '1e999'],
  ['an unknown field', 422, '{"is_admin":true}'],
]

const codeOf: Readonly<Record<number, string>> = {
  400: 'malformed_body',
  413: 'payload_too_large',
  422: 'invalid_body',
}

/** Fields of the right name and the wrong value. */
const wrongValues: readonly unknown[] = [1, [1], '\u0000', '\ud800', 'a'.repeat(20_000), 1e308]

const taking = operations.filter(({ takesBody }) => takesBody)

async function rowCounts(): Promise<Record<string, unknown>[]> {
  const counts = (await allTables()).map((table) => `select '${table}' as name, count(*)::int as rows from ${table}`)
  return await asOwner(counts.join(' union all '))
}

describe('every route that takes a body', () => {
  it('is among those that the document lists', () => {
    expect(taking.length).toBeGreaterThanOrEqual(8)
  })

  it.each(taking)('refuses what it cannot read or use, and writes nothing: $name', async (operation) => {
    const { token } = await newUser()
    const before = await rowCounts()
    for (const [name, status, body] of corpus) {
      const answer = await send(operation, token, body)
      expect([name, answer.status, answer.body.code]).toEqual([name, status, codeOf[status]])
    }
    for (const field of fieldsOf(operation)) {
      for (const value of wrongValues) {
        const answer = await send(operation, token, JSON.stringify({ [field]: value }))
        expect([field, JSON.stringify(value).slice(0, 20), answer.status]).toEqual([
          field,
          JSON.stringify(value).slice(0, 20),
          422,
        ])
      }
    }
    expect(await rowCounts()).toEqual(before)
  })

  it.each(taking)('counts the bytes of a stream that names no length: $name', async (operation) => {
    const { token } = await newUser()
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(16 * kilobyte).fill(0x20)),
    })
    expect((await send(operation, token, endless)).status).toBe(413)
  })

  it.each(taking)('takes JSON only: $name', async (operation) => {
    const { token } = await newUser()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await call<{ code: string }>(operation.method, pathOf(operation), {
        token,
        body: '{}',
        headers: { 'Content-Type': type },
      })
      expect([type, answer.status, answer.body.code]).toEqual([type, 415, 'unsupported_media_type'])
    }
  })
})

async function send(operation: (typeof operations)[number], token: string, body: BodyInit) {
  const { exports } = await import('cloudflare:workers')
  const response = await exports.default.fetch(
    new Request(`https://neuraform.test${pathOf(operation)}`, {
      method: operation.method,
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${token}`,
        'CF-Connecting-IP': `10.9.${Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}`,
      },
      body,
    }),
  )
  return { status: response.status, body: await response.json<{ code: string }>() }
}

function propertiesOf(name: string): Record<string, unknown> {
  const schema = contract.components?.schemas?.[name]
  return schema === undefined || '$ref' in schema ? {} : (schema.properties ?? {})
}

function fieldsOf({ document }: (typeof operations)[number]): string[] {
  const schema = JSON.stringify(document.requestBody?.content['application/json']?.schema)
  const name = /"#\/components\/schemas\/(\w+)"/.exec(schema)?.[1] ?? ''
  return Object.keys(propertiesOf(name))
}
