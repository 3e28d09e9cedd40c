import { v7 as uuidv7 } from 'uuid'

/** Somebody with conversations, and the token of a live session. */
export interface Talker {
  readonly userId: string
  readonly token: string
}

interface Wish {
  readonly conversations: number
  /** Whether they have titles, which are sealed. */
  readonly isTitled: boolean
}

/** Signs somebody up by way of the Worker itself and starts conversations, as a client would. */
export async function makeTalker(
  origin: string,
  upstreamOrigin: string,
  { conversations, isTitled }: Wish,
): Promise<Talker> {
  const post = async (url: string, body: unknown, token?: string) => {
    const headers = {
      'Content-Type': 'application/json',
      'CF-Connecting-IP': '192.0.2.1',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}: ${text}`)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- texts by name are all that is used here
    return JSON.parse(text) as Readonly<Record<string, string>> & { readonly user: { readonly id: string } }
  }
  const { id_token: token } = await post(`${upstreamOrigin}/google/id-token`, {
    person: 'new',
    audience: 'neuraform-local',
  })
  const { registration_ticket: ticket } = await post(`${origin}/auth/login`, { provider: 'google', token })
  const { session_token: session = '', user } = await post(`${origin}/auth/register`, {
    registration_ticket: ticket,
    first_name: 'Robin',
    last_name: 'Bench',
    birthdate: '1990-01-01',
    terms_version: '1',
    privacy_version: '1',
  })
  for (let at = 0; at < conversations; at += 1) {
    const title = `An evening of talk, number ${at} ${uuidv7()}`
    await post(
      `${origin}/conversations`,
      { persona_id: '0198f000-0000-7000-8000-000000000001', ...(isTitled ? { title } : {}) },
      session,
    )
  }
  return { userId: user.id, token: session }
}
