import * as z from 'zod'

/** A failure as the OpenAI API words it. */
export const OpenAiError = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
})

/** Posts a JSON body. */
export async function post(url: string, body: unknown): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** A JSON answer in the schema's shape; throws when it has another. */
export async function read<T extends z.ZodType>(response: Response, schema: T): Promise<z.output<T>> {
  return schema.parse(await response.json())
}

/** A refusal of RFC 6749 §5.2. */
const OAuthError = z.strictObject({ error: z.string(), error_description: z.string() })

/** Posts a form. */
export async function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) })
}

/** The status and the OAuth error of a refusal. */
export async function refusal(response: Response): Promise<readonly [status: number, error: string]> {
  return [response.status, (await read(response, OAuthError)).error]
}

/** The links of a page by their text. */
export function linksOf(page: string, origin: string): ReadonlyMap<string, string> {
  const links = page.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)
  return new Map(
    [...links].map(([, href = '', text = '']) => [unescaped(text), new URL(unescaped(href), origin).toString()]),
  )
}

/** Where a page's form goes, and its hidden fields. */
export function formOf(page: string): { action: string; fields: Record<string, string> } {
  const action = unescaped(/<form method="post" action="([^"]*)">/.exec(page)?.[1] ?? '')
  const inputs = page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)
  return {
    action,
    fields: Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, unescaped(value)])),
  }
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
