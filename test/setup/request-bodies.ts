import * as fc from 'fast-check'
import { contract } from '#src/app.ts'
import type { Operation } from '#test/setup/operations.ts'

/** What our documents use of JSON Schema 2020-12. */
interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly minItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
}

export type Body = Readonly<Record<string, unknown>>

function resolve(schema: Schema): Schema {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(schema.$ref ?? '')?.[1]
  return name === undefined ? schema : (contract.components?.schemas?.[name] as Schema)
}

const schemaOf = ({ document }: Operation): Schema =>
  resolve(document.requestBody?.content['application/json']?.schema as Schema)

/** The fields that a body may name. */
export const fieldsOf = (operation: Operation): string[] => Object.keys(schemaOf(operation).properties ?? {})

/** The fields whose value is an object of the client's own making. */
export const freeFieldsOf = (operation: Operation): string[] =>
  fieldsOf(operation).filter((field) => schemaOf(operation).properties?.[field]?.additionalProperties === true)

/** The fields that name something by its id. */
export const idFieldsOf = (operation: Operation): string[] =>
  fieldsOf(operation).filter((field) => schemaOf(operation).properties?.[field]?.format === 'uuid')

/** The smallest body that the document allows, of plain values. */
export const smallestBody = (operation: Operation): Body =>
  saidBodies[operation.name] ?? smallestOf(schemaOf(operation))

/** Where the document cannot say what a good body is. */
const saidBodies: Readonly<Record<string, Body>> = {
  'POST /chat': { id: 'chat', messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }] },
}

const smallestOf = ({ required = [], properties = {} }: Schema): Body =>
  Object.fromEntries(required.map((field) => [field, plainOfSchema(properties[field])]))

/**
 * Bodies that the document allows: the smallest, and that with one more field each. The document cannot say every rule,
 * so a few may be refused; one of them is good unless the document misleads.
 */
export function plainBodies(operation: Operation): Body[] {
  const smallest = smallestBody(operation)
  const more = fieldsOf(operation).filter((field) => !(field in smallest))
  return [
    smallest,
    ...more.map((field) => withField([smallest, field, plainOfSchema(schemaOf(operation).properties?.[field])])),
  ]
}

function plainOfSchema(schema: Schema = {}): unknown {
  const { type, enum: values, format, minLength = 1, minItems = 0, items } = resolve(schema)
  if (values !== undefined) return values[0]
  const kind = [type].flat()[0]
  if (kind === 'boolean') return true
  if (kind === 'integer' || kind === 'number') return 1
  if (kind === 'array') return Array.from({ length: minItems }, () => plainOfSchema(items))
  if (kind === 'object') return smallestOf(resolve(schema))
  return (format === undefined ? undefined : plainOf[format]) ?? 'x'.repeat(minLength)
}

const plainOf: Readonly<Record<string, string>> = {
  uuid: '01900000-0000-7000-8000-000000000000',
  date: '1990-06-15',
  uri: 'https://example.com/a.png',
}

/** Bodies that the document allows, and bodies that break it in one place or more. */
export function anyBody(operation: Operation): fc.Arbitrary<unknown> {
  const allowed = arbitraryOf(schemaOf(operation))
  const stray = fc.tuple(allowed, anyText, anyJson).map(withField)
  const spoilt = fc.tuple(allowed, fc.constantFrom(...fieldsOf(operation)), anyJson).map(withField)
  return fc.oneof({ arbitrary: allowed, weight: 3 }, { arbitrary: spoilt, weight: 3 }, stray, anyJson)
}

const withField = ([body, name, value]: [unknown, string, unknown]): Body => ({ ...(body as Body), [name]: value })

const anyText = fc.string({ unit: 'binary', maxLength: 40 })
const anyJson = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 })

function arbitraryOf(given: Schema): fc.Arbitrary<unknown> {
  const schema = resolve(given)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  return fc.oneof(...[schema.type ?? 'null'].flat().map((type) => ofType(type, schema)))
}

function ofType(type: string, schema: Schema): fc.Arbitrary<unknown> {
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer') return fc.integer()
  if (type === 'string') return textOf(schema)
  if (type === 'array') return fc.array(arbitraryOf(schema.items ?? {}), { maxLength: schema.maxItems ?? 5 })
  if (type !== 'object') return fc.constant(null)
  if (schema.additionalProperties === true) return fc.dictionary(anyText, anyJson, { maxKeys: 5 })
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => [name, arbitraryOf(field)] as const)
  return fc.record(Object.fromEntries(fields), { requiredKeys: [...(schema.required ?? [])] as never[] })
}

function textOf({ format, minLength = 0, maxLength = 100 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid({ version: [4, 7] })
  if (format === 'date') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10))
  if (format === 'uri') return fc.webUrl({ validSchemes: ['https', 'http'] })
  return fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, 200) })
}
