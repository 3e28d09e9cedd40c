import { sql } from 'drizzle-orm'
import { asVisitor, type RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { personas } from '#src/personas/tables.ts'

/**
 * Whether requests can be served: the database answers, is set up, and holds the login to row-level security. Throws
 * `unavailable` for whatever is wrong; the log says what.
 */
export async function checkReadiness(scope: RequestScope): Promise<void> {
  try {
    await asVisitor(scope, (db) => [
      db.execute(sql`select app.assert_safe_login()`),
      db.select({ id: personas.id }).from(personas).limit(1),
    ])
  } catch (error) {
    throw new Problem('unavailable', undefined, { cause: error instanceof Problem ? error.cause : error })
  }
}
