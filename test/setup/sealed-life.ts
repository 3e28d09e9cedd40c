import { env } from 'cloudflare:workers'
import { v7 as uuidv7 } from 'uuid'
import { configOf } from '#src/config.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { WrappedKeys } from '#src/db/scope.ts'
import { unwrapDataKeys } from '#src/vault/data-key.ts'
import { Vault } from '#src/vault/vault.ts'
import { newUser } from '#test/setup/client.ts'
import { asOwner } from '#test/setup/owner-database.ts'
import type { SealedCell } from '#test/setup/tamperings.ts'

/** Somebody with conversations that have titles, and things said in the first. */
export interface SealedLife {
  readonly token: string
  readonly userId: string
  readonly conversationId: string
  readonly cells: readonly SealedCell[]
}

/** Makes somebody by the API, and what they named and said as the vault seals it, in one statement each. */
export async function sealedLife(name: string, said: number, named: number): Promise<SealedLife> {
  const { token, user } = await newUser()
  const vault = await vaultOf(user.id)
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
  const titles = await Promise.all(
    numbers(named).map(async (n) => {
      const [id, text] = [uuidv7(), `${name}’s title number ${n}`]
      const bytes = await vault.seal(conversations.title, id, text)
      return { table: 'conversations', column: 'title', id, text, bytes } as const
    }),
  )
  const contents = await Promise.all(
    numbers(said).map(async (n) => {
      const [id, text] = [uuidv7(), `${name} said sentence number ${n}.`]
      const bytes = await vault.seal(messages.content, id, text)
      return { table: 'messages', column: 'content', id, text, bytes } as const
    }),
  )
  const conversationId = titles[0]?.id ?? ''
  await insertAll('conversations (user_id, id, title)', [user.id], titles)
  await insertAll('messages (user_id, conversation_id, role, id, content)', [user.id, conversationId, 'user'], contents)
  return { token, userId: user.id, conversationId, cells: [...titles, ...contents] }
}

async function insertAll(into: string, fixed: readonly string[], cells: readonly SealedCell[]): Promise<void> {
  const fields = fixed.map((value) => `'${value}'`).join(', ')
  await asOwner(
    `insert into ${into} select ${fields}, id, decode(bytes, 'hex') from unnest($1::uuid[], $2::text[]) as given (id, bytes)`,
    [cells.map(({ id }) => id), cells.map(({ bytes }) => bytes.toHex())],
  )
}

async function vaultOf(userId: string): Promise<Vault> {
  const rows = await asOwner<object>(
    `select version, key_encryption_key_id, encode(wrapped_key, 'hex') as wrapped_key from user_keys where user_id = $1`,
    [userId],
  )
  return new Vault(userId, (await unwrapDataKeys(configOf(env), userId, WrappedKeys.parse(rows))).keys)
}
