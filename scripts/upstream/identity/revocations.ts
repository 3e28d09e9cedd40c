import type { Person } from '#scripts/upstream/identity/people.ts'

/** One time that an app gave back what it was allowed. */
interface Revocation {
  readonly provider: 'google' | 'apple' | 'facebook'
  readonly client: string
  readonly person: string
  /** The subject at that provider. */
  readonly subject: string
}

/** What the providers were told to revoke, in order, for tests to look up. */
export interface Revocations {
  record(revocation: Omit<Revocation, 'person'> & { readonly person: Person }): void
  list(): readonly Revocation[]
}

export function createRevocations(): Revocations {
  const recorded: Revocation[] = []
  return {
    record: ({ person, ...rest }) => void recorded.push({ ...rest, person: person.label }),
    list: () => recorded,
  }
}
