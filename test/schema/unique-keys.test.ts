import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { rowsOf, tables } from '#test/schema/faults.ts'

const documentFile = join(import.meta.dirname, '../../openapi.json')
const Body = z.object({
  content: z.object({ 'application/json': z.object({ schema: z.object({ $ref: z.string().optional() }) }).optional() }),
})
const Contract = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ requestBody: Body.optional() }))),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})

/** The names of all properties that a schema has, at any depth. */
function propertiesOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    (key === 'properties' && typeof value === 'object' && value !== null ? Object.keys(value) : []).concat(
      propertiesOf(value),
    ),
  )
}

describe('every unique key', () => {
  it('is a person’s own, but for what nobody chooses: it tells nobody what others have', async () => {
    const found = await rowsOf(`
      select i.indexrelid::regclass::text as name, pg_get_expr(i.indpred, i.indrelid) as condition from pg_index i
      where i.indisunique and i.indrelid in (select c.oid from ${tables}) and not exists (
        select from pg_attribute a where a.attrelid = i.indexrelid and a.attname in ('id', 'user_id', 'chain_id'))
      order by 1`)
    expect(found).toEqual([
      { name: 'identities_issuer_subject_key', condition: null }, // a provider's word for somebody, verified
      { name: 'messages_conversation_id_seq_key', condition: null }, // counted by the database
      { name: 'personas_slug_key', condition: '(owner_id IS NULL)' }, // the house's own
      { name: 'retired_tokens_pkey', condition: null }, // the hash of a secret
      { name: 'shared_speech_cache_key_key', condition: null }, // the hash of what a companion publishes
      { name: 'shared_speech_r2_key_key', condition: null }, // made by the database, of an id that the Worker makes
      { name: 'speech_leases_pkey', condition: null }, // a hash with the person's own key, or of what is published
      { name: 'turns_key_hash_key', condition: null }, // the hash of a secret
      { name: 'user_sessions_token_hash_key', condition: null }, // the hash of a secret
      { name: 'users_email_index_key', condition: 'is_email_verified' }, // a provider's word again, hashed with a key
      { name: 'voice_data_r2_key_key', condition: null }, // made by the Worker, or by the database of its id
    ])
  })

  it('that is an id is made by the Worker: no request has a place for one', async () => {
    const { paths, components } = Contract.parse(JSON.parse(await readFile(documentFile, 'utf8')))
    const bodies = Object.values(paths)
      .flatMap((operations) => Object.values(operations))
      .flatMap(({ requestBody }) => requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1) ?? [])
    expect(bodies.length).toBeGreaterThanOrEqual(9)
    const opaque = Object.entries(paths).filter(([, operations]) =>
      Object.values(operations).some(({ requestBody }) => {
        const body = requestBody?.content['application/json']
        return body !== undefined && body.schema.$ref === undefined
      }),
    )
    expect(opaque.map(([path]) => path)).toEqual([])
    const named = bodies.filter((name) => propertiesOf(components.schemas[name]).includes('id'))
    // A chat's id is a name, from which an id follows for its person alone (test/api/chat-transport.test.ts); a voice's is
    // the vendor's, or that of a persona that is there.
    expect(named).toEqual(['ChatRequest', 'OpenAiSpeechRequest'])
  })
})
