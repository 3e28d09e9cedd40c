import { sql } from 'drizzle-orm'
import { identities } from '#src/accounts/tables.ts'
import { Grant } from '#src/auth/providers/identity-provider.ts'
import type { Db } from '#src/db/scope.ts'
import type { Vault } from '#src/vault/vault.ts'

/** Seals what can be taken back from a provider later; the statement that it returns keeps it, and none where there is nothing new. */
export async function prepareGrant(
  vault: Vault,
  identityId: string,
  grant: Grant | undefined,
): Promise<(db: Db) => readonly ReturnType<Db['execute']>[]> {
  if (grant === undefined) return () => []
  const sealed = await vault.seal(identities.refreshToken, identityId, JSON.stringify(grant))
  return (db) => [db.execute(sql`select app.keep_grant(${vault.userId}, ${identityId}, ${sealed})`)]
}

/** Opens what was kept; undefined where there is none, or none that can be read any more. */
export async function readGrant(
  vault: Vault,
  identityId: string,
  sealed: Uint8Array | null,
): Promise<Grant | undefined> {
  const text = await vault.read(identities.refreshToken, identityId, sealed)
  return text === null ? undefined : Grant.safeParse(JSON.parse(text)).data
}
