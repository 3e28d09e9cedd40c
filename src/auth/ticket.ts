import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { providers, type VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { Problem } from '#src/http/problem.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

const lifetimeSeconds = 600

const TicketPayload = z.strictObject({
  id: z.uuid(),
  expires_at: z.int(),
  provider: z.enum(providers),
  issuer: z.string(),
  subject: z.string(),
  email: z.string().nullable(),
  is_email_verified: z.boolean(),
})

/** A registration that a provider's token opened: bound to one (issuer, subject), good once and for ten minutes. */
export interface Ticket {
  readonly id: string
  readonly expiresAt: Date
  readonly identity: Pick<VerifiedIdentity, 'provider' | 'issuer' | 'subject' | 'email' | 'isEmailVerified'>
}

/** Makes a ticket. It is sealed and handed out; the database learns of it when it is spent. */
export async function issueTicket(
  config: Config,
  identity: VerifiedIdentity,
): Promise<{ ticket: string; expiresAt: Date }> {
  const expiresAt = Math.floor(Date.now() / 1_000) + lifetimeSeconds
  const payload: z.output<typeof TicketPayload> = {
    id: uuidv7(),
    expires_at: expiresAt,
    provider: identity.provider,
    issuer: identity.issuer,
    subject: identity.subject,
    email: identity.email,
    is_email_verified: identity.isEmailVerified,
  }
  const ticket = await issueSealedToken(config, 'registration', payload, lifetimeSeconds)
  return { ticket, expiresAt: new Date(expiresAt * 1_000) }
}

/** Reads a ticket. Throws `invalid_ticket` for one that is expired, altered or invented. */
export async function readTicket(config: Config, ticket: string): Promise<Ticket> {
  const payload = await readSealedToken(config, 'registration', TicketPayload, ticket)
  if (payload === undefined) throw new Problem('invalid_ticket')
  const { id, expires_at, is_email_verified: isEmailVerified, ...identity } = payload
  return { id, expiresAt: new Date(expires_at * 1_000), identity: { ...identity, isEmailVerified } }
}

/** The text under which a subject is looked up when it must not be stored. */
export const subjectName = ({ issuer, subject }: Pick<VerifiedIdentity, 'issuer' | 'subject'>) =>
  `${issuer}\n${subject}`
