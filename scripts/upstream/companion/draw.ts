import { createHash } from 'node:crypto'

/** Draws one of the items; the same key always draws the same one. Undefined only from an empty list. */
export type Draw = <T>(items: readonly T[], key: string) => T | undefined

/** A way to draw that depends on the seed alone, so that the same conversation always gets the same reply. */
export function createDraw(seed: string): Draw {
  return (items, key) => {
    const digest = createHash('sha256').update(`${seed}\0${key}`).digest()
    return items[digest.readUInt32BE() % Math.max(items.length, 1)]
  }
}
