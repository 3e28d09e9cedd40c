import { createHmac } from 'node:crypto'
import type { Asked } from '#test/setup/providers/fake-world.ts'
import type { PrivateProvider } from '#test/setup/providers/private-provider.ts'
import { secondsFromNow, secretsOf } from '#test/setup/providers/vendors.ts'

type Members = Readonly<Record<string, unknown>>

/** What Graph says of one access token, and of its person. */
interface Known {
  readonly inspection: Members
  readonly me: Members
}

/** Graph, as far as a sign-in asks it. */
export interface Graph {
  /** A classic access token of somebody new; members as wished, undefined takes one away. */
  issue(wish?: { readonly inspection?: Members; readonly me?: Members }): {
    readonly token: string
    readonly id: string
  }
}

/** The paths of a private Facebook's Graph. */
export const graphPaths = {
  inspection: '/graph/v25.0/debug_token',
  me: '/graph/v25.0/me',
  token: '/graph/v25.0/oauth/access_token',
}

/** An error as Graph words it. */
export const graphError = (code: number, more: Members = {}, status = 400) =>
  Response.json(
    { error: { message: 'Graph says no', type: 'OAuthException', code, fbtrace_id: 'A1', ...more } },
    { status },
  )

const proofOf = (token: string) => createHmac('sha256', secretsOf.facebook).update(token).digest('hex')

/** Whether a call carries this credential, outside of its URL, and its proof. */
function isProven({ url, headers }: Asked, token: string): boolean {
  const isOutsideOfUrl = url.searchParams.get('access_token') === null
  const isGiven = headers.get('Authorization') === `Bearer ${token}`
  return isOutsideOfUrl && isGiven && url.searchParams.get('appsecret_proof') === proofOf(token)
}

/** Makes a private Facebook's Graph answer as the real one does: also to who proves nothing. */
export function openGraph(facebook: PrivateProvider): Graph {
  const known = new Map<string, Known>()
  const appToken = `${facebook.audience}|${secretsOf.facebook}`
  facebook.publish(graphPaths.inspection, (asked) => {
    if (!isProven(asked, appToken)) return graphError(104)
    const inspection = known.get(asked.url.searchParams.get('input_token') ?? '')?.inspection
    return Response.json({ data: inspection ?? { is_valid: false, error: { code: 190, message: 'Malformed' } } })
  })
  facebook.publish(graphPaths.me, (asked) => {
    const token = asked.headers.get('Authorization')?.replace('Bearer ', '') ?? ''
    const me = known.get(token)?.me
    if (me === undefined || !isProven(asked, token)) return graphError(190)
    return Response.json(me)
  })
  return {
    issue: ({ inspection = {}, me = {} } = {}) => {
      const token = `EAAB${crypto.randomUUID().replaceAll('-', '')}ZD`
      const id = crypto.getRandomValues(new BigUint64Array(1)).toString()
      known.set(token, {
        inspection: {
          app_id: facebook.audience,
          type: 'USER',
          application: 'NeuraForm',
          is_valid: true,
          user_id: id,
          issued_at: secondsFromNow(-60),
          expires_at: secondsFromNow(5_184_000),
          data_access_expires_at: secondsFromNow(7_776_000),
          scopes: ['email', 'public_profile'],
          ...inspection,
        },
        me: {
          id,
          first_name: 'Ada',
          last_name: 'Marlowe',
          email: `ada.${crypto.randomUUID()}@example.com`,
          picture: { data: { url: 'https://platform-lookaside.fbsbx.com/1.jpg', is_silhouette: false } },
          ...me,
        },
      })
      return { token, id }
    },
  }
}

/** What Graph may say of an access token that is not to be believed. */
export const illegalAccessTokens: Readonly<Record<string, Parameters<Graph['issue']>[0]>> = {
  'that is not valid': { inspection: { is_valid: false } },
  'whose validity is a text': { inspection: { is_valid: 'true' } },
  'of which Graph does not say that it is valid': { inspection: { is_valid: undefined } },
  'of another app': { inspection: { app_id: '999' } },
  'of an app that begins with ours': { inspection: { app_id: '12345678901234567' } },
  'of no app': { inspection: { app_id: undefined } },
  'of a page': { inspection: { type: 'PAGE' } },
  'of an app itself': { inspection: { type: 'APP', user_id: undefined } },
  'of no type': { inspection: { type: undefined } },
  'of nobody': { inspection: { user_id: undefined } },
  'of an id that is a number': { inspection: { user_id: 42 }, me: { id: 42 } },
  'of an empty id': { inspection: { user_id: '' }, me: { id: '' } },
  'of an id that is a path': { inspection: { user_id: '../me' }, me: { id: '../me' } },
  'of an id with NUL': { inspection: { user_id: '1\0' }, me: { id: '1\0' } },
  'of an id of 256 characters': { inspection: { user_id: '1'.repeat(256) }, me: { id: '1'.repeat(256) } },
  'that has ended': { inspection: { expires_at: secondsFromNow(-1) } },
  'of which nobody says when it ends': { inspection: { expires_at: undefined } },
  'of two people': { me: { id: '42' } },
}
