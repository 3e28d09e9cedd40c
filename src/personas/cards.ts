import { found } from '#src/db/rows.ts'
import { asUser, sessionOf, type Caller } from '#src/db/scope.ts'
import { readBounded } from '#src/http/bounded-body.ts'
import { Problem, type Fault } from '#src/http/problem.ts'
import { decodeCardText, parseCardJson } from '#src/personas/cards/card.ts'
import { readCharx } from '#src/personas/cards/charx.ts'
import { cardToPersona, exportPersona, type PersonaFields } from '#src/personas/cards/mapping.ts'
import { configFields, ownConfig } from '#src/personas/cards/neuraform-extension.ts'
import { readPngCard, writePngCard } from '#src/personas/cards/png.ts'
import { createPersona } from '#src/personas/own-personas.ts'
import { personaNamed, type PersonaRow } from '#src/personas/personas.ts'
import { NewPersona, type Persona } from '#src/personas/shapes.ts'

/** What a CHARX may have; the others less. */
const mostBytes = 20 * 1_024 * 1_024

/**
 * Makes a companion out of a character card (V1, V2 or V3; JSON, PNG or CHARX, known by its first bytes). It is private, and for
 * everyone's age that the card says. Throws `payload_too_large`, `malformed_body`, `invalid_body` with what is wrong, and what
 * making one does.
 */
export async function importCard(
  caller: Caller,
  body: ReadableStream<Uint8Array> | null,
  idempotencyKey: string | undefined,
): Promise<Persona> {
  const read = await readCard(body).catch(async (error: unknown) => {
    // Who may not send one is not told what is wrong with it.
    await asUser(caller, () => [])
    throw error
  })
  return await createPersona(caller, read.input, idempotencyKey, read.card)
}

async function readCard(body: ReadableStream<Uint8Array> | null) {
  const bytes = await readBounded(body, mostBytes)
  if (bytes === undefined) throw new Problem('payload_too_large', `The limit is ${mostBytes} bytes.`)
  const { card, ...columns } = cardToPersona(parseCardJson(await cardTextOf(bytes)))
  const texts = Object.fromEntries(configFields.map((name) => [name, columns.personality_config[name] ?? '']))
  const input = NewPersona.safeParse({
    ...columns,
    ...texts,
    personality_config: ownConfig(columns.personality_config),
  })
  if (!input.success) {
    throw new Problem('invalid_body', 'The card does not fit.', { errors: faultsOf(input.error.issues) })
  }
  return { input: input.data, card }
}

async function cardTextOf(bytes: Uint8Array): Promise<string> {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return await readPngCard(bytes)
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return (await readCharx(bytes)).text
  return decodeCardText(bytes)
}

const faultsOf = (issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): Fault[] =>
  issues.slice(0, 20).map(({ path, message }) => ({ pointer: `/${path.map(String).join('/')}`, detail: message }))

/** A companion as the JSON text of a card. Throws `not_found`, and `forbidden` for one whose author does not share what makes it speak. */
export async function exportJson(caller: Caller, id: string, spec: 2 | 3): Promise<string> {
  return exportPersona(fieldsOf(await sharedPersona(caller, id)), spec)
}

/** The same in a picture, as both versions. */
export async function exportPng(caller: Caller, id: string): Promise<Uint8Array> {
  const fields = fieldsOf(await sharedPersona(caller, id))
  return writePngCard(undefined, exportPersona(fields, 2), exportPersona(fields, 3))
}

async function sharedPersona(caller: Caller, id: string): Promise<PersonaRow> {
  const [rows] = await asUser(caller, (db) => [personaNamed(db, id)])
  const row = found(rows)
  if (row.ownerId !== sessionOf(caller).userId && !row.isForkable) {
    throw new Problem('forbidden', 'Its author does not share what makes it speak.')
  }
  return row
}

const fieldsOf = (row: PersonaRow): PersonaFields => ({
  display_name: row.displayName,
  description: row.description,
  system_prompt: row.systemPrompt,
  greeting: row.greeting,
  alternate_greetings: row.alternateGreetings,
  example_dialogue: row.exampleDialogue,
  lorebook: row.lorebook,
  personality_config: row.personalityConfig,
  voice_config: row.voiceConfig,
  vrm_model_path: row.vrmModelPath,
  expressions: row.expressions,
  tags: row.tags,
  rating: row.rating,
  card: row.card,
})
