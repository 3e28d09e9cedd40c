import type { VerifiedIdentity } from '#src/auth/providers/verified-identity.ts'
import type { Config } from '#src/config.ts'
import { lookupIndex } from '#src/vault/lookup.ts'

/** What a subject is looked up by where they themselves must not be stored: keyed, 32 bytes. */
export const subjectHashOf = async (
  config: Config,
  { issuer, subject }: Pick<VerifiedIdentity, 'issuer' | 'subject'>,
) => await lookupIndex(config, 'subject', `${issuer}\n${subject}`)
