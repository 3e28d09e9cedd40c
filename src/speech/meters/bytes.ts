export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The four characters at an offset; fewer where the bytes end. */
export const tagAt = (bytes: Uint8Array, offset: number): string =>
  String.fromCodePoint(...bytes.subarray(offset, offset + 4))

/** An unsigned integer of up to eight bytes, the highest first; beyond 2^53 it loses its lowest bits. */
export const uintOf = (bytes: Uint8Array): number => bytes.reduce((value, byte) => value * 256 + byte, 0)
