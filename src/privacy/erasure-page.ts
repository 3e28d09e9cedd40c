import { html } from 'hono/html'
import { pageResponse } from '#src/http/html-page.ts'
import type { Erasure } from '#src/privacy/shapes.ts'

/** How far an erasure has come, as people read it: Facebook, for one, leads them here. It names nobody. */
export async function erasurePage({ id, state, requested_at: requestedAt, completed_at: completedAt }: Erasure) {
  return await pageResponse(
    'Deletion of your data',
    html`<h1>Deletion of your data</h1>
      <p>
        ${state === 'complete' ? 'It is done: nothing of yours is left.' : 'It is under way. Nobody can sign in to it any more.'}
      </p>
      <p>Asked for at ${requestedAt}${completedAt === null ? '' : `, done at ${completedAt}`}.</p>
      <p><small>Confirmation code: ${id}</small></p>`,
  )
}
