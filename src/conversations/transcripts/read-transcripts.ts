import { z } from 'zod'
import { CountedChats, placed } from '#src/conversations/transcripts/counted-chats.ts'
import { openFile } from '#src/conversations/transcripts/file-bytes.ts'
import { linesOf } from '#src/conversations/transcripts/file-lines.ts'
import { JsonItems } from '#src/conversations/transcripts/json-items.ts'
import { neuraformName, neuraformVersion, readNeuraformChat } from '#src/conversations/transcripts/neuraform.ts'
import { readOpenAiChat } from '#src/conversations/transcripts/openai-export.ts'
import { SillyTavernLines } from '#src/conversations/transcripts/sillytavern-lines.ts'
import type { Refused, Transcript, TranscriptFormat } from '#src/conversations/transcripts/transcript.ts'
import { Problem } from '#src/http/problem.ts'

/** A file of conversations, known by its beginning unless it is said which program wrote it. */
export interface TranscriptFile {
  readonly format: TranscriptFormat
  /**
   * One conversation after the other; no more than one is held. One that cannot be taken in, but whose end was found, is
   * refused for itself alone. Throws `malformed_body`, `invalid_body` and `payload_too_large`, which say in which
   * conversation or line.
   */
  readonly transcripts: AsyncGenerator<Transcript | Refused>
}

/** Opens a file. Throws `malformed_body` for one of no known program. */
export async function openTranscripts(
  body: ReadableStream<Uint8Array> | null,
  asked: TranscriptFormat | 'auto',
): Promise<TranscriptFile> {
  const { head, chunks } = await openFile(body)
  const format = asked === 'auto' ? formatOf(head) : asked
  if (format === undefined) throw new Problem('malformed_body', 'It is a file of no program that is known here.')
  return { format, transcripts: readers[format](chunks) }
}

function formatOf(head: string): TranscriptFormat | undefined {
  if (/^\s*\[/.test(head)) return 'openai'
  if (new RegExp(String.raw`^\s*\{\s*"format"\s*:\s*"${neuraformName}"`).test(head)) return 'neuraform'
  if (/^\s*\{\s*"(user_name|character_name|chat_metadata|create_date)"/.test(head)) return 'sillytavern'
  return undefined
}

type Chunks = AsyncGenerator<Uint8Array>

const readers: Readonly<Record<TranscriptFormat, (chunks: Chunks) => AsyncGenerator<Transcript | Refused>>> = {
  neuraform: (chunks) => readItems(chunks, new JsonItems('conversations', requireOurs), readNeuraformChat),
  openai: (chunks) => readItems(chunks, new JsonItems(undefined), readOpenAiChat),
  sillytavern: readLines,
}

const Ours = z.object({ format: z.literal(neuraformName), version: z.literal(neuraformVersion) })

// Sorted names have both behind the conversations.
function requireOurs(around: unknown, isWhole: boolean): void {
  if (!(isWhole ? Ours : Ours.partial()).safeParse(around).success) {
    throw new Problem('invalid_body', `The file is not of "format":"${neuraformName}","version":${neuraformVersion}.`)
  }
}

async function* readItems(
  chunks: Chunks,
  items: JsonItems,
  read: (value: unknown) => Transcript,
): AsyncGenerator<Transcript | Refused> {
  const counted = new CountedChats()
  try {
    for await (const chunk of chunks) {
      for (const item of items.take(chunk)) {
        yield counted.read(() => read(orThrown(item)))
      }
    }
    items.finish()
  } catch (error) {
    throw placed(error, `Conversation ${counted.number} of the file`)
  }
}

function orThrown(item: unknown): unknown {
  if (item instanceof Problem) throw item
  return item
}

async function* readLines(chunks: Chunks): AsyncGenerator<Transcript | Refused> {
  const counted = new CountedChats()
  const chats = new SillyTavernLines()
  let number = 1
  try {
    for await (const line of linesOf(chunks)) {
      number = line.number
      const before = chats.take(line)
      if (before !== undefined) yield counted.read(before)
    }
    const last = chats.finish()
    if (last !== undefined) yield counted.read(last)
  } catch (error) {
    throw placed(error, `Line ${number} of the file`)
  }
}
