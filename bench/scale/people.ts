import { createHash } from 'node:crypto'
import type { Client } from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { SearchWords } from '#bench/scale/load-messages.ts'
import { kinds } from '#bench/scale/schema.ts'
import type { Config } from '#src/config.ts'
import type { Database } from '#src/db/database.ts'
import type { Caller, RequestScope } from '#src/db/scope.ts'
import { createDataKey, type DataKey } from '#src/vault/data-key.ts'
import { keepDataKeys } from '#src/vault/open-vault.ts'
import { Vault } from '#src/vault/vault.ts'

/** Somebody whose queries are measured. */
export interface Person {
  readonly name: 'heavy' | 'ordinary'
  readonly userNumber: number
  readonly userId: string
  readonly dataKey: DataKey
  readonly words: SearchWords
}

/** The words that both look for. */
export const searched = { common: 'kettle', rare: 'lighthouse' }

/** Gives a synthetic person a data key that opens. */
export async function makePerson(
  client: Client,
  config: Config,
  name: Person['name'],
  userNumber: number,
): Promise<Person> {
  const found = await client.query<{ id: string }>(`select scale.id(${kinds.user}, 0, $1) as id`, [userNumber])
  const userId = found.rows[0]?.id ?? ''
  const { dataKey, keyEncryptionKeyId, wrappedKey } = await createDataKey(config, userId)
  await client.query('update user_keys set key_encryption_key_id = $2, wrapped_key = $3 where user_id = $1', [
    userId,
    keyEncryptionKeyId,
    wrappedKey,
  ])
  const vault = new Vault(userId, [dataKey])
  const hashOf = (word: string) => vault.indexWords(word)[0] ?? 0n
  const words = { userNumber, common: hashOf(searched.common), rare: hashOf(searched.rare) }
  return { name, userNumber, userId, dataKey, words }
}

/** A request of nobody's. What is filled in instead of sealed does not open; that is reported to nobody. */
export function scopeOn(config: Config, database: Database): RequestScope {
  return {
    config,
    database,
    requestId: uuidv7(),
    defer: (work) => void work.catch(() => undefined),
    report: () => undefined,
  }
}

/** A person's request with the session that was active just now (1) or with the one that is due to be touched (2). */
export function callerOn(config: Config, database: Database, person: Person, session: 1 | 2 = 1): Caller {
  const tokenHash = new Uint8Array(createHash('sha256').update(`session ${person.userNumber}/${session}`).digest())
  keepDataKeys(tokenHash, { userId: person.userId, keys: [person.dataKey], broken: [] })
  return { ...scopeOn(config, database), tokenHash, session: undefined }
}
