import { asc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Persona, PersonaPage } from '#src/personas/shapes.ts'
import { personas } from '#src/personas/tables.ts'
import { found } from '#src/db/rows.ts'
import { asUser, asVisitor, type Caller, type Db, type RequestScope } from '#src/db/scope.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'

const After = z.strictObject({ at: z.coerce.date(), id: z.uuid() })
type After = z.output<typeof After>

/** What this asker may see of the catalogue, oldest first: a person's session opens ratings that a visitor's lack. */
export async function listPersonas(asker: Asker, { limit, cursor }: PageQuery): Promise<PersonaPage> {
  const position = await readPosition(asker, 'personas', After, cursor)
  const [page] = await asAsker(asker, (db) => [selectPersonas(db, position.after, limit + 1)])
  position.check()
  const { rows, next_cursor } = await pageFrom(asker, 'personas', limit, page, (last) => ({
    at: last.createdAt,
    id: last.id,
  }))
  return { items: rows.map(personaFrom), next_cursor }
}

/** One persona. Throws `not_found` for one that is absent, or hidden from this asker. */
export async function getPersona(asker: Asker, id: string): Promise<Persona> {
  const [rows] = await asAsker(asker, (db) => [db.select(columns).from(personas).where(eq(personas.id, id))])
  return personaFrom(found(rows))
}

/** A person, or a visitor where nobody has signed in. */
type Asker = Caller | RequestScope

async function asAsker<T>(asker: Asker, build: (db: Db) => readonly [PromiseLike<T>]): Promise<[T]> {
  const [result] = 'tokenHash' in asker ? await asUser(asker, build) : await asVisitor(asker, build)
  return [result]
}

const columns = {
  id: personas.id,
  slug: personas.slug,
  ownerId: personas.ownerId,
  displayName: personas.displayName,
  description: personas.description,
  greeting: personas.greeting,
  alternateGreetings: personas.alternateGreetings,
  personalityConfig: personas.personalityConfig,
  voiceConfig: personas.voiceConfig,
  avatarUrl: personas.avatarUrl,
  vrmModelPath: personas.vrmModelPath,
  expressions: personas.expressions,
  tags: personas.tags,
  rating: personas.rating,
  createdAt: personas.createdAt,
  updatedAt: personas.updatedAt,
}

const selectPersonas = (db: Db, after: After | undefined, limit: number) =>
  db
    .select(columns)
    .from(personas)
    .where(after === undefined ? undefined : isAfter(after))
    .orderBy(asc(personas.createdAt), asc(personas.id))
    .limit(limit)

// One comparison of rows is where the index begins; “later, or as late and …” is a filter over all that came before.
const isAfter = ({ at, id }: After) =>
  sql`(${personas.createdAt}, ${personas.id}) > (${at.toISOString()}::timestamptz, ${id}::uuid)`

type PersonaRow = Awaited<ReturnType<typeof selectPersonas>>[number]

function personaFrom(row: PersonaRow): Persona {
  return {
    id: row.id,
    slug: row.slug,
    display_name: row.displayName,
    description: row.description,
    greeting: row.greeting,
    alternate_greetings: row.alternateGreetings,
    personality_config: row.personalityConfig,
    voice_config: row.voiceConfig,
    avatar_url: row.avatarUrl,
    vrm_model_path: row.vrmModelPath,
    expressions: row.expressions,
    tags: row.tags,
    rating: row.rating,
    is_built_in: row.ownerId === null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
