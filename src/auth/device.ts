import type { Device, LoginRequest } from '#src/auth/shapes.ts'
import { bearerToken } from '#src/http/access.ts'
import type { AppContext } from '#src/http/context.ts'
import { addressPrefix } from '#src/http/rate-limit.ts'
import { checkSessionToken } from '#src/vault/session-token.ts'

const longestUserAgent = 400

/** What a request that signs in says of its device, bounded and coarse. */
export function deviceOf(c: AppContext, deviceInfo: LoginRequest['device_info']): Device {
  const presented = bearerToken(c.req.header('Authorization'))
  return {
    deviceInfo,
    userAgent: c.req
      .header('User-Agent')
      ?.replaceAll(/[^\x20-\x7e]/g, '')
      .slice(0, longestUserAgent),
    ipPrefix: coarseAddress(c.req.header('CF-Connecting-IP')),
    presentedTokenHash: presented === undefined ? undefined : checkSessionToken(c.get('config'), presented),
  }
}

/** The network that an address lies in: /24 of IPv4, /48 of IPv6, as text that can be shown. */
function coarseAddress(address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined
  const canonical = addressPrefix(address)
  if (!canonical.includes(':')) return `${canonical.split('.').slice(0, 3).join('.')}.0/24`
  return `${canonical.split(':').slice(0, 3).join(':')}::/48`
}
