import { and, eq, sql, type SQL } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { JsonObject } from '#src/db/columns.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import {
  claimedResource,
  claimFor,
  claimKey,
  isOurClaim,
  readClaim,
  refuseReusedKey,
  type Claim,
} from '#src/http/idempotency.ts'
import { Problem } from '#src/http/problem.ts'
import { lorebookOf } from '#src/personas/cards/lorebook-json.ts'
import { configFields, ownConfig } from '#src/personas/cards/neuraform-extension.ts'
import { personaFrom, personaNamed, type PersonaRow } from '#src/personas/personas.ts'
import type { NewPersona, Persona, PersonaChange } from '#src/personas/shapes.ts'
import { personas } from '#src/personas/tables.ts'

/** Makes a companion of one's own, also out of a card. Throws `invalid_body` for a lorebook that is none, `forbidden` for a rating beyond one's age, and `conflict` for more than 200. */
export async function createPersona(
  caller: Caller,
  input: NewPersona,
  idempotencyKey: string | undefined,
  card: JsonObject | null = null,
): Promise<Persona> {
  checkLorebook(input)
  const id = uuidv7()
  const claim = await claimFor(caller.config, idempotencyKey, id, ['persona', input, card])
  const config = { ...ownConfig(input.personality_config ?? {}), ...configOf(input) }
  const rating = input.rating ?? 'everyone'
  const [admitted, , , claims, rows] = await asUser(caller, (db) => [
    isAdmitted(db, rating),
    claimKey(db, claim),
    db.execute(sql`
      insert into ${personas} (id, display_name, description, system_prompt, greeting, alternate_greetings, example_dialogue, lorebook,
        personality_config, voice_config, avatar_url, vrm_model_path, expressions, tags, rating, is_public, is_forkable, card)
      select ${id}::uuid, ${input.display_name}, ${input.description ?? ''}, ${input.system_prompt ?? ''}, ${input.greeting ?? ''},
        ${sql.param(input.alternate_greetings ?? [])}::text[], ${input.example_dialogue ?? ''}, ${json(input.lorebook ?? {})},
        ${json(config)}, ${json(input.voice_config ?? {})}, ${input.avatar_url ?? null}, ${input.vrm_model_path ?? null},
        ${sql.param(input.expressions ?? [])}::text[], ${sql.param(input.tags ?? [])}::text[], ${rating},
        ${input.is_public ?? false}, ${input.is_forkable ?? false}, ${card === null ? null : json(card)}
      where ${isOurClaim(claim)} and ${ratingIsAdmitted(rating)} and ${hasRoom}`),
    readClaim(db, claim),
    personaNamed(db, claimedResource(claim)),
  ])
  return madePersona(caller, claim, claims, admitted.rows[0]?.['is_admitted'] === true, rows)
}

function madePersona(
  caller: Caller,
  claim: Claim,
  claims: Parameters<typeof refuseReusedKey>[1],
  isAdmittedRating: boolean,
  rows: readonly PersonaRow[],
): Persona {
  refuseReusedKey(claim, claims)
  if (rows.length === 0) throw isAdmittedRating ? noRoom() : beyondAge()
  return personaFrom(found(rows), caller)
}

const noRoom = () =>
  new Problem('conflict', `You have ${mostOfOnesOwn} companions, and that is as many as one may have.`)
const beyondAge = () => new Problem('forbidden', 'This rating is for people who are older than you.')

const json = (value: JsonObject) => sql`${JSON.stringify(value)}::jsonb`

const mostOfOnesOwn = 200
const hasRoom = sql`(select count(*) from ${personas} o where o.owner_id = app.current_user_id()) < ${mostOfOnesOwn}`

const ratingIsAdmitted = (rating: string) => sql`${rating} = any ((select app.admitted_ratings())::text[])`
const isAdmitted = (db: Db, rating: string) => db.execute(sql`select ${ratingIsAdmitted(rating)} as is_admitted`)

function checkLorebook({ lorebook }: PersonaChange): void {
  if (lorebook !== undefined) lorebookOf(lorebook)
}

/** The texts of a definition that stand in `personality_config`, as far as they are given. */
const configOf = (input: PersonaChange): JsonObject =>
  Object.fromEntries(configFields.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])))

/** Changes what it names. Throws `not_found` unless it is one's own, and what making one does. */
export async function updatePersona(caller: Caller, id: string, change: PersonaChange): Promise<Persona> {
  checkLorebook(change)
  const { rating } = change
  const [admitted, rows] = await asUser(caller, (db) => [
    rating === undefined ? undefined : isAdmitted(db, rating),
    db
      .update(personas)
      .set({
        ...given('displayName', change.display_name),
        ...given('description', change.description),
        ...given('systemPrompt', change.system_prompt),
        ...given('greeting', change.greeting),
        ...given('alternateGreetings', change.alternate_greetings),
        ...given('exampleDialogue', change.example_dialogue),
        ...given('lorebook', change.lorebook),
        ...given('personalityConfig', changedConfig(change)),
        ...given('voiceConfig', change.voice_config),
        ...given('avatarUrl', change.avatar_url),
        ...given('vrmModelPath', change.vrm_model_path),
        ...given('expressions', change.expressions),
        ...given('tags', change.tags),
        ...given('rating', rating),
        ...given('isPublic', change.is_public),
        ...given('isForkable', change.is_forkable),
        updatedAt: sql`now()`,
      })
      .where(and(eq(personas.id, id), rating === undefined ? undefined : ratingIsAdmitted(rating)))
      .returning(),
  ])
  if (admitted !== undefined && admitted.rows[0]?.['is_admitted'] !== true) throw beyondAge()
  return personaFrom(found(rows), caller)
}

const given = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed name widens to string
  (value === undefined ? {} : { [name]: value }) as { [name in Name]?: Value }

/** An app's own settings and the author's texts stand in one column, and each may change alone. */
function changedConfig(change: PersonaChange): SQL | undefined {
  const texts = configOf(change)
  if (change.personality_config === undefined && Object.keys(texts).length === 0) return undefined
  const names = sql.param([...configFields])
  const own =
    change.personality_config === undefined
      ? sql`${personas.personalityConfig} - ${names}::text[]`
      : json(ownConfig(change.personality_config))
  const kept = sql`coalesce((select jsonb_object_agg(c.key, c.value) from jsonb_each(${personas.personalityConfig}) c
    where c.key = any (${names}::text[])), '{}')`
  return sql`(${own}) || ${kept} || ${json(texts)}`
}

/** Deletes one's own companion. Conversations of others go on with a copy of it. Throws `not_found`. */
export async function deletePersona(caller: Caller, id: string): Promise<void> {
  const [rows] = await asUser(caller, (db) => [
    db.delete(personas).where(eq(personas.id, id)).returning({ id: personas.id }),
  ])
  found(rows)
}

/** Copies a companion, with what makes it speak, into one of one's own. Throws `not_found`, and `forbidden` for one whose author does not share that. */
export async function forkPersona(caller: Caller, id: string, idempotencyKey: string | undefined): Promise<Persona> {
  const claim = await claimFor(caller.config, idempotencyKey, uuidv7(), ['fork', id])
  const [, , claims, originals, rows] = await asUser(caller, (db) => [
    claimKey(db, claim),
    db.execute(sql`
      insert into ${personas} (id, display_name, description, system_prompt, greeting, alternate_greetings, example_dialogue, lorebook,
        personality_config, voice_config, avatar_url, vrm_model_path, expressions, tags, rating, card)
      select ${claim.resourceId}::uuid, p.display_name, p.description, p.system_prompt, p.greeting, p.alternate_greetings,
        p.example_dialogue, p.lorebook, p.personality_config, p.voice_config, p.avatar_url, p.vrm_model_path, p.expressions, p.tags,
        p.rating, p.card
      from ${personas} p where p.id = ${id} and p.is_active and (p.owner_id = app.current_user_id() or p.is_forkable)
        and ${isOurClaim(claim)} and ${hasRoom}`),
    readClaim(db, claim),
    personaNamed(db, id),
    personaNamed(db, claimedResource(claim)),
  ])
  refuseReusedKey(claim, claims)
  // Made before, it is there, whatever became of the original.
  if (rows[0] !== undefined) return personaFrom(rows[0], caller)
  const original = personaFrom(found(originals), caller)
  if (original.is_own || original.is_forkable) throw noRoom()
  throw new Problem('forbidden', 'Its author does not share what makes it speak.')
}
