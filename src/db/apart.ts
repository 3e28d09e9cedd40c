import { openDatabase } from '#src/db/connect.ts'
import type { RequestScope } from '#src/db/scope.ts'

/** A request's scope with a way to the database of its own, for an entry that its answer does not wait for. */
export const apart = <T extends RequestScope>(scope: T): T => ({ ...scope, database: openDatabase(scope.config) })
