import { z } from '@hono/zod-openapi'
import { idField, jsonObjectField, momentField } from '#src/http/fields.ts'
import { pageOf } from '#src/http/page.ts'

/** A companion, with what an app needs to show it. What makes it speak (its prompt) stays with the service. */
export const Persona = z
  .strictObject({
    id: idField,
    slug: z.string().nullable(),
    display_name: z.string(),
    description: z.string(),
    greeting: z.string(),
    alternate_greetings: z.array(z.string()),
    personality_config: jsonObjectField,
    voice_config: jsonObjectField,
    avatar_url: z.string().nullable(),
    vrm_model_path: z.string().nullable(),
    expressions: z.array(z.string()),
    tags: z.array(z.string()),
    rating: z.enum(['everyone', '16', '18']),
    is_built_in: z.boolean(),
    created_at: momentField,
    updated_at: momentField,
  })
  .openapi('Persona')
export type Persona = z.output<typeof Persona>

export const PersonaPage = pageOf(Persona).openapi('PersonaPage')
export type PersonaPage = z.output<typeof PersonaPage>
