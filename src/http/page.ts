import { z } from '@hono/zod-openapi'
import type { RequestScope, Session } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

const cursorLifetimeSeconds = 86_400

/** The query of every list: how many, and from where. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50).openapi({ description: 'How many items at the most.' }),
  cursor: z
    .string()
    .max(2_000)
    .optional()
    .openapi({ description: 'The `next_cursor` of the page before. Opaque, good for a day, and for this list only.' }),
})
export type PageQuery = z.output<typeof PageQuery>

/** The answer of every list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() })
}

/** Whoever asks for a page: a visitor has no session, a caller has one once a flight found it. */
type Asker = RequestScope & { readonly session?: Session | undefined }

const Payload = z.strictObject({ user: z.string().optional(), list: z.string(), after: z.unknown() })

/** Where a page ended. It is sealed to the person and the list, so that one made for another is refused. */
export interface Position<T> {
  readonly after: T | undefined
  /** Throws `invalid_cursor` when the cursor was made for another person; call it once a flight found the session. */
  check(): void
}

/** Reads the cursor of a request. Throws `invalid_cursor` for one that is altered, expired or of another list. */
export async function readPosition<T extends z.ZodType>(
  asker: Asker,
  list: string,
  After: T,
  cursor: string | undefined,
): Promise<Position<z.output<T>>> {
  if (cursor === undefined) return { after: undefined, check: () => undefined }
  const payload = await readSealedToken(asker.config, 'cursor', Payload, cursor)
  const after = payload?.list === list ? After.safeParse(payload.after) : undefined
  if (after?.success !== true) throw new Problem('invalid_cursor')
  return {
    after: after.data,
    check: () => {
      if (payload?.user !== asker.session?.userId) throw new Problem('invalid_cursor')
    },
  }
}

/**
 * A page out of `limit + 1` rows: the rows to show, and the cursor that continues after the last of them (null at the
 * end).
 */
export async function pageFrom<Row>(
  asker: Asker,
  list: string,
  limit: number,
  rows: readonly Row[],
  after: (last: Row) => unknown,
): Promise<{ rows: readonly Row[]; next_cursor: string | null }> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  if (rows.length <= limit || last === undefined) return { rows: shown, next_cursor: null }
  const payload = { user: asker.session?.userId, list, after: after(last) }
  return { rows: shown, next_cursor: await issueSealedToken(asker.config, 'cursor', payload, cursorLifetimeSeconds) }
}
