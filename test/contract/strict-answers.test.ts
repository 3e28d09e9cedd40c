import Ajv from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { contract } from '#src/app.ts'
import { operations } from '#test/setup/operations.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema({ $id: 'contract', components: contract.components })

/** The schema as ajv finds it: references point into the whole document. */
const resolved = (schema: unknown): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/')) as object

describe('the OpenAPI document', () => {
  it('says of every operation what it is for, who may call it, and what can go wrong', () => {
    for (const { name, document } of operations) {
      expect([name, document.summary, document.tags?.length]).toEqual([name, expect.stringMatching(/\w/), 1])
      const statuses = Object.keys(document.responses).map(Number)
      expect(statuses.some((status) => status < 300)).toBe(true)
      expect(statuses).toEqual(expect.arrayContaining([400, 429, 500, 503]))
    }
  })

  it('describes every object to its last field', () => {
    const open: string[] = []
    const look = (schema: unknown, at: string): void => {
      if (typeof schema !== 'object' || schema === null) return
      if ('type' in schema && schema.type === 'object' && !('additionalProperties' in schema)) open.push(at)
      for (const [key, value] of Object.entries(schema)) look(value, `${at}/${key}`)
    }
    look(contract.components?.schemas, '')
    expect(open).toEqual([])
  })
})

describe('every answer', () => {
  it('is what the document says it is', async () => {
    const exchanges = await walkEveryRoute(someWords())
    const seen = new Set(exchanges.map(({ operation }) => operation))
    expect(operations.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([])
    for (const { operation, label, status, headers, text } of exchanges) {
      const described = operations.find(({ name }) => name === operation)?.document.responses[status]
      expect([operation, label, status, described === undefined]).toEqual([operation, label, status, false])
      const type = headers.get('Content-Type')?.split(';')[0] ?? ''
      const schema = described?.content?.[type]?.schema
      if (!type.includes('json')) continue
      expect([operation, label, schema === undefined]).toEqual([operation, label, false])
      const validate = ajv.compile(resolved(schema))
      expect([operation, label, validate(JSON.parse(text)), validate.errors]).toEqual([operation, label, true, null])
    }
  })
})
