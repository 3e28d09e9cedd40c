import { createHash } from 'node:crypto'
import { callApi } from '#scripts/demo/api.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'

/** Where the service is, and the local identity servers that stand in Apple's and Facebook's place. */
export interface WaysInStage {
  readonly origin: string
  readonly upstreamOrigin: string
}

interface SignedIn {
  readonly session_token: string
  readonly user: { readonly id: string; readonly first_name: string }
}

interface Identity {
  readonly provider: string
}

/** What an app sends of a sign-in with a provider's own SDK. */
type Proof = Readonly<Record<string, string>>

/**
 * Adds Apple and Facebook to the account as native apps do, signs in with each, and replaces the token of a session. Throws
 * StepFailure when somebody else comes out.
 */
export async function addWaysIn(stage: WaysInStage, steps: Steps, token: string, userId: string): Promise<void> {
  const providers = [
    ['Apple', () => appleProof(stage)],
    ['Facebook', () => facebookProof(stage)],
  ] as const
  for (const [name, proof] of providers) {
    await steps.run(
      `link ${name}`,
      201,
      async () => await callApi<Identity>(stage.origin, 'POST', '/auth/identities', { token, body: await proof() }),
      ({ body }) => `the account has ${body.provider} too`,
    )
    const { body } = await steps.run(
      `sign in with ${name}`,
      200,
      async () => await callApi<SignedIn>(stage.origin, 'POST', '/auth/login', { body: await proof() }),
      (answer) => `${answer.body.user.first_name} again`,
    )
    if (body.user.id !== userId) throw new StepFailure(`${name} leads to another account.`)
    if (name === 'Facebook') await replaceToken(stage, steps, body.session_token)
  }
}

async function replaceToken({ origin }: WaysInStage, steps: Steps, token: string): Promise<void> {
  const { body } = await steps.run(
    'replace the token',
    200,
    () => callApi<{ session_token: string }>(origin, 'POST', '/auth/refresh', { token }),
    () => 'the old one works on for a moment, and then no more',
  )
  if (body.session_token === token) throw new StepFailure('The token was not replaced.')
}

/** Apple's SDK puts the SHA-256 of the nonce into its request, and hands over a code that can be revoked later. */
async function appleProof({ origin, upstreamOrigin }: WaysInStage): Promise<Proof> {
  const nonce = (await callApi<{ nonce: string }>(origin, 'POST', '/auth/nonce')).body.nonce
  const hash = createHash('sha256').update(nonce).digest('hex')
  const { body } = await callApi<{ id_token: string; authorization_code: string }>(
    upstreamOrigin,
    'POST',
    '/apple/id-token',
    { body: { person: 'ada', nonce: hash } },
  )
  return { provider: 'apple', token: body.id_token, nonce, authorization_code: body.authorization_code }
}

async function facebookProof({ upstreamOrigin }: WaysInStage): Promise<Proof> {
  const { body } = await callApi<{ access_token: string }>(upstreamOrigin, 'POST', '/facebook/access-token', {
    body: { person: 'ada' },
  })
  return { provider: 'facebook', token: body.access_token }
}
