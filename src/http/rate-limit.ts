import type { MiddlewareHandler } from 'hono'
import type { AppContext, AppEnv } from '#src/http/context.ts'
import { Problem } from '#src/http/problem.ts'

/** The bindings that shield the service first; what costs money is counted exactly in the database besides. */
export type Limiter = 'API_LIMITER' | 'AUTH_LIMITER' | 'COSTLY_LIMITER'

/**
 * Counts the request against a limiter: by session where a token was presented, else, or where that is what counts, by
 * address. Throws `too_many_requests`. A limiter that fails lets ordinary requests pass and refuses sign-in and what costs
 * money.
 */
export function limitRate(limiter: Limiter, isByAddress = false): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const binding = c.get('config').bindings[limiter]
    if (binding !== undefined && !(await isWithinLimit(binding, limiter, rateKey(c, isByAddress)))) {
      throw new Problem('too_many_requests')
    }
    await next()
  }
}

async function isWithinLimit(binding: RateLimit, limiter: Limiter, key: string): Promise<boolean> {
  try {
    return (await binding.limit({ key })).success
  } catch (error) {
    if (limiter === 'API_LIMITER') return true
    throw new Problem('unavailable', undefined, { cause: error })
  }
}

function rateKey(c: AppContext, isByAddress: boolean): string {
  const caller = c.get('caller')
  return caller === undefined || isByAddress
    ? `ip:${addressPrefix(c.req.header('CF-Connecting-IP'))}`
    : `session:${caller.tokenHash.toHex()}`
}

/**
 * The part of an address that stands for one household: an IPv4 address whole, the first 64 bits of an IPv6 address in
 * canonical spelling. Only Cloudflare's own header is read; `local` when there is none.
 */
export function addressPrefix(address: string | undefined): string {
  if (address === undefined || address === '') return 'local'
  if (!address.includes(':')) return address
  const mapped = /^(?:::ffff:)(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length)
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...rest]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
