import { expect, it } from 'vitest'
import { contract } from '#src/app.ts'
import { schemaFaults } from '#test/setup/documented.ts'
import { operations } from '#test/setup/operations.ts'

type Schema = { readonly $ref?: string; readonly example?: unknown }
type Content = Readonly<Record<string, { readonly schema: unknown }>> | undefined

const schemas = (contract.components?.schemas ?? {}) as Readonly<Record<string, Schema>>
const talking = operations.filter(
  ({ document }) => document.tags?.includes('Conversations') || document.summary?.includes('costs money'),
)
const jsonOf = (content: Content) => content?.['application/json']?.schema as Schema | undefined
const nameOf = (schema: Schema | undefined) => schema?.$ref?.split('/').at(-1)

it('every body of a conversation’s routes, asked and answered, has an example that is one', () => {
  const contents = talking.flatMap(({ document }) =>
    Object.entries(document.responses)
      .filter(([status]) => status.startsWith('2'))
      .map(([, { content }]): Content => content)
      .concat(document.requestBody?.content),
  )
  const bodies = contents.map(jsonOf)
  const names = [...new Set(bodies.flatMap((schema) => nameOf(schema) ?? []))]
  expect(names.length).toBeGreaterThan(15)
  const without = names.filter((name) => schemas[name]?.example === undefined)
  expect(without).toEqual([])
  for (const name of names) {
    const example = schemas[name]?.example
    if (example !== undefined) {
      expect([name, schemaFaults({ $ref: `#/components/schemas/${name}` }, example)]).toEqual([name, []])
    }
  }
})
