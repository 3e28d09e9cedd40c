/** Where to say something, and with which headers. */
export interface Speaking {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** When the first word came, and when the last, in milliseconds since it was asked for. */
export interface Heard {
  readonly firstMs: number
  readonly lastMs: number
}

/** Says something and listens to the end; throws where the reply is not whole. */
export async function hear({ url, headers }: Speaking, content: string): Promise<Heard> {
  const startedAt = performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ content }),
  })
  let text = ''
  let firstMs: number | undefined
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    if (firstMs === undefined && text.includes('word 0')) firstMs = performance.now() - startedAt
  }
  if (!text.includes('[DONE]') || firstMs === undefined || !/word 11/.test(text)) {
    throw new Error(`the reply was not whole: ${response.status} ${text.slice(0, 300)}`)
  }
  return { firstMs, lastMs: performance.now() - startedAt }
}

/** The value below which such a part of them lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
