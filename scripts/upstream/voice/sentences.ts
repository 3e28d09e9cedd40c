import { readableText } from '#scripts/upstream/voice/readable-text.ts'

const pieceCharactersMost = 400
// A piece takes Flite 80 ms more than its sound does, so that short sentences after the first share one.
const sharedCharactersMost = 120
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** A sentence, or a few short ones, as written and as Flite reads it. */
export interface Sentence {
  readonly text: string
  readonly readable: string
}

/** ASCII text in pieces of a few sentences. */
export function piecesOf(text: string): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const part of partsOf(text)) {
    if (piece !== '' && piece.length + part.length > pieceCharactersMost) {
      pieces.push(piece)
      piece = ''
    }
    piece += part
  }
  return piece === '' ? pieces : [...pieces, piece]
}

/**
 * Any text in pieces that can each be heard, the first as short as one sentence, so that it is heard soon. Their texts
 * make up the whole. Empty when nothing in it can be heard.
 */
export function sentencesOf(text: string): Sentence[] {
  const found: Sentence[] = []
  for (const part of partsOf(text)) {
    const next = { text: part, readable: readableText(part) }
    const last = found.at(-1)
    if (last !== undefined && isOnePiece(last, next, found.length > 1)) found.splice(-1, 1, joined(last, next))
    else found.push(next)
  }
  return found.filter(({ readable }) => readable !== '')
}

function isOnePiece(last: Sentence, next: Sentence, isShared: boolean): boolean {
  if (last.readable === '' || next.readable === '') return true
  return isShared && last.text.length + next.text.length <= sharedCharactersMost
}

function joined(last: Sentence, next: Sentence): Sentence {
  return { text: last.text + next.text, readable: `${last.readable} ${next.readable}`.trim() }
}

function partsOf(text: string): string[] {
  return Array.from(sentences.segment(text), ({ segment }) => segment).flatMap(shortParts)
}

function shortParts(sentence: string): string[] {
  return sentence.match(/.{1,400}(?:\s|$)|.{1,400}/gsu) ?? []
}
