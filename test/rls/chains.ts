import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { readChains } from '#scripts/audit/read-chains.ts'
import type { Chain } from '#scripts/audit/verify-chain.ts'
import { flyAs } from '#test/rls/flight.ts'
import { makePerson, type Person } from '#test/rls/people.ts'

export const recordOne = 'select app.record_event($1, $2, $3, $4)'

/** Somebody with so many entries, written behind their session. */
export async function personWithChain(owner: Client, edge: Client, entries: number): Promise<Person> {
  const person = await makePerson(owner)
  for (let n = 1; n < entries; n += 1) {
    const details = { provider: 'google', 'odd "key"\\': 'a "quoted" \\ text ~', again: n % 2 === 0 }
    const target = `session:${randomUUID()}`
    await flyAs(edge, person, [[recordOne, 'session.revoked', target, details, randomUUID()]], 'commit')
  }
  return person
}

export const chainIdOf = (person: Person) => String(person.rows.get('audit_chains')?.['chain_id'])

/** A person's chain as whoever verifies it reads it, without a look at anchors. */
export async function chainOf(owner: Client, person: Person): Promise<Chain> {
  for await (const chain of readChains(owner, undefined)) if (chain.chainId === chainIdOf(person)) return chain
  throw new Error('no such chain')
}
