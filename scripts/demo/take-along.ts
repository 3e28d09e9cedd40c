import { callApi } from '#scripts/demo/api.ts'
import type { Talk } from '#scripts/demo/change-mind.ts'
import { StepFailure, type Steps } from '#scripts/demo/steps.ts'

interface File {
  readonly conversations: readonly { readonly messages: readonly unknown[] }[]
}

interface Taken {
  readonly conversations: { readonly added: number; readonly found: number }
  readonly messages: { readonly added: number; readonly found: number }
}

/** Takes the conversation along as a file, and sends the file back: nothing is there twice. */
export async function takeAlong({ origin, token, conversationId }: Talk, steps: Steps): Promise<void> {
  const file = await steps.run(
    'take the conversation along',
    200,
    async () => await callApi<File>(origin, 'GET', `/conversations/${conversationId}/export`, { token }),
    ({ body, headers }) =>
      `${body.conversations[0]?.messages.length} messages, ${headers.get('Content-Disposition')?.split('"')[1]}`,
  )
  const taken = await steps.run(
    'send the file back',
    200,
    async () =>
      await callApi<Taken>(origin, 'POST', '/conversations/import', { token, bytes: JSON.stringify(file.body) }),
    ({ body: { messages } }) => `${messages.found} messages found, ${messages.added} added`,
  )
  const { conversations, messages } = taken.body
  if (conversations.added + messages.added > 0) throw new StepFailure('What was there already was added once more.')
}
