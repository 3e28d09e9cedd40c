import type { SQL } from 'drizzle-orm'
import { z } from 'zod'
import { Grant } from '#src/auth/providers/identity-provider.ts'
import { providers, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import { prepareRevocation } from '#src/auth/revocations.ts'
import { issueSingleUse, readSingleUse, type SingleUse } from '#src/auth/single-use.ts'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'

const lifetimeSeconds = 600
const longestAvatarUrl = 512
// Sealed and in base64url this stays below 4 KB, which every server and browser takes as a URL.
const mostBytes = 2_600

/** What a provider vouched for, as it is sealed into a ticket or a one-time code. */
export const SealedIdentity = z.strictObject({
  provider: z.enum(providers),
  issuer: z.string(),
  subject: z.string(),
  client_id: z.string(),
  email: z.string().nullable(),
  is_email_verified: z.boolean(),
  is_private_email: z.boolean(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  avatar_url: z.string().nullable(),
  grant: Grant.nullable(),
})

/** Somebody whom a provider vouches for, and what can be taken back from it later. */
export interface Vouched {
  readonly identity: VerifiedIdentity
  readonly grant: Grant | undefined
}

/** What is sealed of somebody. It travels in URLs and forms: what is a mere suggestion is left out where it is long. */
export function sealedIdentityOf(vouched: Vouched): z.output<typeof SealedIdentity> {
  const sealed = wholeIdentityOf(vouched)
  if ((sealed.avatar_url?.length ?? 0) > longestAvatarUrl) sealed.avatar_url = null
  if (new TextEncoder().encode(JSON.stringify(sealed)).length <= mostBytes) return sealed
  return { ...sealed, avatar_url: null, first_name: null, last_name: null }
}

const wholeIdentityOf = ({ identity, grant }: Vouched): z.output<typeof SealedIdentity> => ({
  provider: identity.provider,
  issuer: identity.issuer,
  subject: identity.subject,
  client_id: identity.clientId,
  email: identity.email,
  is_email_verified: identity.isEmailVerified,
  is_private_email: identity.isPrivateEmail,
  first_name: identity.firstName,
  last_name: identity.lastName,
  avatar_url: identity.avatarUrl,
  grant: grant ?? null,
})

export const vouchedFrom = (sealed: z.output<typeof SealedIdentity>): Vouched => ({
  identity: {
    provider: sealed.provider,
    issuer: sealed.issuer,
    subject: sealed.subject,
    clientId: sealed.client_id,
    email: sealed.email,
    isEmailVerified: sealed.is_email_verified,
    isPrivateEmail: sealed.is_private_email,
    firstName: sealed.first_name,
    lastName: sealed.last_name,
    avatarUrl: sealed.avatar_url,
  },
  grant: sealed.grant ?? undefined,
})

/** A registration that a provider's word opened: bound to one (issuer, subject), good once and for ten minutes. */
export interface Ticket extends Vouched {
  readonly use: SingleUse
}

/** A ticket that is ready to be handed out. */
export interface NewTicket {
  readonly ticket: string
  readonly expiresAt: Date
  /** Queues what the provider gave, to be given back where nobody registers with it; nothing of somebody known. */
  readonly queue: SQL | undefined
}

/** Makes a ticket. */
export async function issueTicket(scope: RequestScope, vouched: Vouched): Promise<NewTicket> {
  const { identity, grant } = vouched
  const sealed = sealedIdentityOf(vouched)
  const { id, token, expiresAt } = await issueSingleUse(scope.config, 'registration', sealed, lifetimeSeconds)
  if (grant === undefined) return { ticket: token, expiresAt, queue: undefined }
  const dueAt = new Date(expiresAt.getTime() + 60_000)
  const revocation = await prepareRevocation(scope, { id, identity, grant, dueAt })
  return { ticket: token, expiresAt, queue: revocation.queueUnlessKnown }
}

/** Reads a ticket. Throws `invalid_ticket` for one that is expired, altered or invented. */
export async function readTicket(config: Config, ticket: string): Promise<Ticket> {
  const read = await readSingleUse(config, 'registration', SealedIdentity, ticket)
  if (read === undefined) throw new Problem('invalid_ticket')
  return { use: read.use, ...vouchedFrom(read.payload) }
}
