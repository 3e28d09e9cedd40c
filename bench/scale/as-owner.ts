import type { Client } from 'pg'

/** The rows of each table that row security lets a person see, as an explicit filter. */
const filters = (userId: string, ratings: string): Readonly<Record<string, string>> => ({
  users: `id = '${userId}'`,
  user_sessions: `user_id = '${userId}'`,
  identities: `user_id = '${userId}'`,
  idempotency_keys: `user_id = '${userId}'`,
  conversations: `user_id = '${userId}'`,
  turns: `user_id = '${userId}'`,
  messages: `user_id = '${userId}'`,
  audit_log: `chain_id = (select c.chain_id from public.audit_chains c where c.user_id = '${userId}')`,
  personas: `(is_active and (owner_id = '${userId}' or (is_public and rating = any ('${ratings}'::text[]))))
    or (frozen_at is not null and rating = any ('${ratings}'::text[]) and exists (
      select from public.conversations c where c.user_id = '${userId}' and c.persona_id = personas.id))`,
})

/**
 * Makes views of the person's rows under the tables' names, so that a statement means the same to somebody whom no policy
 * binds, with the filter written out: PostgreSQL folds it into the query as if it stood there.
 */
export async function makeOwnerViews(client: Client, userId: string): Promise<void> {
  await client.query('drop schema if exists as_owner cascade; create schema as_owner')
  for (const [table, filter] of Object.entries(filters(userId, '{everyone,16,18}'))) {
    await client.query(`create view as_owner.${table} as select * from public.${table} where ${filter}`)
  }
}

/** Whether a statement can be asked as the owner: it reads tables of those above, through no function. */
export function canAskAsOwner(text: string): boolean {
  return /^\s*select\b/i.test(text) && /\bfrom "/.test(text) && !/\bapp\.(?!current_(?:session|user)_id\b)/.test(text)
}

/** Runs a statement in the open transaction as a superuser on those views. */
export async function askAsOwner<T>(client: Client, run: () => Promise<T>): Promise<T> {
  await client.query('set local role none; set local search_path = as_owner, public')
  const result = await run()
  await client.query('set local role neuraform_user; set local search_path to default')
  return result
}
