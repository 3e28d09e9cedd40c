import { desc, eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { identities } from '#src/accounts/tables.ts'
import { recordEvent } from '#src/audit/record-event.ts'
import { readGrant } from '#src/auth/grants.ts'
import { auditingNativeRefusals, checkNativeProof, type NativeProof } from '#src/auth/native-sign-in.ts'
import { providers } from '#src/auth/providers/verified-identity.ts'
import { keepGrants, prepareRevocation, returnGrants, revokeBeside } from '#src/auth/revocations.ts'
import type { IdentityList, IdentitySummary, ProviderProof } from '#src/auth/shapes.ts'
import { spend } from '#src/auth/single-use.ts'
import { subjectHashOf } from '#src/auth/subject-hash.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { forgetDataKeys, openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

/** The ways to sign in that belong to the caller, the newest first. */
export async function listIdentities(caller: Caller): Promise<IdentityList> {
  const [rows] = await asUser(caller, (db) => [selectIdentities(db).orderBy(desc(identities.createdAt))])
  const vault = await openVault(caller)
  return { items: await Promise.all(rows.map(async (row) => await summaryFrom(vault, row))) }
}

/**
 * Makes an identity of the caller's out of what a native client brings. Throws `fresh_sign_in_needed`,
 * `identity_unavailable` for one that has an account already, the caller's own included, and what `verifyIdentity` throws.
 */
export async function linkIdentity(caller: Caller, proof: ProviderProof): Promise<IdentitySummary> {
  // A flight of its own: a session that has ended or is not fresh spends nothing and asks no provider.
  await asUser(caller, (db) => [requireFresh(db, caller)])
  return await auditingNativeRefusals(caller, proof.provider, async () => {
    return await addIdentity(caller, await checkNativeProof(caller, proof))
  })
}

const requireFresh = (db: Db, { config }: Caller) =>
  db.execute(sql`select app.require_fresh_session(${config.FRESH_SIGN_IN_SECONDS})`)

/** Adds an identity that a provider vouched for. Two flights where the isolate does not hold the person's key. */
export async function addIdentity(caller: Caller, { identity, grant, uses }: NativeProof): Promise<IdentitySummary> {
  const id = uuidv7()
  const vault = await openVault(caller)
  const [email, sealedGrant, subjectHash] = await Promise.all([
    vault.sealOptional(identities.email, id, identity.email),
    vault.sealOptional(identities.refreshToken, id, grant === undefined ? null : JSON.stringify(grant)),
    subjectHashOf(caller.config, identity),
  ])
  try {
    const [, , , , , rows] = await asUser(caller, (db) => [
      requireFresh(db, caller),
      db.execute(sql`select app.link_identity(${id}, ${identity.provider}, ${identity.issuer}, ${identity.subject},
        ${email}, ${identity.isPrivateEmail}, ${sealedGrant})`),
      recordEvent(db, caller, {
        action: 'identity.linked',
        target: `identity:${id}`,
        details: { provider: identity.provider },
      }),
      db.execute(sql`select ${keepGrants(subjectHash, grant)}`),
      uses[0] === undefined ? undefined : spend(db, uses[0]),
      selectIdentities(db).where(eq(identities.id, id)),
    ])
    return await summaryFrom(vault, found(rows))
  } catch (error) {
    if (error instanceof Problem && error.code === 'already_registered') throw new Problem('identity_unavailable')
    throw error
  }
}

const OwnGrant = z.object({
  provider: z.enum(providers),
  issuer: z.string(),
  subject: z.string(),
  grant_sealed: z.instanceof(Uint8Array).nullable(),
})

/**
 * Takes a way to sign in from the caller's account and ends the sessions that it began, but for this one. What its provider
 * gave is given back. Throws `fresh_sign_in_needed`, `not_found`, and `last_identity` for the only one.
 *
 * Two flights: what was sealed under the person's key is sealed anew here, and queued in the transaction that lets it go.
 */
export async function unlinkIdentity(caller: Caller, id: string): Promise<void> {
  const [, answer] = await asUser(caller, (db) => [
    requireFresh(db, caller),
    db.execute(sql`select * from app.own_grant(${id})`),
  ])
  const identity = OwnGrant.parse(found(answer.rows))
  const vault = await openVault(caller)
  const grant = await readGrant(vault, id, identity.grant_sealed)
  const giveBack =
    grant === undefined ? undefined : await prepareRevocation(caller, { id, identity, grant, dueAt: new Date() })
  const subjectHash = await subjectHashOf(caller.config, identity)
  await asUser(caller, (db) => [
    requireFresh(db, caller),
    db.execute(sql`select ${giveBack?.queue ?? null}, ${returnGrants(subjectHash)}`),
    db.execute(sql`select app.unlink_identity(${id}, ${caller.requestId})`),
  ])
  forgetDataKeys(vault.userId)
  if (giveBack !== undefined) revokeBeside(caller, id)
}

const selectIdentities = (db: Db) =>
  db
    .select({
      id: identities.id,
      provider: identities.provider,
      email: identities.email,
      isPrivateEmail: identities.isPrivateEmail,
      // Written out: drizzle leaves the table away before a column where it reads from one alone.
      isCurrent: sql<boolean>`exists (
        select from public.user_sessions s
        where s.id = (select app.current_session_id()) and s.identity_id = identities.id)`,
      lastLoginAt: identities.lastLoginAt,
      createdAt: identities.createdAt,
    })
    .from(identities)
    .$dynamic()

type IdentityRow = Awaited<ReturnType<typeof selectIdentities>>[number]

async function summaryFrom(vault: Vault, row: IdentityRow): Promise<IdentitySummary> {
  return {
    id: row.id,
    provider: row.provider,
    email: await vault.read(identities.email, row.id, row.email),
    is_private_email: row.isPrivateEmail,
    is_current: row.isCurrent,
    last_login_at: row.lastLoginAt.toISOString(),
    created_at: row.createdAt.toISOString(),
  }
}
