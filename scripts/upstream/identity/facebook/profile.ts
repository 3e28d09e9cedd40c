import { facebookApp } from '#scripts/upstream/identity/local-clients.ts'
import { digest, type Person } from '#scripts/upstream/identity/people.ts'

/** A person's id at Facebook, which is another one for each app: 17 digits. */
export function facebookUserId({ label }: Person, appId: string = facebookApp.id): string {
  return `1${BigInt(`0x${digest(`facebook:${appId}:${label}`)}`)
    .toString()
    .slice(0, 16)
    .padStart(16, '0')}`
}

export function pictureUrl(userId: string): string {
  return `https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=${userId}`
}
