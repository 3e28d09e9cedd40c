import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identities, users } from '#src/accounts/tables.ts'
import { configOf } from '#src/config.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { createDataKey, type DataKey } from '#src/vault/data-key.ts'
import { SealBroken, Vault } from '#src/vault/vault.ts'

const userId = crypto.randomUUID()
const rowId = crypto.randomUUID()

const newKey = async (owner = userId): Promise<DataKey> => (await createDataKey(configOf(env), owner)).dataKey
const key = await newKey()
const vault = new Vault(userId, [key])

const texts = fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => text.isWellFormed())

/** Whether opening fails the way it must: with SealBroken, and with nothing of the text in what it says. */
async function isRefused(attempt: Promise<string>): Promise<boolean> {
  return await attempt.then(
    () => false,
    (error: unknown) => error instanceof SealBroken,
  )
}

describe('a sealed text', () => {
  it('opens as it was, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect(await vault.open(users.email, rowId, await vault.seal(users.email, rowId, text))).toBe(text)
      }),
    )
  })

  it.each(['', '\u{feff}starts with a byte order mark', '👩‍👩‍👧‍👦 مريم 𠮷', 'e\u0301', 'x'.repeat(100_000)])(
    'opens byte for byte: %.30j',
    async (text) => {
      expect(await vault.open(messages.content, rowId, await vault.seal(messages.content, rowId, text))).toBe(text)
    },
  )

  it('never looks the same twice, and shows its length alone', async () => {
    const seals = await Promise.all(Array.from({ length: 200 }, () => vault.seal(users.email, rowId, 'the same words')))
    expect(new Set(seals.map((seal) => seal.toHex())).size).toBe(200)
    expect(new Set(seals.map((seal) => seal.subarray(3, 15).toHex())).size).toBe(200)
    expect(new Set(seals.map((seal) => seal.length))).toEqual(new Set([1 + 2 + 12 + 'the same words'.length + 16]))
    expect(seals.some((seal) => new TextDecoder().decode(seal).includes('words'))).toBe(false)
  })

  it('opens in its own cell alone', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada@example.com')
    const elsewhere = [
      vault.open(users.firstName, rowId, sealed),
      vault.open(identities.email, rowId, sealed),
      vault.open(conversations.title, rowId, sealed),
      vault.open(users.email, crypto.randomUUID(), sealed),
      new Vault(crypto.randomUUID(), [key]).open(users.email, rowId, sealed),
      new Vault(userId, [await newKey()]).open(users.email, rowId, sealed),
      new Vault(userId, [{ ...key, version: 2 }]).open(users.email, rowId, sealed),
    ]
    expect(await Promise.all(elsewhere.map(isRefused))).toEqual(elsewhere.map(() => true))
  })

  it('does not open under another version than it names, though that is there', async () => {
    const both = new Vault(userId, [key, { ...key, version: 2 }])
    const sealed = await both.seal(users.email, rowId, 'ada@example.com')
    const renamed = sealed.slice()
    new DataView(renamed.buffer).setUint16(1, 1)
    expect(await both.open(users.email, rowId, sealed)).toBe('ada@example.com')
    expect(await isRefused(both.open(users.email, rowId, renamed))).toBe(true)
  })

  it('does not open once any of its bits is turned', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada@example.com')
    const turned = Array.from({ length: sealed.length * 8 }, (_, bit) => {
      const copy = sealed.slice()
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return vault.open(users.email, rowId, copy)
    })
    expect(new Set(await Promise.all(turned.map(isRefused)))).toEqual(new Set([true]))
  })

  it('does not open once it is cut or lengthened', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada@example.com')
    const cut = Array.from({ length: sealed.length }, (_, length) => sealed.slice(0, length))
    const tails = Array.from({ length: sealed.length - 1 }, (_, start) => sealed.slice(start + 1))
    const changed = [...cut, ...tails, new Uint8Array([...sealed, 0])].map((bytes) =>
      vault.open(users.email, rowId, bytes),
    )
    expect(new Set(await Promise.all(changed.map(isRefused)))).toEqual(new Set([true]))
  })

  it('opens from within a larger buffer, as a driver hands it over', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada@example.com')
    const buffer = new Uint8Array(sealed.length + 20)
    buffer.set(sealed, 7)
    expect(await vault.open(users.email, rowId, buffer.subarray(7, 7 + sealed.length))).toBe('ada@example.com')
  })

  it('says nothing of its words when it does not open', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada@example.com')
    const error: unknown = await vault.open(users.firstName, rowId, sealed).catch((reason: unknown) => reason)
    expect(String(error)).toBe('SealBroken: the seal does not match')
  })
})

describe('reading a cell', () => {
  it('gives null for an empty one, and the text of a sealed one', async () => {
    expect(await vault.read(users.email, rowId, null)).toBeNull()
    expect(await vault.read(users.email, rowId, await vault.seal(users.email, rowId, 'ada'))).toBe('ada')
  })

  it('gives null for a broken one, and tells the operator which', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada')
    const told: unknown[] = []
    const watched = new Vault(userId, [key], { onBroken: (cell) => told.push(cell) })
    expect(await watched.read(users.email, rowId, sealed)).toBe('ada')
    expect(await watched.read(users.firstName, rowId, sealed)).toBeNull()
    expect(told).toEqual([{ table: 'users', column: 'first_name', rowId, stored: sealed }])
  })

  it('seals nothing for what is absent', async () => {
    expect([
      await vault.sealOptional(users.email, rowId, null),
      await vault.sealOptional(users.email, rowId, undefined),
    ]).toEqual([null, null])
  })
})

describe('a person’s keys', () => {
  it('all open, and the newest seals', async () => {
    const newer = { ...(await newKey()), version: 2 }
    const old = await vault.seal(users.email, rowId, 'before')
    const both = new Vault(userId, [key, newer])
    expect(await both.open(users.email, rowId, old)).toBe('before')
    const sealed = await both.seal(users.email, rowId, 'after')
    expect(await new Vault(userId, [newer]).open(users.email, rowId, sealed)).toBe('after')
    expect(await isRefused(vault.open(users.email, rowId, sealed))).toBe(true)
  })

  const failureOf = async (attempt: Promise<unknown>): Promise<unknown> =>
    await attempt.then(
      () => undefined,
      (error: unknown) => error,
    )
  const unavailable = { name: 'Problem', code: 'key_unavailable' }

  it('are missed by what they sealed, and by nothing else', async () => {
    const newer = { ...(await newKey()), version: 2 }
    const old = await vault.seal(users.email, rowId, 'before')
    const recent = await new Vault(userId, [newer]).seal(users.email, rowId, 'after')
    const broken = (version: number) => [{ version, reason: 'damaged' }] as const
    const withoutOld = new Vault(userId, [newer], { broken: broken(1) })
    expect(await withoutOld.read(users.email, rowId, recent)).toBe('after')
    expect(await withoutOld.open(users.email, rowId, await withoutOld.seal(users.email, rowId, 'x'))).toBe('x')
    expect(withoutOld.wordQueries('x')).toHaveLength(1)
    expect(await failureOf(withoutOld.read(users.email, rowId, old))).toMatchObject(unavailable)
    const withoutNew = new Vault(userId, [key], { broken: broken(2) })
    expect(withoutNew.newestVersion).toBe(2)
    expect(await withoutNew.read(users.email, rowId, old)).toBe('before')
    expect(await failureOf(withoutNew.read(users.email, rowId, recent))).toMatchObject(unavailable)
    expect(await failureOf(withoutNew.seal(users.email, rowId, 'x'))).toMatchObject(unavailable)
    expect(await failureOf(withoutNew.nameOf('x'))).toMatchObject(unavailable)
    expect(() => withoutNew.indexWords('x')).toThrow(expect.objectContaining(unavailable))
  })

  it('of a person who has none open nothing, and a cell that is no seal is still a broken one', async () => {
    const none = new Vault(userId, [], { broken: [{ version: 0, reason: 'lost' }] })
    const sealed = await vault.seal(users.email, rowId, 'ada')
    expect(await failureOf(none.read(users.email, rowId, sealed))).toMatchObject(unavailable)
    expect(await none.read(users.email, rowId, sealed.slice(0, 9))).toBeNull()
    expect(await none.read(users.email, rowId, null)).toBeNull()
  })

  it('of a version that the person never had are a turned bit: the cell alone is lost', async () => {
    const sealed = await vault.seal(users.email, rowId, 'ada')
    const other = sealed.with(2, 7)
    expect(await new Vault(userId, [key]).read(users.email, rowId, other)).toBeNull()
  })

  it('give a text a name that is always the same, and that nobody else’s keys give', async () => {
    const [one, again, other, stranger] = await Promise.all([
      vault.nameOf('hello'),
      vault.nameOf('hello'),
      vault.nameOf('hello '),
      new Vault(userId, [await newKey()]).nameOf('hello'),
    ])
    expect(one).toEqual(again)
    expect([one.length, new Set([one, other, stranger].map((name) => name.toHex())).size]).toEqual([32, 3])
  })
})
