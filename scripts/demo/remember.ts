import { setTimeout as delay } from 'node:timers/promises'
import { callApi, type ApiAnswer } from '#scripts/demo/api.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'

/** A companion as somebody else's program has it: a character card, V2. */
const card = {
  spec: 'chara_card_v2',
  spec_version: '2.0',
  data: {
    name: 'Mira',
    description: 'Keeps the lighthouse of a small island, and knows every ship by its horn.',
    personality: 'patient, dry, warm',
    scenario: 'Late evening in the lantern room.',
    first_mes: 'You climbed all the stairs. Sit down, {{user}}.',
    mes_example: '<START>\n{{user}}: Is it lonely here?\n{{char}}: The sea talks. I only have to listen.',
    creator_notes: '',
    system_prompt: '',
    post_history_instructions: '',
    alternate_greetings: [],
    tags: ['sea'],
    creator: 'A. N. Other',
    character_version: '1',
    extensions: { another_program: { mood: 3 } },
  },
}

const told = 'My grandmother is called Henrietta.'
const asked = 'Whom could I visit on Sunday?'

interface Memory {
  readonly id: string
  readonly content: string
}

interface Setting {
  readonly origin: string
  readonly token: string
}

interface SaidTurn {
  readonly user_message: { readonly id: string }
  readonly reply: { readonly content: string; readonly memory_ids: readonly string[] }
}

/**
 * Brings a companion along, tells it something, and finds in another conversation that it remembers, why, and that it forgets.
 * Returns what Ada said; what the companion answers may echo its card, which lies in clear.
 */
export async function rememberAndForget(setting: Setting, steps: Steps): Promise<readonly string[]> {
  const { origin, token } = setting
  const imported = await steps.run(
    'import a character card',
    201,
    async () => await callApi<Persona>(origin, 'POST', '/personas/import', { token, bytes: JSON.stringify(card) }),
    ({ body }) => `${body.display_name}: "${body.greeting.replaceAll('{{user}}', 'Ada')}"`,
  )
  const persona = imported.body
  const first = await say(setting, steps, { step: 'talk with it', persona, content: told })
  const memory = await firstMemory(setting, persona)
  await steps.run(
    'see what it remembers',
    200,
    async () => await callApi<{ items: Memory[] }>(origin, 'GET', `/memories?persona_id=${persona.id}`, { token }),
    ({ body }) => body.items.map(({ content }) => `"${content}"`).join(', '),
  )
  const why = await steps.run(
    'see why',
    200,
    async () =>
      await callApi<{ sources: { message_id: string; content: string }[] }>(
        origin,
        'GET',
        `/memories/${memory.id}/why`,
        { token },
      ),
    ({ body }) => `for Ada said: "${body.sources[0]?.content}"`,
  )
  if (why.body.sources[0]?.message_id !== first.user_message.id) throw new StepFailure('It has another source.')
  const second = await say(setting, steps, { step: 'be remembered elsewhere', persona, content: asked })
  if (second.reply.memory_ids[0] !== memory.id) throw new StepFailure('The reply was made without the memory.')
  await steps.run(
    'have it forgotten',
    204,
    async () => await callApi(origin, 'DELETE', `/memories/${memory.id}`, { token }),
    () => 'it is not listed any more, and not drawn from the same words again',
  )
  const left = await callApi<{ items: Memory[] }>(origin, 'GET', `/memories?persona_id=${persona.id}`, { token })
  if (left.body.items.some(({ content }) => content === memory.content)) throw new StepFailure('It is remembered yet.')
  return [told, asked, memory.content]
}

interface Persona {
  readonly id: string
  readonly display_name: string
  readonly greeting: string
}

interface Line {
  readonly step: string
  readonly persona: Persona
  readonly content: string
}

/** Says something in a new conversation. */
async function say({ origin, token }: Setting, steps: Steps, { step, persona, content }: Line): Promise<SaidTurn> {
  const body = { persona_id: persona.id }
  const conversation = await callApi<{ id: string }>(origin, 'POST', '/conversations', { token, body })
  const tell = ({ body: { reply } }: ApiAnswer<SaidTurn>) =>
    reply.memory_ids.length === 0 ? 'nothing is remembered yet' : `with ${reply.memory_ids.length} memory in mind`
  const turn = await steps.run(
    step,
    200,
    async () =>
      await callApi<SaidTurn>(origin, 'POST', `/conversations/${conversation.body.id}/turns`, {
        token,
        body: { content },
        headers: { Accept: 'application/json' },
      }),
    tell,
  )
  console.log(`\n  Ada: ${content}\n  ${persona.display_name}: ${turn.body.reply.content}\n`)
  return turn.body
}

/** What is drawn from the words comes after the reply, and nobody waits for it. */
async function firstMemory({ origin, token }: Setting, { id }: Persona): Promise<Memory> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { body } = await callApi<{ items: Memory[] }>(origin, 'GET', `/memories?persona_id=${id}`, { token })
    const memory = body.items.find(({ content }) => content.includes('Henrietta'))
    if (memory !== undefined) return memory
    await delay(100)
  }
  throw new StepFailure('Nothing was remembered.')
}
