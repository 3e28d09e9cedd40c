import Ajv from 'ajv/dist/2020.js'
import { contract } from '#src/app.ts'
import { problems, type ProblemCode } from '#src/http/problem.ts'
import type { Operation } from '#test/setup/operations.ts'

const ajv = new Ajv({ strict: false, allErrors: true })
ajv.addSchema({ $id: 'contract', components: contract.components })
const formats: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'date-time': /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z$/,
  date: /^\d{4}-[01]\d-[0-3]\d$/,
  uri: /^https:\/\/[^\s]+$/,
  binary: /^/,
}
for (const [name, pattern] of Object.entries(formats)) ajv.addFormat(name, pattern)

const validators = new Map<string, ReturnType<Ajv['compile']>>()

/** What ajv has against a value, by a schema of the document; its references point into the whole document. */
export function schemaFaults(schema: unknown, value: unknown): string[] {
  const text = JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/')
  const validate = validators.get(text) ?? ajv.compile(JSON.parse(text) as object)
  validators.set(text, validate)
  return validate(value) === true
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** What an answer has that the document does not say of its operation. Empty for every answer that we may give. */
export function undocumented(operation: Operation, answer: Answer): string[] {
  const described = operation.document.responses[answer.status]
  if (described === undefined) return [`status ${answer.status} is not documented`]
  const type = answer.headers.get('Content-Type')?.split(';', 1)[0] ?? ''
  if (described.content === undefined) return answer.text === '' ? [] : ['a body is not documented']
  const schema = described.content[type]?.schema
  if (schema === undefined) return [`the media type ${type} is not documented`]
  const faults = type.endsWith('json') ? schemaFaults(schema, JSON.parse(answer.text)) : []
  return type === 'application/problem+json' ? [...faults, ...problemFaults(answer, described)] : faults
}

function problemFaults({ status, headers, text }: Answer, { description }: { description?: string }): string[] {
  const body = JSON.parse(text) as { code: ProblemCode; status: number; title: string; type: string }
  const { code } = body
  return [
    ...(body.status === status && problems[code].status === status ? [] : [`the body says ${body.status}`]),
    ...(body.title === problems[code].title ? [] : ['the title is not of the registry']),
    ...(body.type === `urn:neuraform:problem:${code}` ? [] : ['the type is not of the registry']),
    ...(description?.includes(`\`${code}\``) === true ? [] : [`the code ${code} is not documented`]),
    ...(headers.has('WWW-Authenticate') === (status === 401) ? [] : ['WWW-Authenticate']),
    ...(headers.has('Retry-After') || ![429, 503, 504].includes(status) ? [] : ['no Retry-After']),
    ...(headers.get('Cache-Control') === 'no-store' ? [] : ['may be kept by a cache']),
  ]
}
