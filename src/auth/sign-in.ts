import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { userFrom, type UserRow } from '#src/accounts/shapes.ts'
import { recordServiceEvent } from '#src/audit/record-event.ts'
import { prepareGrant } from '#src/auth/grants.ts'
import { auditingNativeRefusals, checkNativeProof, type NativeProof } from '#src/auth/native-sign-in.ts'
import type { VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Authenticated, Device, LoginAnswer, LoginRequest, RegistrationRequired } from '#src/auth/shapes.ts'
import { spend, spendUnlessKnown } from '#src/auth/single-use.ts'
import { prepareSession } from '#src/auth/start-session.ts'
import { subjectHashOf } from '#src/auth/subject-hash.ts'
import { issueTicket, type NewTicket, type Vouched } from '#src/auth/ticket.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, WrappedKeysOrNone, type RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { keepDataKeys } from '#src/vault/open-vault.ts'
import { reportBrokenAtSignIn } from '#src/vault/report-broken.ts'
import { Vault } from '#src/vault/vault.ts'

const jsonRecord = z.record(z.string(), z.json())
const bytea = z.instanceof(Uint8Array)

const Account = z.object({
  identity_id: z.uuid(),
  user_id: z.uuid(),
  is_active: z.boolean(),
  data_keys: WrappedKeysOrNone,
  first_name: bytea,
  last_name: bytea,
  email: bytea.nullable(),
  avatar_url: z.string().nullable(),
  timezone: z.string(),
  language_preference: z.string(),
  notification_preferences: jsonRecord,
  ui_preferences: jsonRecord,
  terms_accepted_at: z.coerce.date(),
  privacy_policy_accepted_at: z.coerce.date(),
  created_at: z.coerce.date(),
  updated_at: z.coerce.date(),
})
type Account = z.output<typeof Account>

const Found = z.union([
  Account.extend({ is_refused: z.boolean() }),
  z.object({ is_refused: z.boolean(), user_id: z.null() }),
])

/**
 * Turns a provider's token into a session, or into a registration ticket for somebody new. Throws
 * `invalid_identity_token`, `registration_refused`, `forbidden`, `upstream_unavailable` or `key_unavailable`.
 */
export async function signIn(scope: RequestScope, request: LoginRequest, device: Device): Promise<LoginAnswer> {
  return await auditingNativeRefusals(
    scope,
    request.provider,
    async () => await completeSignIn(scope, await checkNativeProof(scope, request), device),
  )
}

/**
 * Starts a session for somebody whom a provider vouches for, or offers them to register. What is to be spent is spent in
 * the flight that does so: `ticket_used` where it was spent before, and nothing happens then.
 */
export async function completeSignIn(scope: RequestScope, proof: NativeProof, device: Device): Promise<LoginAnswer> {
  const { found, offer } = await findIdentity(scope, proof, proof.uses)
  if (found.user_id !== null) return await authenticate(scope, proof, found, device)
  if (found.is_refused) throw new Problem('registration_refused')
  return offered(proof.identity, offer)
}

/** A registration ticket for an identity that has no account; it says nothing of one that was refused for age. */
export async function ticketUnlessKnown(scope: RequestScope, vouched: Vouched): Promise<string | undefined> {
  const { found, offer } = await findIdentity(scope, vouched, [])
  return found.user_id === null ? offer.ticket : undefined
}

async function findIdentity(
  scope: RequestScope,
  vouched: Vouched,
  uses: NativeProof['uses'],
): Promise<{ found: z.output<typeof Found>; offer: NewTicket }> {
  const { identity } = vouched
  const [subjectHash, offer] = await Promise.all([
    subjectHashOf(scope.config, identity),
    issueTicket(scope, { identity, grant: vouched.grant }),
  ])
  const [answer] = await asService(scope, 'auth', 'sign-in', (db) => [
    db.execute(sql`select * from app.find_identity(${identity.issuer}, ${identity.subject}, ${subjectHash})`),
    ...uses.map((use) => spendUnlessKnown(db, use, identity)),
    ...(offer.queue === undefined ? [] : [db.execute(sql`select ${offer.queue}`)]),
  ])
  return { found: rowOf(Found, answer), offer }
}

// The second flight: what the device is called is sealed under the key that the first one brought.
async function authenticate(
  scope: RequestScope,
  { identity, grant, uses, isFresh }: NativeProof,
  account: Account,
  device: Device,
): Promise<Authenticated> {
  if (!account.is_active) throw new Problem('forbidden', 'This account is being erased.')
  const userId = account.user_id
  const opened = await unwrapDataKeys(scope.config, userId, account.data_keys)
  const report = reportBrokenAtSignIn(scope, userId)
  report.onKeys(opened.broken)
  const vault = new Vault(userId, opened.keys, { broken: opened.broken, onBroken: report.onCell })
  // Opened first: where a key for it is not available, no session is begun.
  const user = await userFrom(vault, userRowOf(account, identity))
  const [session, keepGrant] = await Promise.all([
    prepareSession(scope, vault, device),
    prepareGrant(vault, account.identity_id, grant),
  ])
  const [answer] = await asService(scope, 'auth', 'sign-in', (db) => [
    session.statement(db, userId, account.identity_id, isFresh),
    ...uses.map((use) => spend(db, use)),
    ...keepGrant(db),
    recordServiceEvent(db, scope, userId, {
      action: 'sign_in.succeeded',
      target: `session:${session.id}`,
      details: { provider: identity.provider },
    }),
  ])
  keepDataKeys(session.tokenHash, { userId, ...opened })
  return {
    status: 'authenticated',
    session_token: session.token,
    expires_at: rowOf(z.object({ expires_at: z.coerce.date() }), answer).expires_at.toISOString(),
    user,
  }
}

function offered(identity: VerifiedIdentity, { ticket, expiresAt }: NewTicket): RegistrationRequired {
  return {
    status: 'registration_required',
    registration_ticket: ticket,
    expires_at: expiresAt.toISOString(),
    suggested: {
      first_name: identity.firstName,
      last_name: identity.lastName,
      email: identity.email,
      avatar_url: identity.avatarUrl,
    },
  }
}

const userRowOf = (account: Account, { provider }: VerifiedIdentity): UserRow => ({
  id: account.user_id,
  firstName: account.first_name,
  lastName: account.last_name,
  email: account.email,
  avatarUrl: account.avatar_url,
  timezone: account.timezone,
  languagePreference: account.language_preference,
  provider,
  notificationPreferences: account.notification_preferences,
  uiPreferences: account.ui_preferences,
  termsAcceptedAt: account.terms_accepted_at,
  privacyPolicyAcceptedAt: account.privacy_policy_accepted_at,
  createdAt: account.created_at,
  updatedAt: account.updated_at,
})
