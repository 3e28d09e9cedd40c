import { z, type OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '#src/http/context.ts'
import { problemCodes, ProblemDocument, problems } from '#src/http/problem.ts'

/** A required JSON body of this shape. */
export const jsonBody = <T extends z.ZodType>(schema: T) => ({
  content: { 'application/json': { schema } },
  required: true,
})

/** A form of this shape, which the route reads with `readForm`: the document describes it, and nothing else. */
export function formBody(schema: z.ZodType) {
  const described = z.toJSONSchema(schema, { io: 'input' })
  delete described.$schema
  return { 'x-form': described }
}

/** A JSON answer of this shape. */
export const jsonContent = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
})

type Document = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>

/** The OpenAPI 3.1 document of every route, with the problems that each one may answer. */
export function openApiDocument(app: OpenAPIHono<AppEnv>, version: string): Document {
  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'http',
    scheme: 'bearer',
    description: 'The session_token that signing in answered.',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'cookie', {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-nf_session',
    description: 'The same token in a browser that signed in with `session_mode: "cookie"`.',
  })
  app.openAPIRegistry.register('Problem', ProblemDocument)
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'NeuraForm Edge',
      version,
      description: 'The backend of an AI companion app. Failures are RFC 9457 problem details.',
      license: { name: 'MIT' },
    },
  })
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of ['get', 'put', 'post', 'patch', 'delete'] as const) {
      describeForm(item[method])
      describeProblems(item[method])
    }
  }
  return document
}

interface Operation {
  requestBody?: unknown
  'x-form'?: unknown
  responses?: Record<string, unknown>
  'x-problems'?: unknown
  'x-pages'?: unknown
  operationId?: string
}

function describeForm(operation: Operation | undefined): void {
  const schema = operation?.['x-form']
  if (operation === undefined || schema === undefined) return
  operation.requestBody = { content: { 'application/x-www-form-urlencoded': { schema } }, required: true }
  delete operation['x-form']
}

function describeProblems(operation: Operation | undefined): void {
  if (operation === undefined) return
  const codes = z.array(problemCodes).parse(operation['x-problems'] ?? [])
  delete operation['x-problems']
  const page = operation['x-pages'] === true ? { 'text/html': { schema: { type: 'string' } } } : {}
  delete operation['x-pages']
  const byStatus = Map.groupBy(codes, (code) => problems[code].status)
  for (const [status, group] of [...byStatus].toSorted(([a], [b]) => a - b)) {
    operation.responses = {
      ...operation.responses,
      [status]: {
        description: group.map((code) => `\`${code}\`: ${problems[code].title}`).join(' '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } }, ...page },
      },
    }
  }
}
