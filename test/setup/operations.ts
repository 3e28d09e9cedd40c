import { contract } from '#src/app.ts'

/** One operation of the OpenAPI document. */
export interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  /** Whether it answers 401 without a credential. */
  readonly needsSession: boolean
  /** Whether it answers 401 to a bad credential. */
  readonly readsSession: boolean
  /** Whether it takes JSON. */
  readonly takesBody: boolean
  readonly document: OperationDocument
}

interface OperationDocument {
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly Record<string, unknown>[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: unknown }> }
  readonly responses: Record<string, ResponseDocument>
}

interface ResponseDocument {
  readonly description?: string
  readonly content?: Record<string, { readonly schema: unknown }>
}

const methods = new Set(['get', 'put', 'post', 'patch', 'delete'])

/** Every operation of the document, so that a new route is tested before anybody thinks of it. */
export const operations: readonly Operation[] = Object.entries(contract.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item as Record<string, OperationDocument>)
    .filter(([method]) => methods.has(method))
    .map(([method, document]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      needsSession:
        (document.security ?? [{}]).every((way) => Object.keys(way).length > 0) && document.security?.length !== 0,
      readsSession: (document.security?.length ?? 0) > 0,
      takesBody: document.requestBody?.content['application/json'] !== undefined,
      document,
    })),
)

export const absentId = '01900000-0000-7000-8000-000000000000'

/** A path of the operation with an id in it, and the query that it cannot do without; `a/b` names a turn or a message `b` of a conversation `a`. */
export function pathOf({ path, name }: Operation, id = absentId): string {
  const [own = '', part = own] = /\{(turn|message)_id\}/.test(path) ? id.split('/') : [id]
  return `${path}${name === 'GET /search' ? '?q=word' : ''}`
    .replace('{id}', own)
    .replace(/\{(turn|message)_id\}/, part)
    .replace('{model}', own)
    .replace('{chat_id}', own)
    .replace('{provider}', id === absentId ? 'google' : id)
}
