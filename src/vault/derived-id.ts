import type { Config } from '#src/config.ts'
import { lookupIndex, type LookupScope } from '#src/vault/lookup.ts'

/**
 * The id (UUID version 8) that follows from a name for one person alone: the same name gives the same id, one of another
 * person's another.
 */
export async function derivedId(config: Config, scope: LookupScope, userId: string, name: string): Promise<string> {
  return asUuid(await hashOf(config, scope, userId, name))
}

/** The same, beginning as a UUIDv7 (RFC 9562 §5.7) does with a moment, by which such ids sort among others. */
export async function derivedIdAt(
  config: Config,
  scope: LookupScope,
  userId: string,
  name: string,
  milliseconds: number,
): Promise<string> {
  const bytes = await hashOf(config, scope, userId, name)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, Math.floor(milliseconds / 65_536))
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(4, milliseconds % 65_536)
  return asUuid(bytes)
}

const hashOf = async (config: Config, scope: LookupScope, userId: string, name: string) =>
  (await lookupIndex(config, scope, `${userId}\n${name}`)).slice(0, 16)

/** Whether an id may follow from a name: one that was made for its row is a UUIDv7. */
export const isDerived = (id: string): boolean => id[14] === '8'

function asUuid(bytes: Uint8Array): string {
  bytes.set([0x80 | ((bytes[6] ?? 0) & 0x0f)], 6)
  bytes.set([0x80 | ((bytes[8] ?? 0) & 0x3f)], 8)
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
