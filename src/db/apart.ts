import type { RequestScope } from '#src/db/scope.ts'

/** A request's scope with a way to the database of its own, for what its answer does not wait for. */
export const apart = <T extends RequestScope>(scope: T): T => ({ ...scope, database: scope.database.apart() })
