import { z } from '@hono/zod-openapi'
import { idField, momentField, textField } from '#src/http/fields.ts'
import { pageOf, PageQuery } from '#src/http/page.ts'

const memoryExample = {
  id: '01a219c7-2b10-7f3e-9a41-6c1d2e3f4a5b',
  persona_id: '0198f000-0000-7000-8000-000000000001',
  content: 'Has an astronomy examination, and is nervous about it.',
  origin: 'companion',
  source_message_ids: ['01a219c7-19f1-7a52-8c1b-0f6e2d4b7a91'],
  created_at: '2026-11-26T20:15:06.020Z',
  edited_at: null,
}

/** The longest memory, in characters. */
export const mostMemoryCharacters = 500

/** What is remembered about a person. Content that cannot be opened any more is null. */
export const Memory = z
  .strictObject({
    id: idField,
    persona_id: idField.nullable().openapi({ description: 'Which companion remembers it; null is all of them.' }),
    content: z.string().nullable(),
    origin: z.enum(['person', 'companion']).openapi({
      description: 'Whether you wrote it, or it was drawn from what you said.',
    }),
    source_message_ids: z.array(idField).openapi({
      description: 'The messages that it was drawn from: it goes with the first of them that is deleted or edited.',
    }),
    created_at: momentField,
    edited_at: momentField.nullable().openapi({ description: 'When you changed it last.' }),
  })
  .openapi('Memory', { example: memoryExample })
export type Memory = z.output<typeof Memory>

export const MemoryPage = pageOf(Memory).openapi('MemoryPage', {
  example: { items: [memoryExample], next_cursor: null },
})
export type MemoryPage = z.output<typeof MemoryPage>

/** Whose memories: those that a companion has, its own and the shared ones, or everything. */
export const MemoryQuery = PageQuery.extend({
  persona_id: idField.optional().openapi({ description: 'What this companion remembers: its own and what all do.' }),
})
export type MemoryQuery = z.output<typeof MemoryQuery>

/** Which memories are forgotten at once: without a companion all of them. */
export const ForgetQuery = z.strictObject({
  persona_id: idField.optional().openapi({ description: 'Only what this companion alone remembers.' }),
})

/** How many memories were forgotten. */
export const Forgotten = z.strictObject({ forgotten: z.int() }).openapi('Forgotten', { example: { forgotten: 3 } })
export type Forgotten = z.output<typeof Forgotten>

const contentField = textField({ max: mostMemoryCharacters })

/** Something to remember. */
export const NewMemory = z
  .strictObject({
    content: contentField,
    persona_id: idField.nullable().optional().openapi({ description: 'Who remembers it; all if left out.' }),
  })
  .openapi('NewMemory', { example: { content: 'Likes to be called Robin.' } })
export type NewMemory = z.output<typeof NewMemory>

/** What may change of a memory. */
export const MemoryChange = z
  .strictObject({ content: contentField, persona_id: idField.nullable() })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must name at least one field')
  .openapi('MemoryChange', { example: { content: 'Has passed the astronomy examination.' } })
export type MemoryChange = z.output<typeof MemoryChange>

const MemorySource = z.strictObject({
  message_id: idField,
  conversation_id: idField,
  content: z.string().nullable(),
  created_at: momentField,
})

/** Why something is remembered: the words that it was drawn from, oldest first; none where its person wrote it. */
export const MemoryReason = z.strictObject({ memory: Memory, sources: z.array(MemorySource) }).openapi('MemoryReason', {
  example: {
    memory: memoryExample,
    sources: [
      {
        message_id: '01a219c7-19f1-7a52-8c1b-0f6e2d4b7a91',
        conversation_id: '01a219c7-1980-72eb-8d4c-e845b46a94b6',
        content: 'I am nervous about my astronomy examination tomorrow.',
        created_at: '2026-11-26T20:15:02.310Z',
      },
    ],
  },
})
export type MemoryReason = z.output<typeof MemoryReason>

/** What a person decided about being remembered. */
export const MemorySettings = z
  .strictObject({
    is_enabled: z.boolean().openapi({
      description:
        'Off, nothing is drawn from what you say and no companion is told what is remembered; it stays listed.',
    }),
    is_shared: z.boolean().openapi({
      description: 'Whether what is drawn from now on is for all companions, or for the one to whom it was said.',
    }),
  })
  .openapi('MemorySettings', { example: { is_enabled: true, is_shared: false } })
export type MemorySettings = z.output<typeof MemorySettings>

/** The same, of which it changes what it names. */
export const MemorySettingsChange = MemorySettings.partial()
  .refine((change) => Object.keys(change).length > 0, 'must name at least one field')
  .openapi('MemorySettingsChange', { example: { is_enabled: false } })
export type MemorySettingsChange = z.output<typeof MemorySettingsChange>
