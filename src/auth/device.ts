import Bowser from 'bowser'
import * as z from 'zod'
import type { Device, Location, LoginRequest } from '#src/auth/shapes.ts'
import { bearerToken } from '#src/http/access.ts'
import { isFromOwnOrigin, sessionCookies } from '#src/http/session-cookie.ts'
import type { AppContext } from '#src/http/context.ts'
import { addressPrefix } from '#src/http/rate-limit.ts'
import { checkSessionToken } from '#src/vault/session-token.ts'

const longestUserAgent = 400

/** What a request that signs in says of its device, bounded and coarse. */
export function deviceOf(c: AppContext, deviceInfo: LoginRequest['device_info']): Device {
  // A foreign page cannot end a session by the cookie that the browser sends along.
  const cookie = isFromOwnOrigin(c) ? sessionCookies(c)[0] : undefined
  const presented = bearerToken(c.req.header('Authorization')) ?? cookie
  return {
    deviceInfo,
    userAgent: c.req
      .header('User-Agent')
      ?.replaceAll(/[^\x20-\x7e]/g, '')
      .slice(0, longestUserAgent),
    ipPrefix: coarseAddress(c.req.header('CF-Connecting-IP')),
    location: locationOf(c),
    presentedTokenHash: presented === undefined ? undefined : checkSessionToken(c.get('config'), presented),
  }
}

/** The same device, whose sign-in takes the place of a session: that of a token hash in base64url, where one is given. */
export const deviceThatReplaces = (device: Device, replaced: string | undefined): Device => ({
  ...device,
  presentedTokenHash:
    replaced === undefined ? device.presentedTokenHash : Uint8Array.fromBase64(replaced, { alphabet: 'base64url' }),
})

/** The token hash of the session that the browser's cookie holds, whether or not it is live. */
export function heldTokenHash(c: AppContext): Uint8Array | undefined {
  const [cookie, ...others] = sessionCookies(c)
  return cookie === undefined || others.length > 0 ? undefined : checkSessionToken(c.get('config'), cookie)
}

/** The network that an address lies in: /24 of IPv4, /48 of IPv6, as text that can be shown. */
function coarseAddress(address: string | undefined): string | undefined {
  if (address === undefined || address === '') return undefined
  const canonical = addressPrefix(address)
  if (!canonical.includes(':')) return `${canonical.split('.').slice(0, 3).join('.')}.0/24`
  return `${canonical.split(':').slice(0, 3).join(':')}::/48`
}

const Cf = z.object({
  city: z.string().max(200).nullable().catch(null),
  country: z.string().max(10).nullable().catch(null),
})

/** Where the network places the address (Workers: `request.cf`); undefined where it says nothing. */
function locationOf(c: AppContext): Location | undefined {
  const place = Cf.safeParse(c.req.raw.cf).data
  return place === undefined || (place.city === null && place.country === null) ? undefined : place
}

/** What a user agent says that it runs on and in; nothing where it is none that is known. */
export function describeUserAgent(userAgent: string | null): { platform: string | null; browser: string | null } {
  if (userAgent === null || userAgent === '') return { platform: null, browser: null }
  // oxlint-disable-next-line import/no-named-as-default-member -- its types name what its module does not export by name
  const { os, browser } = Bowser.parse(userAgent)
  return { platform: os.name ?? null, browser: browser.name ?? null }
}
