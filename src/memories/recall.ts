import { sql, type Placeholder } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { tokensOf } from '#src/llm/tokens.ts'
import { memories } from '#src/memories/tables.ts'
import type { Recalled } from '#src/memories/told.ts'
import type { Vault } from '#src/vault/vault.ts'
import { wordsOf } from '#src/vault/words.ts'

/** How many things are remembered about a person, whoever remembers them: a turn looks at them all. */
export const mostMemories = 200

/**
 * Whether what is said in a conversation is to be remembered, whether by all companions, and what its own may remember, newest
 * first and sealed, but for what was drawn from words that are edited: always one row.
 */
export const selectMemoriesFor = (
  db: Db,
  conversationId: string | Placeholder,
  editOf: string | Placeholder | null = null,
) =>
  db
    .select({
      isRemembered: sql<boolean>`m.is_remembered`,
      isShared: sql<boolean>`m.is_shared`,
      memories: sql<unknown>`m.memories`,
    })
    .from(sql`app.memories_for(${conversationId}, ${editOf}, ${mostMemories}) m`)

export type MemoriesRow = Awaited<ReturnType<typeof selectMemoriesFor>>[number]

const SealedMemories = z.array(
  z.object({
    id: z.uuid(),
    content: z.hex().transform((hex) => Uint8Array.fromHex(hex)),
    persona_id: z.uuid().nullable(),
    sources: z.array(z.uuid()),
  }),
)

/** Opens what is remembered; what cannot be opened, also for a key that does not open, is not. */
export async function openMemories(vault: Vault, { memories: sealed }: MemoriesRow): Promise<readonly Recalled[]> {
  const opened = await Promise.all(
    SealedMemories.parse(sealed).map(async ({ id, content, persona_id: personaId, sources }) => ({
      id,
      personaId,
      sourceIds: sources,
      content: await vault.read(memories.content, id, content).catch(unlessItsKeyIsBroken),
    })),
  )
  return opened.flatMap(({ content, ...rest }) => (content === null ? [] : [{ ...rest, content }]))
}

// Who sits in this conversation has a key for it; an older one is missed by what it sealed alone.
function unlessItsKeyIsBroken(error: unknown): null {
  if (error instanceof Problem && error.code === 'key_unavailable') return null
  throw error
}

/** What of it the prompt does not say anyway: memories that were drawn from other messages than these alone. */
export const notSaidIn = (known: readonly Recalled[], messageIds: ReadonlySet<string>): readonly Recalled[] =>
  known.filter(({ sourceIds }) => sourceIds.length === 0 || sourceIds.some((id) => !messageIds.has(id)))

/**
 * The memories that fit into so many tokens, oldest first: all of them, or those that share most words with what is
 * said (`texts`), a word counting for more the fewer memories hold it, and then the newest.
 */
export function chooseMemories(
  newestFirst: readonly Recalled[],
  texts: readonly string[],
  most: number,
): readonly Recalled[] {
  const fits = new Set<Recalled>()
  let left = most
  for (const memory of isWithin(newestFirst, most) ? newestFirst : byRelevance(newestFirst, texts)) {
    const tokens = tokensOf(memory.content) + tokensAround
    if (tokens > left) continue
    left -= tokens
    fits.add(memory)
  }
  return newestFirst.filter((memory) => fits.has(memory)).toReversed()
}

// What a memory costs in a list beside its words.
const tokensAround = 2

const isWithin = (all: readonly Recalled[], most: number) =>
  all.reduce((sum, { content }) => sum + tokensOf(content) + tokensAround, 0) <= most

function byRelevance(newestFirst: readonly Recalled[], texts: readonly string[]): readonly Recalled[] {
  const said = wordsOf(texts.join('\n'))
  const words = newestFirst.map(({ content }) => wordsOf(content))
  const holders = new Map<string, number>()
  for (const word of words.flatMap((one) => [...one])) holders.set(word, (holders.get(word) ?? 0) + 1)
  const relevance = (one: ReadonlySet<string> = new Set()) =>
    [...one].reduce((sum, word) => sum + (said.has(word) ? 1 / (holders.get(word) ?? 1) : 0), 0)
  return newestFirst
    .map((memory, place) => ({ memory, relevance: relevance(words[place]) }))
    .toSorted((one, other) => other.relevance - one.relevance)
    .map(({ memory }) => memory)
}
