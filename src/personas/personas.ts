import { and, asc, desc, eq, getTableColumns, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { ownConfig } from '#src/personas/cards/neuraform-extension.ts'
import type { Persona, PersonaPage, PersonaQuery } from '#src/personas/shapes.ts'
import { personas, userPersonaPreferences } from '#src/personas/tables.ts'
import { found } from '#src/db/rows.ts'
import { asUser, asVisitor, type Caller, type Db, type RequestScope } from '#src/db/scope.ts'
import { pageFrom, readPosition } from '#src/http/page.ts'
import { Problem } from '#src/http/problem.ts'

const After = z.union([
  z.strictObject({ at: z.coerce.date(), id: z.uuid() }),
  z.strictObject({ used: z.int(), id: z.uuid() }),
])
type After = z.output<typeof After>

/** What this asker may see of the catalogue: a person's session opens ratings that a visitor's lack. Throws `invalid_cursor`. */
export async function listPersonas(asker: Asker, { limit, cursor, ...wish }: PersonaQuery): Promise<PersonaPage> {
  // A cursor is of one list: what is asked for and in which order is its name.
  const list = `personas:${JSON.stringify(wish)}`
  const position = await readPosition(asker, list, After, cursor)
  // A visitor has neither favourites nor companions.
  const isOnesOwn = wish.is_favorite !== undefined || wish.owner === 'me'
  if (isOnesOwn && !('tokenHash' in asker)) throw new Problem('unauthenticated')
  const [page] = await asAsker(asker, (db) => [selectPage(db, asker, wish, position.after, limit + 1)])
  position.check()
  const { rows, next_cursor } = await pageFrom(asker, list, limit, page, (last) =>
    wish.sort === 'use' ? { used: last.useCount, id: last.id } : { at: last.createdAt, id: last.id },
  )
  return { items: rows.map((row) => personaFrom(row, asker)), next_cursor }
}

/** One persona. Throws `not_found` for one that is absent, or hidden from this asker. */
export async function getPersona(asker: Asker, id: string): Promise<Persona> {
  const [rows] = await asAsker(asker, (db) => [personaNamed(db, id)])
  return personaFrom(found(rows), asker)
}

/** A person, or a visitor where nobody has signed in. */
type Asker = Caller | RequestScope

async function asAsker<T>(asker: Asker, build: (db: Db) => readonly [PromiseLike<T>]): Promise<[T]> {
  const [result] = 'tokenHash' in asker ? await asUser(asker, build) : await asVisitor(asker, build)
  return [result]
}

/** The stored columns behind one Persona. */
export const selectPersonas = (db: Db) => db.select().from(personas)
export const personaNamed = (db: Db, id: string | SQL) => selectPersonas(db).where(eq(personas.id, id))

type Wish = Omit<PersonaQuery, 'limit' | 'cursor'>

const orders = {
  oldest: [asc(personas.createdAt), asc(personas.id)],
  newest: [desc(personas.createdAt), desc(personas.id)],
  use: [sql`${personas.useCount} desc nulls last`, sql`${personas.id} desc nulls last`],
}

const {
  card: _card,
  lorebook: _lorebook,
  systemPrompt: _prompt,
  exampleDialogue: _dialogue,
  ...listed
} = getTableColumns(personas)

// What makes a hundred companions speak would not fit into an isolate.
const selectPage = (db: Db, asker: Asker, wish: Wish, after: After | undefined, limit: number) =>
  db
    .select(listed)
    .from(personas)
    .where(
      and(
        sql`is_active`,
        isListedFor(asker),
        after === undefined ? undefined : isBeyond(wish.sort, after),
        wish.q === undefined
          ? undefined
          : sql`position(lower(${wish.q}) in lower(${personas.displayName} || ' ' || ${personas.description})) > 0`,
        wish.tag === undefined ? undefined : sql`${wish.tag} = any (${personas.tags})`,
        wish.owner === undefined ? undefined : isOf(wish.owner),
        wish.is_favorite === undefined ? undefined : isFavorite(wish.is_favorite),
      ),
    )
    .orderBy(...orders[wish.sort])
    .limit(limit)

// What the policy says of companions that are not frozen: as a condition of the list it is what its indexes are chosen by.
const isListedFor = (asker: Asker) =>
  'tokenHash' in asker
    ? sql`(${personas.ownerId} = (select app.current_user_id()) or ${personas.isPublic})`
    : sql`${personas.isPublic}`

function isOf(owner: NonNullable<Wish['owner']>): SQL {
  if (owner === 'house') return sql`${personas.ownerId} is null`
  return owner === 'me'
    ? sql`${personas.ownerId} = app.current_user_id()`
    : sql`${personas.ownerId} is distinct from app.current_user_id() and ${personas.ownerId} is not null`
}

const isFavorite = (is: boolean) => sql`exists (
  select 1 from ${userPersonaPreferences} f where f.persona_id = ${personas.id} and f.is_favorite) = ${is}`

// One comparison of rows is where the index begins; “later, or as late and …” is a filter over all that came before.
function isBeyond(sort: Wish['sort'], after: After): SQL {
  if ('used' in after) return sql`(${personas.useCount}, ${personas.id}) < (${after.used}::int, ${after.id}::uuid)`
  const operator = sql.raw(sort === 'newest' ? '<' : '>')
  return sql`(${personas.createdAt}, ${personas.id}) ${operator} (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`
}

export type PersonaRow = Awaited<ReturnType<typeof selectPersonas>>[number]
type ListedRow = Awaited<ReturnType<typeof selectPage>>[number]

/** A stored persona as this asker sees it. */
export function personaFrom(row: PersonaRow | ListedRow, asker: Asker): Persona {
  const isOwn = row.ownerId !== null && 'session' in asker && asker.session?.userId === row.ownerId
  return {
    id: row.id,
    slug: row.slug,
    display_name: row.displayName,
    description: row.description,
    greeting: row.greeting,
    alternate_greetings: row.alternateGreetings,
    personality_config: ownConfig(row.personalityConfig),
    voice_config: row.voiceConfig,
    avatar_url: row.avatarUrl,
    vrm_model_path: row.vrmModelPath,
    expressions: row.expressions,
    tags: row.tags,
    rating: row.rating,
    is_public: row.isPublic,
    is_forkable: row.isForkable,
    is_built_in: row.ownerId === null && row.frozenAt === null,
    is_own: isOwn,
    use_count: row.useCount,
    definition: isOwn && 'systemPrompt' in row ? definitionOf(row) : null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

function definitionOf(row: PersonaRow): Persona['definition'] {
  const text = (name: string) => {
    const value = row.personalityConfig[name]
    return typeof value === 'string' ? value : ''
  }
  return {
    system_prompt: row.systemPrompt,
    personality: text('personality'),
    scenario: text('scenario'),
    example_dialogue: row.exampleDialogue,
    post_history_instructions: text('post_history_instructions'),
    nickname: text('nickname'),
    lorebook: row.lorebook,
  }
}
