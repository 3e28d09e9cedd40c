import { getTableName } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Sealed } from '#src/db/columns.ts'
import { Problem } from '#src/http/problem.ts'
import type { BrokenDataKey, DataKey } from '#src/vault/data-key.ts'
import { hashWords, wordsOf } from '#src/vault/words.ts'

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const format = 1
const headerBytes = 3
const nonceBytes = 12

/** What was stored cannot be opened: it was swapped, cut or changed. It never carries plain text. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken'
}

/** A place in the database, and what is stored there instead of something sealed. */
export interface BrokenCell {
  readonly table: string
  readonly column: string
  readonly rowId: string
  readonly stored: Uint8Array
}

interface VaultOptions {
  /** Keys that the person has and that do not open. */
  readonly broken?: readonly BrokenDataKey[]
  /** Hears of each cell that `read` could not open. */
  readonly onBroken?: (cell: BrokenCell) => void
}

/**
 * Seals and opens one person's words: AES-256-GCM under their data key, bound to table, column, row, person and key
 * version. Stored as one byte of format, two of key version, 12 of nonce, then the ciphertext with its tag. What needs a
 * key that does not open throws `key_unavailable`; everything else goes on without it.
 */
export class Vault {
  readonly userId: string
  /** The version that seals; 0 for a person without a key. */
  readonly newestVersion: number
  readonly #keys: ReadonlyMap<number, DataKey>
  readonly #brokenVersions: ReadonlySet<number>
  readonly #onBroken: (cell: BrokenCell) => void

  constructor(
    userId: string,
    keys: readonly DataKey[],
    { broken = [], onBroken = () => undefined }: VaultOptions = {},
  ) {
    this.userId = userId
    this.newestVersion = Math.max(0, ...[...keys, ...broken].map(({ version }) => version))
    this.#keys = new Map(keys.map((key) => [key.version, key]))
    this.#brokenVersions = new Set(broken.map(({ version }) => version))
    this.#onBroken = onBroken
  }

  /** Seals a text for one cell of the database. */
  async seal(column: PgColumn, rowId: string, text: string): Promise<Sealed> {
    const { version, sealing } = this.#current()
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
    const additionalData = this.#context(column, rowId, version)
    const ciphertext = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv: nonce, additionalData },
      sealing,
      utf8.encode(text),
    )
    const bytes = new Uint8Array(headerBytes + nonceBytes + ciphertext.byteLength)
    new DataView(bytes.buffer).setUint8(0, format)
    new DataView(bytes.buffer).setUint16(1, version)
    bytes.set(nonce, headerBytes)
    bytes.set(new Uint8Array(ciphertext), headerBytes + nonceBytes)
    return asSealed(bytes)
  }

  /** Seals a text that may be absent. */
  async sealOptional(column: PgColumn, rowId: string, text: string | null | undefined): Promise<Sealed | null> {
    return text === null || text === undefined ? null : await this.seal(column, rowId, text)
  }

  /** Opens what `seal` made for this very cell. Throws SealBroken for anything else, a version that nobody has included. */
  async open(column: PgColumn, rowId: string, stored: Uint8Array): Promise<string> {
    if (stored.length < headerBytes + nonceBytes || stored[0] !== format) throw new SealBroken('not a sealed value')
    const version = new DataView(stored.buffer, stored.byteOffset).getUint16(1)
    const key = this.#keys.get(version)
    if (key === undefined) throw this.#lackOf(version)
    const iv = stored.subarray(headerBytes, headerBytes + nonceBytes)
    const additionalData = this.#context(column, rowId, version)
    try {
      const plain = await crypto.subtle.decrypt(
        { name: 'AES-GCM', iv, additionalData },
        key.sealing,
        stored.subarray(headerBytes + nonceBytes),
      )
      return strictUtf8.decode(plain)
    } catch (error) {
      throw new SealBroken('the seal does not match', { cause: error })
    }
  }

  /** Opens a value that may be absent; what cannot be opened reads as null, so that one damaged cell costs only itself. */
  async read(column: PgColumn, rowId: string, stored: Uint8Array | null): Promise<string | null> {
    if (stored === null) return null
    try {
      return await this.open(column, rowId, stored)
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error
      this.#onBroken({ table: getTableName(column.table), column: column.name, rowId, stored })
      return null
    }
  }

  /** A name (HMAC-SHA-256, 32 bytes) for a text, which nobody can work out without this person's key. */
  async nameOf(text: string): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign('HMAC', this.#current().naming, utf8.encode(text)))
  }

  /** The hashes of the words of a text, to be stored beside its seal. */
  indexWords(text: string): readonly bigint[] {
    return hashWords(this.#current().indexing, wordsOf(text))
  }

  /** The hashes that find a text's words: one list for each data key that opens what is stored under it, newest first. */
  wordQueries(text: string): readonly (readonly bigint[])[] {
    const words = wordsOf(text)
    return [...this.#keys.values()].toReversed().map(({ indexing }) => hashWords(indexing, words))
  }

  #current(): DataKey {
    const key = this.#keys.get(this.newestVersion)
    if (key === undefined) throw new Problem('key_unavailable')
    return key
  }

  // Only of a key that is known to be there is it known that the cell is good; any other version is as likely a turned bit.
  #lackOf(version: number): Problem | SealBroken {
    const isKnown = this.#keys.size === 0 || this.#brokenVersions.has(version)
    return isKnown ? new Problem('key_unavailable') : new SealBroken('no key of that version')
  }

  #context(column: PgColumn, rowId: string, version: number): Uint8Array {
    return utf8.encode(
      JSON.stringify(['neuraform/seal/1', getTableName(column.table), column.name, rowId, this.userId, version]),
    )
  }
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one place where bytes become `Sealed`: just encrypted
const asSealed = (bytes: Uint8Array) => bytes as Sealed
