import { html } from 'hono/html'
import type { PendingRegistration } from '#src/auth/registration-page.ts'
import type { Config } from '#src/config.ts'
import { pageResponse } from '#src/http/html-page.ts'
import type { Fault } from '#src/http/problem.ts'

interface Form extends PendingRegistration {
  readonly sealedWish: string
  readonly values?: Readonly<Record<string, string>>
  readonly faults?: readonly Fault[]
}

/** The page on which somebody new says who they are. It asks for a date of birth and says nothing of any age. */
export async function registrationPage(config: Config, form: Form): Promise<Response> {
  const { ticket, sealedWish, suggested, values = {}, faults = [], wish } = form
  const field = (name: string, label: string, type: string, fallback: string, autocomplete: string) => {
    const fault = faults.find(({ pointer }) => pointer === `/${name}`)
    return html`<label
      >${label}
      <input
        name="${name}"
        type="${type}"
        value="${values[name] ?? fallback}"
        autocomplete="${autocomplete}"
        maxlength="100"
        required
      />
      ${fault === undefined ? '' : html`<span role="alert">${fault.detail}</span>`}
    </label>`
  }
  return await pageResponse(
    'Welcome',
    html`<h1>Welcome</h1>
      <form method="post" action="/auth/registration">
        <input type="hidden" name="registration_ticket" value="${ticket}" />
        <input type="hidden" name="wish" value="${sealedWish}" />
        ${field('first_name', 'First name', 'text', suggested.firstName ?? '', 'given-name')}
        ${field('last_name', 'Last name', 'text', suggested.lastName ?? '', 'family-name')}
        ${field('birthdate', 'Date of birth', 'date', '', 'bday')}
        <label>
          <input type="checkbox" name="agreed" value="yes" required /> I agree to the
          <a href="${config.TERMS_URL}">terms</a> and have read the <a href="${config.PRIVACY_URL}">privacy policy</a>.
        </label>
        <button>Continue</button>
      </form>`,
    { status: faults.length === 0 ? 200 : 422, formTo: sourceOf(wish.return_to) },
  )
}

/** A URL as a source of a content security policy: its origin, or the scheme of an app's own. */
function sourceOf(url: string): string {
  const { origin, protocol } = new URL(url)
  // A policy has no spelling for an IPv6 address.
  return origin === 'null' || origin.includes('[') ? protocol : origin
}
