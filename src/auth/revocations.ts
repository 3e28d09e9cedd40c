import { asc, eq, lte, sql } from 'drizzle-orm'
import { apart } from '#src/audit/apart.ts'
import { z } from 'zod'
import { readGrant } from '#src/auth/grants.ts'
import { Grant } from '#src/auth/providers/identity-provider.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { providers, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import { subjectHashOf } from '#src/auth/subject-hash.ts'
import { grantsToRevoke } from '#src/auth/tables.ts'
import { asService, WrappedKeysOrNone, type Db, type RequestScope, type Statement } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'
import { Vault } from '#src/vault/vault.ts'

const keptForSeconds = 30 * 86_400
const mostAtOnce = 50
const longestPauseSeconds = 20 * 3_600

interface Revocation {
  /** Names it: queued again under the same id, it is there once. */
  readonly id: string
  readonly identity: Pick<VerifiedIdentity, 'provider' | 'issuer' | 'subject'>
  readonly grant: Grant
  readonly dueAt: Date
}

/** What a provider is to get back, sealed. */
interface PreparedRevocation {
  /** Queues it, as the role of `asUser`, of 'auth' or of 'jobs'. */
  readonly queue: (db: Db) => Statement
  /** The same where the subject has no account, as the role of 'auth'. */
  readonly queueUnlessKnown: (db: Db) => Statement
}

/** Seals what a provider is to get back under the service's own key: its person's goes, or there is none yet. */
export async function prepareRevocation(
  { config }: RequestScope,
  { id, identity, grant, dueAt }: Revocation,
): Promise<PreparedRevocation> {
  const [subjectHash, sealed] = await Promise.all([
    subjectHashOf(config, identity),
    issueSealedToken(config, 'grant', grant, keptForSeconds),
  ])
  const values = sql`${id}, ${identity.provider}, ${subjectHash}, ${sealed}, ${dueAt.toISOString()}`
  const { issuer, subject } = identity
  return {
    queue: (db) => db.execute(sql`select app.queue_revocation(${values})`),
    queueUnlessKnown: (db) =>
      db.execute(sql`select app.queue_revocation_unless_known(${values}, ${issuer}, ${subject})`),
  }
}

const Leaving = z.array(
  z.object({
    identity_id: z.uuid(),
    provider: z.enum(providers),
    issuer: z.string(),
    subject: z.string(),
    grant_sealed: z.instanceof(Uint8Array),
    data_keys: WrappedKeysOrNone,
  }),
)

/** Takes what providers gave out of an account that is being erased; the sweep gives it back once the rows are gone. */
export async function releaseGrants(scope: RequestScope, userId: string): Promise<(db: Db) => readonly Statement[]> {
  const [answer] = await asService(scope, 'jobs', 'erasure', (db) => [
    db.execute(sql`select * from app.grants_of_leaving(${userId})`),
  ])
  const queued = Leaving.parse(answer.rows).map(async ({ identity_id: id, grant_sealed: sealed, ...identity }) => {
    const vault = new Vault(userId, (await unwrapDataKeys(scope.config, userId, identity.data_keys)).keys)
    // No grant keeps anybody from being erased: where their keys are lost, there is nothing left to give back.
    const grant = await readGrant(vault, id, sealed).catch((error: unknown) => {
      scope.report({ event: 'grant_given_up', provider: identity.provider, ...describeFailure(error) })
      return undefined
    })
    return grant === undefined ? undefined : await prepareRevocation(scope, { id, identity, grant, dueAt: new Date() })
  })
  const prepared = (await Promise.all(queued)).filter((one) => one !== undefined)
  return (db) => prepared.map(({ queue }) => queue(db))
}

/** Gives nothing back of a subject who has an account now: a provider takes all that it gave for an app at once. */
export const keepGrants = (db: Db, subjectHash: Uint8Array) => db.execute(sql`select app.keep_grants(${subjectHash})`)

/**
 * Gives the providers back what is due, up to 50 grants. One that cannot be given back now is tried again, later each time,
 * for thirty days.
 */
export async function revokeDueGrants(scope: RequestScope): Promise<void> {
  const [due] = await asService(scope, 'jobs', 'grants', (db) => [
    db
      .select()
      .from(grantsToRevoke)
      .where(lte(grantsToRevoke.dueAt, sql`now()`))
      .orderBy(asc(grantsToRevoke.dueAt))
      .limit(mostAtOnce),
  ])
  for (const row of due) await revokeOne(scope, row)
}

/** The same beside the answer, for what became due just now: the sweep does what this one cannot. */
export const revokeBeside = (scope: RequestScope): void =>
  scope.defer(
    revokeDueGrants(apart(scope)).catch((error: unknown) =>
      scope.report({ event: 'grants_left_to_the_sweep', ...describeFailure(error) }),
    ),
  )

async function revokeOne(scope: RequestScope, row: typeof grantsToRevoke.$inferSelect): Promise<void> {
  const { id, provider, attempts, sealedGrant } = row
  const grant = await readSealedToken(scope.config, 'grant', Grant, sealedGrant)
  const isTaken = grant !== undefined && (await give(scope, row, grant))
  if (grant === undefined) scope.report({ event: 'grant_given_up', provider, attempts })
  await asService(scope, 'jobs', 'grants', (db) => [
    isTaken || grant === undefined
      ? db.delete(grantsToRevoke).where(eq(grantsToRevoke.id, id))
      : db
          .update(grantsToRevoke)
          .set({ attempts: attempts + 1, dueAt: sql`now() + make_interval(secs => ${pauseSeconds(attempts)})` })
          .where(eq(grantsToRevoke.id, id)),
  ])
}

const pauseSeconds = (attempts: number) => Math.min(longestPauseSeconds, 60 * 2 ** attempts)

async function give(
  scope: RequestScope,
  { provider, attempts }: typeof grantsToRevoke.$inferSelect,
  grant: Grant,
): Promise<boolean> {
  try {
    await providerOf(provider).revoke(scope.config, grant)
    return true
  } catch (error) {
    scope.report({ event: 'grant_not_revoked', provider, attempts, ...describeFailure(error) })
    return false
  }
}
