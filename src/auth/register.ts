import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { identities, users } from '#src/accounts/tables.ts'
import { recordServiceEvent, type ServiceEvent } from '#src/audit/record-event.ts'
import { hasReachedAge, isPossibleBirthdate, opensOn, todayInUtc } from '#src/auth/age-gate.ts'
import { prepareGrant } from '#src/auth/grants.ts'
import { auditingRefusals } from '#src/auth/native-sign-in.ts'
import { keepGrants, prepareRevocation, revokeBeside } from '#src/auth/revocations.ts'
import type { Authenticated, Device, RegisterRequest } from '#src/auth/shapes.ts'
import { prepareSession } from '#src/auth/start-session.ts'
import { subjectHashOf } from '#src/auth/subject-hash.ts'
import { readTicket, type Ticket, type Vouched } from '#src/auth/ticket.ts'
import { rowOf } from '#src/db/rows.ts'
import { asService, type Db, type RequestScope, type Results, type Statement } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { createDataKey, type NewDataKey } from '#src/vault/data-key.ts'
import { canonicalEmail, lookupIndex } from '#src/vault/lookup.ts'
import { keepDataKeys } from '#src/vault/open-vault.ts'
import { Vault } from '#src/vault/vault.ts'

/**
 * Makes the account of a ticket's identity, with its data key and first session, in one flight. Throws `invalid_ticket`,
 * `ticket_used`, `already_registered`, `email_unavailable`, `invalid_body` for an impossible birthdate, or
 * `registration_refused`, which spends the ticket, keeps nothing of the person and holds for a day.
 */
export async function register(scope: RequestScope, request: RegisterRequest, device: Device): Promise<Authenticated> {
  const { ticket, account } = await prepareRegistration(scope, request)
  const session = await prepareSession(scope, account.vault, device)
  const [, created, started] = await fly(scope, ticket, (db) => [
    account.claim(db),
    account.create(db),
    session.statement(db, account.userId, account.identityId, true),
    ...account.complete(db, `session:${session.id}`),
  ])
  keepDataKeys(session.tokenHash, { userId: account.userId, keys: account.keys, broken: [] })
  const createdAt = rowOf(z.object({ created_at: z.coerce.date() }), created).created_at.toISOString()
  return {
    status: 'authenticated',
    session_token: session.token,
    expires_at: rowOf(z.object({ expires_at: z.coerce.date() }), started).expires_at.toISOString(),
    user: {
      id: account.userId,
      first_name: request.first_name,
      last_name: request.last_name,
      email: ticket.identity.email,
      avatar_url: request.avatar_url ?? null,
      timezone: request.timezone ?? 'UTC',
      language_preference: request.language_preference ?? 'en',
      auth_provider: ticket.identity.provider,
      notification_preferences: {},
      ui_preferences: {},
      terms_accepted_at: createdAt,
      privacy_policy_accepted_at: createdAt,
      created_at: createdAt,
      updated_at: createdAt,
    },
  }
}

/** The same without a session, for whoever signs in with what comes of it; who was registered. */
export async function registerOnly(scope: RequestScope, request: RegisterRequest): Promise<Vouched> {
  const { ticket, account } = await prepareRegistration(scope, request)
  await fly(scope, ticket, (db) => [account.claim(db), account.create(db), ...account.complete(db, undefined)])
  return ticket
}

/** One flight; what the database refuses of it is counted in the audit log. */
const fly = async <const T extends readonly Statement[]>(
  scope: RequestScope,
  { identity }: Ticket,
  build: (db: Db) => T,
): Promise<Results<T>> =>
  await auditingRefusals(scope, identity.provider, async () => await asService(scope, 'auth', 'registration', build))

async function prepareRegistration(scope: RequestScope, request: RegisterRequest) {
  const ticket = await auditingRefusals(scope, undefined, async () => {
    return await readTicket(scope.config, request.registration_ticket)
  })
  const subjectHash = await subjectHashOf(scope.config, ticket.identity)
  const today = todayInUtc()
  if (!isPossibleBirthdate(request.birthdate, today)) {
    throw new Problem('invalid_body', undefined, {
      errors: [{ pointer: '/birthdate', detail: 'must be a date of birth' }],
    })
  }
  if (!hasReachedAge(request.birthdate, scope.config.MINIMUM_AGE, today)) {
    await refuse(scope, ticket, subjectHash)
    throw new Problem('registration_refused')
  }
  return { ticket, account: await prepareAccount(scope, ticket, subjectHash, request) }
}

/** Somebody who is too young: what their provider gave goes back at once. */
async function refuse(scope: RequestScope, { use, identity, grant }: Ticket, subjectHash: Uint8Array): Promise<void> {
  const id = uuidv7()
  const giveBack =
    grant === undefined ? undefined : await prepareRevocation(scope, { id, identity, grant, dueAt: new Date() })
  await asService(scope, 'auth', 'registration refused', (db) => [
    db.execute(sql`select app.refuse_registration(${use.id}, ${use.expiresAt}, ${uuidv7()}, ${subjectHash})`),
    recordServiceEvent(db, scope, null, {
      action: 'registration.refused',
      details: { provider: identity.provider, reason: 'age' },
    }),
    ...(giveBack === undefined
      ? []
      : [db.execute(sql`select ${keepGrants(subjectHash, grant)}, ${giveBack.queueUnlessKnown}`)]),
  ])
  if (giveBack !== undefined) revokeBeside(scope, id)
}

/** Seals what is to be sealed of a new account; its statements make it, in this order, once the ticket is claimed. */
async function prepareAccount(scope: RequestScope, ticket: Ticket, subjectHash: Uint8Array, request: RegisterRequest) {
  const [userId, identityId] = [uuidv7(), uuidv7()]
  const key = await createDataKey(scope.config, userId)
  const vault = new Vault(userId, [key.dataKey])
  const create = await sealAccount(scope, vault, key, identityId, ticket, request)
  const keepGrant = await prepareGrant(vault, identityId, ticket.grant)
  return {
    userId,
    identityId,
    vault,
    keys: [key.dataKey],
    claim: (db: Db) =>
      db.execute(sql`select app.claim_registration(${ticket.use.id}, ${ticket.use.expiresAt}, ${subjectHash})`),
    create,
    complete: (db: Db, target: string | undefined) => [
      recordServiceEvent(db, scope, userId, registrationEvent(ticket, request, target)),
      db.execute(sql`select ${keepGrants(subjectHash, ticket.grant)}`),
      ...keepGrant(db),
      ...keepRelay(db, ticket, userId, identityId),
    ],
  }
}

/** Notes that the address is a relay that the provider made, where it is one. */
const keepRelay = (db: Db, { identity }: Ticket, userId: string, identityId: string) =>
  identity.isPrivateEmail ? [db.execute(sql`select app.keep_private_email(${userId}, ${identityId})`)] : []

const registrationEvent = (
  { identity }: Ticket,
  request: RegisterRequest,
  target: string | undefined,
): ServiceEvent => ({
  action: 'account.registered',
  ...(target === undefined ? {} : { target }),
  details: {
    provider: identity.provider,
    terms_version: request.terms_version,
    privacy_version: request.privacy_version,
  },
})

/** Seals what is to be sealed; the statement that it returns writes the person, their key and their first identity. */
async function sealAccount(
  { config }: RequestScope,
  vault: Vault,
  key: NewDataKey,
  identityId: string,
  { identity }: Ticket,
  request: RegisterRequest,
): Promise<(db: Db) => ReturnType<Db['execute']>> {
  const userId = vault.userId
  const emailIndex = identity.email === null ? null : await lookupIndex(config, 'email', canonicalEmail(identity.email))
  const [firstName, lastName, email, birthdate, identityEmail] = await Promise.all([
    vault.seal(users.firstName, userId, request.first_name),
    vault.seal(users.lastName, userId, request.last_name),
    vault.sealOptional(users.email, userId, identity.email),
    vault.seal(users.birthdate, userId, request.birthdate),
    vault.sealOptional(identities.email, identityId, identity.email),
  ])
  return (db) =>
    db.execute(sql`select * from app.create_account(
      ${userId}, ${firstName}, ${lastName}, ${email}, ${emailIndex}, ${identity.isEmailVerified},
      ${birthdate}, ${opensOn(request.birthdate, 16)}, ${opensOn(request.birthdate, 18)}, ${null}, ${request.avatar_url ?? null},
      ${request.timezone ?? 'UTC'}, ${request.language_preference ?? 'en'}, ${request.terms_version},
      ${request.privacy_version}, ${key.keyEncryptionKeyId}, ${key.wrappedKey},
      ${identityId}, ${identity.provider}, ${identity.issuer}, ${identity.subject}, ${identityEmail}
    )`)
}
