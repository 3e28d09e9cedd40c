import { callApi, streamTurn } from '#scripts/demo/api.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'

/** Where the talk is, and with whom. */
export interface Talk {
  readonly origin: string
  readonly token: string
  readonly conversationId: string
  readonly companion: string
}

interface Message {
  readonly id: string
  readonly role: string
  readonly content: string
}

const told = 'The planetarium has a new projector, and I want to see it.'
const mended = 'The planetarium has a new telescope, and I want to see it.'

const print = (text: string) => void process.stdout.write(text)

/**
 * Says something, loses the connection in the middle of the reply and hears the rest; then says it otherwise, and finds it.
 * Returns what was said and answered.
 */
export async function changeMind(talk: Talk, steps: Steps): Promise<readonly string[]> {
  const { origin, token, conversationId, companion } = talk
  const path = `/conversations/${conversationId}/messages?branch=current&limit=4`
  const reply = await cutAndResume(talk, steps)
  const before = await callApi<{ items: Message[] }>(origin, 'GET', path, { token })
  const [answered, asked] = before.body.items
  if (answered?.content !== reply || asked === undefined) {
    throw new StepFailure('What was heard in two parts is not what is stored.')
  }
  console.log(`\n  Ada, instead: ${mended}`)
  print(`  ${companion}: `)
  const saying = { token, conversationId, content: mended, editOf: asked.id, onText: print }
  const edited = await steps.run(
    'edit what was said',
    200,
    async () => {
      const streamed = await streamTurn(origin, saying)
      print('\n\n')
      return streamed
    },
    () => 'another version, with a reply of its own',
  )
  const after = await steps.run(
    'read the path that counts',
    200,
    async () => await callApi<{ items: Message[] }>(origin, 'GET', path, { token }),
    ({ body }) => `${body.items[1]?.content}`,
  )
  if (after.body.items[0]?.content !== edited.text || after.body.items.some(({ content }) => content === told)) {
    throw new StepFailure('The edit is not on the path that counts.')
  }
  const found = await steps.run(
    'search',
    200,
    async () =>
      await callApi<{ items: Message[] }>(origin, 'POST', '/search', {
        token,
        body: { query: 'planetarium telescope' },
      }),
    ({ body }) => `${body.items.length} found, by hashes of their words`,
  )
  if (!found.body.items.some(({ content }) => content === mended)) throw new StepFailure('The search found nothing.')
  return [told, mended, reply, edited.text]
}

async function cutAndResume({ origin, token, conversationId, companion }: Talk, steps: Steps): Promise<string> {
  console.log(`\n  Ada: ${told}`)
  print(`  ${companion}: `)
  const saying = { token, conversationId, content: told, key: crypto.randomUUID() }
  let pieces = 0
  const cut = await streamTurn(origin, {
    ...saying,
    onText: (delta) => {
      print(delta)
      pieces += 1
      return pieces < 4
    },
  })
  print(' ✂ (the connection is lost) ')
  // Long enough for the reply to be whole: from then on it is read in one flight.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const { lastEventId } = cut
  if (lastEventId === undefined) throw new StepFailure('The reply was over before it could be cut.')
  const rest = await steps.run(
    'hear the rest of a cut reply',
    200,
    async () => {
      const streamed = await streamTurn(origin, { ...saying, lastEventId, onText: print })
      print('\n\n')
      return streamed
    },
    ({ text }) => `${text.length} more characters, none twice`,
  )
  return cut.text + rest.text
}
