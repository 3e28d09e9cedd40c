import { inject } from 'vitest'
import type { Authenticated, RegistrationRequired } from '#src/auth/shapes.ts'
import type { Env } from '#src/config.ts'
import { googleToken, registration } from '#test/setup/client.ts'
import { databaseAt } from '#test/setup/other-database.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import { callWith } from '#test/setup/worker-with.ts'

/** The variables of a Worker on the second database, where a test may change everybody's rows. */
export const apart = (): Partial<Env> => databaseAt(inject('stack').apart.edgeUrl)

/** The rows of a statement there, as its owner. */
export const asOwnerApart = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
  await asOwner<Row>(text, values, inject('stack').apart)

/** Somebody new there. */
export async function newUserApart(): Promise<Authenticated> {
  const login = { provider: 'google', token: await googleToken({ person: `new:${crypto.randomUUID()}` }) }
  const asked = await callWith<RegistrationRequired>(apart(), 'POST', '/auth/login', { body: login })
  const body = registration(asked.body.registration_ticket)
  return (await callWith<Authenticated>(apart(), 'POST', '/auth/register', { body })).body
}
