import { z } from '@hono/zod-openapi'

export const Health = z.strictObject({ status: z.enum(['live', 'ready']) }).openapi('Health')
export type Health = z.output<typeof Health>

export const Version = z
  .strictObject({ name: z.string(), version: z.string(), environment: z.string(), deployment: z.string().nullable() })
  .openapi('Version')
export type Version = z.output<typeof Version>
