import { openTranscripts } from '#src/conversations/transcripts/read-transcripts.ts'
import type { Refused, Transcript, TranscriptFormat } from '#src/conversations/transcripts/transcript.ts'
import type { Problem } from '#src/http/problem.ts'
import { inPieces } from '#test/setup/transcripts.ts'

interface Read {
  readonly format?: TranscriptFormat
  readonly read: Transcript[]
  readonly refused: Refused['refused'][]
  readonly problem?: Problem
}

/** Reads a file as an import does, in pieces of these sizes. */
export async function readAll(
  file: string | Uint8Array<ArrayBuffer>,
  asked: TranscriptFormat | 'auto' = 'auto',
  sizes: readonly number[] = [1_000_000],
): Promise<Read> {
  const body = typeof file === 'string' ? inPieces(file, sizes) : new Blob([file]).stream()
  const read: Transcript[] = []
  const refused: Refused['refused'][] = []
  try {
    const { format, transcripts } = await openTranscripts(body, asked)
    for await (const one of transcripts) {
      if ('refused' in one) refused.push(one.refused)
      else read.push(one)
    }
    return { format, read, refused }
  } catch (error) {
    return { read, refused, problem: error as Problem }
  }
}
