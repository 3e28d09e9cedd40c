import { env } from 'cloudflare:workers'
import type { Env } from '#src/config.ts'

const made = new WeakMap<Partial<Env>, Env>()

/** The tests' environment with some of it replaced; one for each replacement, so that its configuration is read once. */
export function envWith(replaced: Partial<Env>): Env {
  const known = made.get(replaced) ?? { ...env, ...replaced }
  made.set(replaced, known)
  return known
}
