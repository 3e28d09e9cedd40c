import { crc32 } from 'node:zlib'
import { Problem } from '#src/http/problem.ts'
import { inflateBounded } from '#src/personas/cards/inflate.ts'

/** A file in a ZIP archive, as its central directory has it. */
export interface ZipEntry {
  readonly path: string
  /** How long it is when it is unpacked. */
  readonly size: number
  readonly unpack: () => Uint8Array
}

interface CentralHeader {
  readonly name: Uint8Array
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packedSize: number
  readonly size: number
  readonly offset: number
}

const [endSize, centralSize, localSize] = [22, 46, 30]
const mostEntries = 5_000
const broken = (detail: string) => new Problem('malformed_body', detail)
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/**
 * The files of a ZIP archive (PKWARE APPNOTE 6.3.10), none of them unpacked. Throws `malformed_body` for what is no ZIP of
 * one piece, is encrypted or ZIP64, or names a file twice. `unpack` throws the same where a local header says something
 * else than the directory, or data does not inflate to the size and CRC that it was said to have.
 */
export function zipEntries(zip: Uint8Array): ReadonlyMap<string, ZipEntry> {
  const { count, start, end } = endRecordOf(zip)
  const entries = new Map<string, ZipEntry>()
  let at = start
  for (let index = 0; index < count; index += 1) {
    const { header, next } = centralHeaderAt(zip, at, end)
    const path = new TextDecoder().decode(header.name)
    if (entries.has(path)) throw broken('The ZIP names a file twice.')
    entries.set(path, { path, size: header.size, unpack: () => unpack(zip, header, start) })
    at = next
  }
  if (at !== end) throw broken("The ZIP's directory is not as long as it says.")
  return entries
}

function endRecordOf(zip: Uint8Array): { readonly count: number; readonly start: number; readonly end: number } {
  const view = viewOf(zip)
  const lowest = Math.max(0, zip.length - endSize - 0xffff)
  for (let at = zip.length - endSize; at >= lowest; at -= 1) {
    if (view.getUint32(at, true) !== 0x06054b50 || at + endSize + view.getUint16(at + 20, true) !== zip.length) continue
    const [disk, directoryDisk, here, count] = [4, 6, 8, 10].map((field) => view.getUint16(at + field, true))
    const [size, start] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)]
    const isZip64 = count === 0xffff || size === 0xffffffff || start === 0xffffffff
    if (isZip64) throw broken('ZIP64 is not taken.')
    if (disk !== 0 || directoryDisk !== 0 || here !== count) throw broken('A ZIP of many pieces is not taken.')
    if (count === undefined || count > mostEntries) throw broken('The ZIP holds too many files.')
    if (start + size !== at) throw broken("The ZIP's directory is not where it says.")
    return { count, start, end: at }
  }
  throw broken('This is not a ZIP.')
}

function centralHeaderAt(
  zip: Uint8Array,
  at: number,
  end: number,
): { readonly header: CentralHeader; readonly next: number } {
  const view = viewOf(zip)
  if (at + centralSize > end || view.getUint32(at, true) !== 0x02014b50) throw broken("The ZIP's directory is broken.")
  const [nameLength, extraLength, commentLength] = [
    view.getUint16(at + 28, true),
    view.getUint16(at + 30, true),
    view.getUint16(at + 32, true),
  ]
  const next = at + centralSize + nameLength + extraLength + commentLength
  if (next > end) throw broken("The ZIP's directory is broken.")
  const header = {
    name: zip.subarray(at + centralSize, at + centralSize + nameLength),
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packedSize: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
  }
  // Bit 0 is encryption, 6 the strong one, 13 an encrypted directory.
  if ((header.flags & 0x2041) !== 0) throw broken('An encrypted ZIP is not taken.')
  if (view.getUint16(at + 34, true) !== 0) throw broken('A ZIP of many pieces is not taken.')
  if ([header.packedSize, header.size, header.offset].includes(0xffffffff)) throw broken('ZIP64 is not taken.')
  return { header, next }
}

function unpack(zip: Uint8Array, header: CentralHeader, directoryStart: number): Uint8Array {
  const start = dataStart(zip, header, directoryStart)
  const packed = zip.subarray(start, start + header.packedSize)
  const bytes = header.method === 0 ? packed : inflateBounded(packed, 'raw', header.size)
  if (bytes?.length !== header.size) throw broken('A file in the ZIP does not have the size that it says.')
  if (crc32(bytes) !== header.crc) throw broken('The CRC of a file in the ZIP is wrong.')
  return bytes
}

/** Where a file's data begins: its local header must say what the directory says, since programs read either. */
function dataStart(zip: Uint8Array, header: CentralHeader, directoryStart: number): number {
  const { offset, name, flags, method, crc, packedSize, size } = header
  const view = viewOf(zip)
  if (method !== 0 && method !== 8) throw broken('A file in the ZIP is packed in a way that is not taken.')
  if (offset + localSize > directoryStart || view.getUint32(offset, true) !== 0x04034b50) {
    throw broken('A file in the ZIP is not where the directory says.')
  }
  const nameEnd = offset + localSize + view.getUint16(offset + 26, true)
  const start = nameEnd + view.getUint16(offset + 28, true)
  if (start + packedSize > directoryStart) throw broken('A file in the ZIP is longer than the rest of it.')
  const localName = zip.subarray(offset + localSize, nameEnd)
  const isSameName = localName.length === name.length && name.every((byte, index) => localName[index] === byte)
  const said = [14, 18, 22].map((field) => view.getUint32(offset + field, true))
  // With bit 3 the three follow the data, and are zero here.
  const isLater = (flags & 8) !== 0 && said.every((value) => value === 0)
  const isSameSaid = isLater || [crc, packedSize, size].every((value, index) => said[index] === value)
  const [localFlags, localMethod] = [view.getUint16(offset + 6, true), view.getUint16(offset + 8, true)]
  if (!isSameName || !isSameSaid || localFlags !== flags || localMethod !== method) {
    throw broken('The ZIP says two things of one file.')
  }
  return start
}
