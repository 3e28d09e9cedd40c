import { and, eq, inArray, lte, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { readGrant } from '#src/auth/grants.ts'
import { Grant } from '#src/auth/providers/identity-provider.ts'
import { providerOf } from '#src/auth/providers/registry.ts'
import { providers, type Provider, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import { subjectHashOf } from '#src/auth/subject-hash.ts'
import { grantsToRevoke } from '#src/auth/tables.ts'
import { apart } from '#src/db/apart.ts'
import { asService, WrappedKeysOrNone, type Db, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'
import { Vault } from '#src/vault/vault.ts'

// A grant may wait as long as the account that it is kept for.
const sealedForSeconds = 10 * 366 * 86_400
const longestPauseSeconds = 20 * 3_600
// After a minute, two, four … and then every twenty hours, for about thirty days in all.
const mostAttempts = 45
const mostAtOnce = 50
const longestSweepMs = 60_000

interface Revocation {
  /** The identity that goes, or the ticket that offers a registration. */
  readonly id: string
  readonly identity: Pick<VerifiedIdentity, 'provider' | 'issuer' | 'subject'>
  readonly grant: Grant
  readonly dueAt: Date
}

/** What a provider is to get back, sealed: what a statement must select to queue it. */
interface PreparedRevocation {
  /** As the role of `asUser` or of 'jobs', before the identity with its id goes. */
  readonly queue: SQL
  /** Where the subject has no account, as the role of 'auth'. */
  readonly queueUnlessKnown: SQL
}

/** Seals what a provider is to get back under the service's own key: its person's goes, or there is none yet. */
export async function prepareRevocation(
  { config }: RequestScope,
  { id, identity, grant, dueAt }: Revocation,
): Promise<PreparedRevocation> {
  const [subjectHash, sealed] = await Promise.all([
    subjectHashOf(config, identity),
    issueSealedToken(config, 'grant', grant, sealedForSeconds),
  ])
  const values = sql`${id}, ${identity.provider}, ${subjectHash}, ${sealed}, ${dueAt.toISOString()}`
  const { issuer, subject } = identity
  return {
    queue: sql`app.queue_revocation(${values})`,
    queueUnlessKnown: sql`app.queue_revocation_unless_known(${values}, ${issuer}, ${subject})`,
  }
}

/**
 * Gives nothing back of a subject who has an account now: a provider takes all that it gave for an app at once. What is
 * queued goes where there is a new grant, and else stays until the identity leaves.
 */
export const keepGrants = (subjectHash: Uint8Array, grant: Grant | undefined): SQL =>
  sql`app.keep_grants(${subjectHash}, ${grant !== undefined})`

/** What stayed queued for a subject is due once their identity leaves. */
export const returnGrants = (subjectHash: Uint8Array): SQL => sql`app.return_grants(${subjectHash})`

const Leaving = z.array(
  z.object({
    identity_id: z.uuid(),
    provider: z.enum(providers),
    issuer: z.string(),
    subject: z.string(),
    grant_sealed: z.instanceof(Uint8Array).nullable(),
    data_keys: WrappedKeysOrNone,
  }),
)

/** Takes what providers gave out of an account that is being erased; the sweep gives it back once the rows are gone. */
export async function releaseGrants(scope: RequestScope, userId: string): Promise<readonly SQL[]> {
  const [answer] = await asService(scope, 'jobs', 'erasure', (db) => [
    db.execute(sql`select * from app.grants_of_leaving(${userId})`),
  ])
  const released = Leaving.parse(answer.rows).map(async (row) => await releaseOne(scope, userId, row))
  return (await Promise.all(released)).flat()
}

async function releaseOne(
  scope: RequestScope,
  userId: string,
  { identity_id: id, grant_sealed: sealed, data_keys: wrapped, ...identity }: z.output<typeof Leaving>[number],
): Promise<readonly SQL[]> {
  const subjectHash = await subjectHashOf(scope.config, identity)
  const { keys, broken } = await unwrapDataKeys(scope.config, userId, wrapped)
  // No grant keeps anybody from being erased: where the keys are lost, there is nothing left to give back.
  const giveUp = (why: object) => scope.report({ event: 'grant_given_up', provider: identity.provider, ...why })
  const vault = new Vault(userId, keys, { broken, onBroken: () => giveUp({ problem: 'seal_broken' }) })
  const grant = await readGrant(vault, id, sealed).catch((error: unknown) => {
    giveUp(describeFailure(error))
    return undefined
  })
  if (grant === undefined) return [returnGrants(subjectHash)]
  const { queue } = await prepareRevocation(scope, { id, identity, grant, dueAt: new Date() })
  return [queue, returnGrants(subjectHash)]
}

/**
 * Gives the providers back what is due, up to 50 grants and for a minute. A provider that does not take one is not asked
 * again in this run; its grants are tried later, and later each time.
 */
export async function revokeDueGrants(scope: RequestScope): Promise<void> {
  const until = Date.now() + longestSweepMs
  const answering = new Set<Provider>(providers)
  for (let count = 0; count < mostAtOnce && answering.size > 0 && Date.now() < until; count += 1) {
    const tried = await revokeNext(scope, inArray(grantsToRevoke.provider, [...answering]))
    if (tried === undefined) return
    if (!tried.isTaken) answering.delete(tried.provider)
  }
}

/** The same of one that became due just now, beside the answer: the sweep does what this cannot. */
export const revokeBeside = (scope: RequestScope, id: string): void =>
  scope.defer(
    revokeNext(apart(scope), eq(grantsToRevoke.id, id)).catch((error: unknown) =>
      scope.report({ event: 'grant_left_to_the_sweep', ...describeFailure(error) }),
    ),
  )

// Put off before it is tried: nobody else tries it meanwhile, and a Worker that dies loses nothing.
const claim = (db: Db, which: ReturnType<typeof eq>) =>
  db
    .update(grantsToRevoke)
    .set({
      attempts: sql`${grantsToRevoke.attempts} + 1`,
      dueAt: sql`now() + make_interval(secs => least(${longestPauseSeconds}, 60 * 2 ^ least(${grantsToRevoke.attempts}, 20)))`,
    })
    .where(
      eq(
        grantsToRevoke.id,
        db
          .select({ id: grantsToRevoke.id })
          .from(grantsToRevoke)
          .where(and(which, lte(grantsToRevoke.dueAt, sql`now()`)))
          .orderBy(grantsToRevoke.dueAt)
          .limit(1)
          .for('update', { skipLocked: true }),
      ),
    )
    .returning()

async function revokeNext(
  scope: RequestScope,
  which: ReturnType<typeof eq>,
): Promise<{ readonly provider: Provider; readonly isTaken: boolean } | undefined> {
  const [[row]] = await asService(scope, 'jobs', 'grants', (db) => [claim(db, which)])
  if (row === undefined) return undefined
  const { id, provider, attempts } = row
  const grant = await readSealedToken(scope.config, 'grant', Grant, row.sealedGrant)
  const isTaken = grant === undefined || (await give(scope, row, grant))
  const isGivenUp = grant === undefined || (!isTaken && attempts >= mostAttempts)
  if (isGivenUp) scope.report({ event: 'grant_given_up', provider, attempts })
  if (isTaken || isGivenUp) {
    await asService(scope, 'jobs', 'grants', (db) => [db.delete(grantsToRevoke).where(eq(grantsToRevoke.id, id))])
  }
  return { provider, isTaken }
}

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
