import { vi } from 'vitest'

/** Looks again until what must come to hold does, for as long as a busy machine may need; what it found. */
export const eventually = async <T>(look: () => T | Promise<T>): Promise<T> =>
  await vi.waitFor(look, { timeout: 15_000, interval: 10 })
