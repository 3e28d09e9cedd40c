import { z } from 'zod'
import { openFile } from '#src/conversations/transcripts/file-bytes.ts'
import { linesOf } from '#src/conversations/transcripts/file-lines.ts'
import { JsonItems, mostItemBytes } from '#src/conversations/transcripts/json-items.ts'
import { neuraformName, neuraformVersion, readNeuraformChat } from '#src/conversations/transcripts/neuraform.ts'
import { readOpenAiChat } from '#src/conversations/transcripts/openai-export.ts'
import { isHeader, SillyTavernChat } from '#src/conversations/transcripts/sillytavern.ts'
import type { Transcript, TranscriptFormat } from '#src/conversations/transcripts/transcript.ts'
import { Problem } from '#src/http/problem.ts'
import { parseStrictJson } from '#src/http/strict-json.ts'

/** How many messages one conversation of a file may have. */
const mostMessages = 10_000

/** A file of conversations, known by its beginning unless it is said which program wrote it. */
export interface TranscriptFile {
  readonly format: TranscriptFormat
  /**
   * One conversation after the other; no more than one is held. Throws `malformed_body`, `invalid_body` and
   * `payload_too_large`, which say in which conversation or line.
   */
  readonly transcripts: AsyncGenerator<Transcript>
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

const readers: Readonly<Record<TranscriptFormat, (chunks: Chunks) => AsyncGenerator<Transcript>>> = {
  neuraform: (chunks) => readItems(chunks, new JsonItems('conversations', requireOurs), readNeuraformChat),
  openai: (chunks) => readItems(chunks, new JsonItems(undefined), readOpenAiChat),
  sillytavern: readLines,
}

const Ours = z.object({ format: z.literal(neuraformName), version: z.literal(neuraformVersion) })

function requireOurs(around: unknown): void {
  if (!Ours.safeParse(around).success) {
    throw new Problem('invalid_body', `The file is not of "format":"${neuraformName}","version":${neuraformVersion}.`)
  }
}

async function* readItems(
  chunks: Chunks,
  items: JsonItems,
  read: (value: unknown) => Transcript,
): AsyncGenerator<Transcript> {
  let number = 1
  try {
    for await (const chunk of chunks) {
      for (const item of items.take(chunk)) {
        yield bounded(read(item))
        number += 1
      }
    }
    items.finish()
  } catch (error) {
    throw placed(error, `Conversation ${number} of the file`)
  }
}

async function* readLines(chunks: Chunks): AsyncGenerator<Transcript> {
  let number = 0
  let chat: SillyTavernChat | undefined
  let length = 0
  try {
    for await (const line of linesOf(chunks)) {
      number += 1
      if (line.trim() === '') continue
      const value = parseStrictJson(line)
      if (isHeader(value)) {
        if (chat !== undefined) yield chat.finish()
        chat = new SillyTavernChat(value)
        length = 0
      } else if (chat === undefined) throw new Problem('invalid_body', 'It is not the header of a chat.')
      else chat.add(value)
      length += line.length
      if (length > mostItemBytes) throw new Problem('payload_too_large', 'The chat is longer than 16 MiB.')
      if ((chat?.length ?? 0) > mostMessages) throw tooMany()
    }
    if (chat !== undefined) yield chat.finish()
  } catch (error) {
    throw placed(error, `Line ${number} of the file`)
  }
}

const tooMany = () => new Problem('payload_too_large', `It has more than ${mostMessages} messages.`)

function bounded(transcript: Transcript): Transcript {
  if (transcript.messages.length > mostMessages) throw tooMany()
  return transcript
}

/** The same problem, saying where in the file it is; what zod found is `invalid_body`. */
function placed(error: unknown, place: string): unknown {
  if (error instanceof z.ZodError) {
    const errors = error.issues
      .slice(0, 20)
      .map(({ path, message }) => ({ pointer: path.map((part) => `/${String(part)}`).join(''), detail: message }))
    return new Problem('invalid_body', `${place} is not as its format has it.`, { errors, cause: error })
  }
  if (!(error instanceof Problem)) return error
  return new Problem(error.code, `${place}: ${error.detail ?? error.title}`, { cause: error })
}
