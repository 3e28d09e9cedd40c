import { deflateRawSync } from 'node:zlib'

// PNG and ZIP by the letter of their specifications, without a line of the code that is tested.

/** CRC-32 bit by bit (ISO 3309). */
export function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const base64Of = (text: string): string => Buffer.from(text).toString('base64')
export const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

const bigEndian = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)

export function chunk(type: string, data: Uint8Array, crcFlip = 0): Uint8Array {
  const body = join(bytesOf(type), data)
  return join(bigEndian(data.length), body, bigEndian((crcOf(body) ^ crcFlip) >>> 0))
}

export const signature = Uint8Array.from(Buffer.from('89504e470d0a1a0a', 'hex'))
export const header = chunk('IHDR', Uint8Array.from(Buffer.from('00000001000000010802000000', 'hex')))
export const pixels = chunk('IDAT', Uint8Array.from(Buffer.from('789c63f8cfc00000030101', 'hex')))
export const end = chunk('IEND', new Uint8Array())
export const pngOf = (...chunks: readonly Uint8Array[]): Uint8Array => join(signature, header, ...chunks, pixels, end)
export const textChunk = (keyword: string, content: string, crcFlip = 0) =>
  chunk('tEXt', bytesOf(`${keyword}\0${content}`), crcFlip)

export interface ZipFile {
  readonly path: string
  readonly data: Uint8Array
  readonly stored?: boolean
  /** What the headers say instead of the truth. */
  readonly flags?: number
  readonly localFlags?: number
  readonly localPath?: string
  readonly localSize?: number
  readonly method?: number
  readonly size?: number
  readonly crc?: number
  readonly packed?: Uint8Array
  readonly offset?: number
  readonly isSizedLater?: boolean
}

const fields = (...values: readonly (readonly [number, 2 | 4])[]) => {
  const bytes = Buffer.alloc(values.reduce((sum, [, width]) => sum + width, 0))
  let at = 0
  for (const [value, width] of values) at = bytes.writeUIntLE(value, at, width)
  return bytes
}

export function zipOf(files: readonly ZipFile[], last: { comment?: string; disk?: number; count?: number } = {}) {
  const [locals, directory]: [Uint8Array[], Uint8Array[]] = [[], []]
  let offset = 0
  for (const file of files) {
    const packed = file.packed ?? (file.stored === true ? file.data : deflateRawSync(file.data))
    const [crc, size] = [file.crc ?? crcOf(file.data), file.size ?? file.data.length]
    const method = file.method ?? (file.stored === true ? 0 : 8)
    const flags = file.flags ?? (file.isSizedLater === true ? 0x808 : 0x800)
    const [name, localName] = [bytesOf(file.path), bytesOf(file.localPath ?? file.path)]
    const said = file.isSizedLater === true ? [0, 0, 0] : [crc, packed.length, file.localSize ?? size]
    const [saidCrc = 0, saidPacked = 0, saidSize = 0] = said
    const local = join(
      fields([0x04034b50, 4], [20, 2], [file.localFlags ?? flags, 2], [method, 2], [0, 4]),
      fields([saidCrc, 4], [saidPacked, 4], [saidSize, 4], [localName.length, 2], [0, 2]),
      localName,
      packed,
      file.isSizedLater === true ? fields([0x08074b50, 4], [crc, 4], [packed.length, 4], [size, 4]) : new Uint8Array(),
    )
    locals.push(local)
    directory.push(
      fields([0x02014b50, 4], [20, 2], [20, 2], [flags, 2], [method, 2], [0, 4], [crc, 4], [packed.length, 4]),
      fields([size, 4], [name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [file.offset ?? offset, 4]),
      name,
    )
    offset += local.length
  }
  const central = join(...directory)
  const count = last.count ?? files.length
  return join(
    ...locals,
    central,
    fields([0x06054b50, 4], [last.disk ?? 0, 2], [0, 2], [count, 2], [count, 2], [central.length, 4], [offset, 4]),
    fields([(last.comment ?? '').length, 2]),
    bytesOf(last.comment ?? ''),
  )
}

/** What a call was refused with: the code of the problem, or 'taken'. */
export async function refusalOf(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt()
    return 'taken'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
