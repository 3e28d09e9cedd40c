import { describe, expect, it } from 'vitest'
import { app, contract } from '#src/app.ts'
import { ask } from '#test/setup/ask.ts'
import { fuka, newUser } from '#test/setup/client.ts'
import { undocumented } from '#test/setup/documented.ts'
import { operations, pathOf } from '#test/setup/operations.ts'
import { newConversation } from '#test/setup/talk.ts'
import { someWords, walkEveryRoute } from '#test/setup/walk.ts'

/** The only objects whose names are the client's own, or of another API's requests. */
const freeObjects = new Set([
  'CharacterCard',
  'ChatCompletionRequest',
  'OpenAiSpeechRequest',
  'ChatMessage',
  'ChatRequest',
  'ChatUiMessage',
  'ChatUiPart',
  'ChatTextPart',
  'stream_options',
  'device_info',
  'metadata',
  'lorebook',
  'custom_settings',
  'notification_preferences',
  'personality_config',
  'ui_preferences',
  'voice_config',
])

/** Answered beside the contract: it is the contract. */
const beside = ['GET /openapi.json']

describe('the document', () => {
  it('knows every route', () => {
    const routes = app.routes.filter(({ method }) => method !== 'ALL')
    const names = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:([^/]+)/g, '{$1}')}`)
    const known = [...operations.map(({ name }) => name), ...beside]
    expect(new Set(names)).toEqual(new Set(known))
  })

  it.each(operations)('says what it is for, who may call it, and what can go wrong: $name', (operation) => {
    const { summary, tags, security, responses } = operation.document
    expect([summary, tags, security]).toEqual([
      expect.stringMatching(/^[A-Z].*\w$/),
      [expect.any(String)],
      expect.any(Array),
    ])
    const statuses = Object.keys(responses)
    expect(statuses.filter((status) => /^[23]/.test(status)).length).toBeGreaterThanOrEqual(1)
    const needed = ['400', '429', '500', '503']
    if (operation.readsSession) needed.push('401')
    if (operation.path.includes('{id}')) needed.push('404')
    if (operation.takesBody) needed.push('413', '415', '422')
    expect(statuses).toEqual(expect.arrayContaining(needed))
  })

  it('describes every object to its last field, and every reference leads somewhere', () => {
    const open: string[] = []
    const look = (schema: unknown, at: string): void => {
      if (typeof schema !== 'object' || schema === null) return
      if ('type' in schema && [schema.type].flat().includes('object')) {
        const more = 'additionalProperties' in schema ? schema.additionalProperties : true
        const isClosed = more === false || Object.keys(Object(more) as object).length > 0
        if (!isClosed && !freeObjects.has(at.split('/').at(-1) ?? '')) open.push(at)
      }
      if ('$ref' in schema && !((String(schema.$ref).split('/').at(-1) ?? '') in (contract.components?.schemas ?? {})))
        open.push(`${at} leads nowhere`)
      for (const [key, value] of Object.entries(schema)) look(value, `${at}/${key}`)
    }
    look({ paths: contract.paths, schemas: contract.components?.schemas }, '')
    expect(open).toEqual([])
  })
})

describe('every answer', () => {
  it('of the main job is what the document says it is', async () => {
    const exchanges = await walkEveryRoute(someWords())
    const seen = new Set(exchanges.map(({ operation }) => operation))
    expect(operations.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([])
    for (const exchange of exchanges) {
      const operation = operations.find(({ name }) => name === exchange.operation)
      const faults = operation === undefined ? ['the operation is not documented'] : undocumented(operation, exchange)
      expect([exchange.operation, exchange.label, faults]).toEqual([exchange.operation, exchange.label, []])
    }
  })

  it('to somebody who gave no more than was asked is so too', async () => {
    const { token } = await newUser()
    const { id } = await newConversation(token)
    const ids: Record<string, string> = { '/conversations': id, '/personas': fuka }
    for (const operation of operations.filter(({ method }) => method === 'GET')) {
      const own = Object.entries(ids).find(([prefix]) => operation.path.startsWith(prefix))?.[1]
      for (const reader of operation.readsSession ? [token, undefined] : [undefined]) {
        const answer = await ask('GET', pathOf(operation, own), { token: reader })
        expect([operation.name, undocumented(operation, answer)]).toEqual([operation.name, []])
      }
    }
  })
})
