const words = new Intl.Segmenter('en', { granularity: 'word' })
const bytesPerToken = 4
const chunkCharactersLeast = 6

/** A plausible token count: one for every four bytes of a word or sign, spaces free. */
export function countTokens(text: string): number {
  return Array.from(words.segment(text.trim())).reduce(
    (sum, { segment }) => sum + (segment.trim() === '' ? 0 : Math.ceil(Buffer.byteLength(segment) / bytesPerToken)),
    0,
  )
}

/** The text in chunks as a model streams them: a word or two, never a broken character. Joined, they are the text. */
export function chunksOf(text: string): string[] {
  const chunks: string[] = []
  let chunk = ''
  for (const { segment } of words.segment(text)) {
    chunk += segment
    if (chunk.length >= chunkCharactersLeast) {
      chunks.push(chunk)
      chunk = ''
    }
  }
  return chunk === '' ? chunks : [...chunks, chunk]
}

/** The longest run of whole chunks within a number of tokens, and whether it is everything. */
export function withinTokens(chunks: readonly string[], tokensMost: number): { kept: string[]; isWhole: boolean } {
  const kept: string[] = []
  for (const chunk of chunks) {
    if (countTokens([...kept, chunk].join('')) > tokensMost) return { kept, isWhole: false }
    kept.push(chunk)
  }
  return { kept, isWhole: true }
}
