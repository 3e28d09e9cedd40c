import { z } from '@hono/zod-openapi'
import { idField, momentField } from '#src/http/fields.ts'

/** The receipt of a leaving account. */
export const ErasureReceipt = z.strictObject({ erasure_id: idField, status_url: z.string() }).openapi('ErasureReceipt')
export type ErasureReceipt = z.output<typeof ErasureReceipt>

/** How far an erasure has come. It names nobody. */
export const Erasure = z
  .strictObject({
    id: idField,
    state: z.enum(['running', 'complete']),
    requested_at: momentField,
    completed_at: momentField.nullable(),
  })
  .openapi('Erasure')
export type Erasure = z.output<typeof Erasure>
