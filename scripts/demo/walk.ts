import { people } from '#scripts/upstream/identity/people.ts'
import { callApi, streamTurn, type ApiAnswer } from '#scripts/demo/api.ts'
import { changeMind, type Talk } from '#scripts/demo/change-mind.ts'
import { rememberAndForget } from '#scripts/demo/remember.ts'
import { leave, showNothingLeft, showSealed } from '#scripts/demo/leave.ts'
import { readHoldings, type Stores } from '#scripts/demo/remains.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'
import { takeAlong } from '#scripts/demo/take-along.ts'
import { addWaysIn, type WaysInStage } from '#scripts/demo/ways-in.ts'

/** What the walk needs of the running stack. */
export interface Stage extends Stores, WaysInStage {
  /** Issues ID tokens: the local identity server, or the one that GOOGLE_ENDPOINTS names. */
  readonly issuer: string
  readonly audience: string
}

const title = 'The evening before the examination'
const firstWords = 'I am nervous about my astronomy examination tomorrow.'
const devices = ['Kitchen laptop', 'Old phone'] as const
const secondWords = 'Yesterday I practised the constellations with my grandmother.'

interface SignedIn {
  readonly session_token: string
  readonly user: { readonly id: string; readonly first_name: string; readonly email: string | null }
}

/** Walks the main job from the first sign-in to the last trace. Throws StepFailure at the first thing that is wrong. */
export async function walk(stage: Stage, steps: Steps): Promise<void> {
  const before = await readHoldings(stage)
  const { token, userId } = await join(stage, steps)
  const reply = await talk(stage, steps, token)
  const changed = await changeMind(reply.talk, steps)
  await takeAlong(reply.talk, steps)
  await hear(stage, steps, token, reply)
  const recalled = await rememberAndForget({ origin: stage.origin, token }, steps)
  await useSecondDevice(stage, steps, token)
  await addWaysIn(stage, steps, token, userId)
  await readSecurityLog(stage, steps, token)
  const spoken = [title, firstWords, secondWords, reply.text, ...changed, ...recalled, ...devices, ...ada().words]
  await showSealed(stage, spoken)
  await leave(stage, steps, token)
  await showNothingLeft(stage, [...spoken, userId], before)
  const missing = steps.missing()
  if (missing.length > 0)
    throw new StepFailure(`ARCHITECTURE.md states steps that were not taken: ${missing.join(', ')}.`)
}

function ada() {
  const person = people.find(({ label }) => label === 'ada')
  if (person?.email === undefined) throw new StepFailure('There is no test person named ada.')
  return { ...person, words: [person.email, person.familyName, person.birthdate] }
}

async function join({ origin, issuer, audience }: Stage, steps: Steps): Promise<{ token: string; userId: string }> {
  const person = ada()
  const login = await steps.run(
    'sign in (new)',
    200,
    async () =>
      await callApi<{ status: string; registration_ticket: string; suggested: { first_name: string } }>(
        origin,
        'POST',
        '/auth/login',
        { body: { provider: 'google', token: await idToken(issuer, audience) } },
      ),
    ({ body }) => `Google vouches for ${body.suggested.first_name}: ${body.status}`,
  )
  if (login.body.status !== 'registration_required') {
    throw new StepFailure('Ada has an account in this database already: erase it, or name another database.')
  }
  const registered = await steps.run(
    'register',
    201,
    () =>
      callApi<SignedIn>(origin, 'POST', '/auth/register', {
        body: {
          registration_ticket: login.body.registration_ticket,
          first_name: person.givenName,
          last_name: person.familyName,
          birthdate: person.birthdate,
          terms_version: '2026-01',
          privacy_version: '2026-01',
          device_info: { platform: 'web', name: devices[0] },
        },
      }),
    ({ body }) => `${body.user.first_name} has an account`,
  )
  const token = registered.body.session_token
  await steps.run(
    'profile',
    200,
    () => callApi<{ email: string; birthdate: string }>(origin, 'GET', '/auth/profile', { token }),
    ({ body }) => `${body.email}, born ${body.birthdate}`,
  )
  return { token, userId: registered.body.user.id }
}

/** An ID token for Ada, as her phone would get one from Google. */
async function idToken(issuer: string, audience: string): Promise<string> {
  const { body } = await callApi<{ id_token: string }>(issuer, 'POST', '/id-token', {
    body: { person: 'ada', audience },
  })
  return body.id_token
}

/** What the companion said last, and who it is. */
interface Reply {
  readonly text: string
  readonly personaId: string
  readonly talk: Talk
}

async function talk({ origin }: Stage, steps: Steps, token: string): Promise<Reply> {
  interface Personas {
    readonly items: readonly { id: string; display_name: string }[]
  }
  const names = ({ body }: ApiAnswer<Personas>) => body.items.map((persona) => persona.display_name).join(', ')
  const catalogue = await steps.run('personas (miss)', 200, () => callApi<Personas>(origin, 'GET', '/personas'), names)
  await steps.run(
    'personas (hit)',
    200,
    () => callApi<Personas>(origin, 'GET', '/personas'),
    () => 'from the edge',
  )
  const persona = catalogue.body.items[0]
  if (persona === undefined) throw new StepFailure('The catalogue is empty.')
  const conversation = await steps.run(
    'start a conversation',
    201,
    () => callApi<{ id: string }>(origin, 'POST', '/conversations', { token, body: { persona_id: persona.id, title } }),
    () => `with ${persona.display_name}: "${title}"`,
  )
  let reply = ''
  for (const [number, content] of [firstWords, secondWords].entries()) {
    console.log(`\n  Ada: ${content}`)
    process.stdout.write(`  ${persona.display_name}: `)
    const turn = await steps.run(
      `say something (${number + 1})`,
      200,
      async () => {
        const conversationId = conversation.body.id
        const onText = (delta: string) => void process.stdout.write(delta)
        const streamed = await streamTurn(origin, { token, conversationId, content, onText })
        process.stdout.write('\n\n')
        return streamed
      },
      (streamed) => `first words after ${streamed.firstTextMilliseconds.toFixed(0)} ms`,
    )
    reply = turn.text
  }
  return {
    text: reply,
    personaId: persona.id,
    talk: { origin, token, conversationId: conversation.body.id, companion: persona.display_name },
  }
}

interface Speech {
  readonly audio_url: string
  readonly duration_ms: number
  readonly audio_bytes: number
  readonly words: readonly unknown[]
  readonly visemes: readonly unknown[]
  readonly source: string
  readonly cache: string
}

async function hear({ origin }: Stage, steps: Steps, token: string, { text, personaId }: Reply): Promise<void> {
  const speak = () => callApi<Speech>(origin, 'POST', '/voice/speech', { token, body: { text, persona_id: personaId } })
  const tell = ({ body }: ApiAnswer<Speech>) =>
    `${body.cache}: ${body.duration_ms} ms of audio, ${body.words.length} words, ${body.visemes.length} shapes of the mouth (${body.source})`
  const spoken = await steps.run('speak the reply (miss)', 200, speak, tell)
  const again = await steps.run('speak the reply (hit)', 200, speak, tell)
  if (spoken.body.cache !== 'miss' || again.body.cache !== 'hit')
    throw new StepFailure('The second speech was not a hit.')
  await steps.run(
    'play a byte range',
    206,
    () => callApi<Uint8Array>(origin, 'GET', spoken.body.audio_url, { headers: { Range: 'bytes=0-1023' } }),
    ({ body, headers }) => `${body.length} bytes, ${headers.get('Content-Range')}`,
  )
}

async function useSecondDevice(stage: Stage, steps: Steps, token: string): Promise<void> {
  interface Sessions {
    readonly items: readonly { id: string; is_current: boolean; device_info: { name?: string } | null }[]
  }
  const { origin } = stage
  const second = await steps.run(
    'sign in (second device)',
    200,
    async () =>
      await callApi<SignedIn>(origin, 'POST', '/auth/login', {
        body: {
          provider: 'google',
          token: await idToken(stage.issuer, stage.audience),
          device_info: { platform: 'ios', name: devices[1] },
        },
      }),
    ({ body }) => `${body.user.first_name} is known`,
  )
  const sessions = await steps.run(
    'list sessions',
    200,
    () => callApi<Sessions>(origin, 'GET', '/auth/sessions', { token }),
    ({ body }) => body.items.map((session) => session.device_info?.name ?? 'unnamed').join(', '),
  )
  const other = sessions.body.items.find((session) => !session.is_current)
  if (other === undefined) throw new StepFailure('The second device is not in the list of sessions.')
  await steps.run(
    'revoke the second device',
    204,
    () => callApi(origin, 'DELETE', `/auth/sessions/${other.id}`, { token }),
    () => 'ended, everywhere',
  )
  await steps.run(
    'use the revoked session',
    401,
    () => callApi(origin, 'GET', '/auth/profile', { token: second.body.session_token }),
    () => 'refused on the very next request',
  )
}

async function readSecurityLog({ origin }: Stage, steps: Steps, token: string): Promise<void> {
  const log = await steps.run(
    'read the security log',
    200,
    () =>
      callApi<{ items: { action: string }[]; chain: { entries: number; broken_at: number | null } }>(
        origin,
        'GET',
        '/auth/security-log',
        { token },
      ),
    ({ body: { items, chain } }) =>
      `${items.map(({ action }) => action).join(', ')}: ${chain.entries} entries, the chain ${chain.broken_at === null ? 'holds' : 'is broken'}`,
  )
  if (log.body.chain.broken_at !== null) throw new StepFailure('The audit chain is broken.')
}
