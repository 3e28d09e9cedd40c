import type { Revocations } from '#scripts/upstream/identity/revocations.ts'
import { json, type Part } from '#scripts/upstream/part.ts'

/** What tests ask of all providers: `GET /identity/revocations` lists what they were told to revoke, in order. */
export function identityPart(revocations: Revocations): Part {
  return {
    summary: 'The three providers together, for tests',
    prefixes: ['/identity'],
    routes: { 'GET /identity/revocations': () => json({ revocations: revocations.list() }) },
    describeFailure: ({ message }) => ({ error: message }),
  }
}
