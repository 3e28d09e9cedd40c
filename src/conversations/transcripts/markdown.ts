import { pathOf, type TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'

/**
 * A page for people: the path that counts. What was said is quoted line by line, so that no heading, list or fence of it
 * ends up outside.
 */
export const markdownWriter: TranscriptWriter = {
  contentType: 'text/markdown; charset=utf-8',
  extension: 'md',
  begin: () => '',
  between: '',
  end: '',
  write: async function* write(chat) {
    const { conversation, persona, messages } = chat
    const companion = inline(persona?.display_name ?? 'Companion')
    yield `# ${inline(conversation.title ?? 'Conversation')}\n\nWith ${companion}, since ${spelled(conversation.created_at)}.\n`
    for await (const { role, origin, content, created_at: created } of messages(pathOf(chat).map(({ id }) => id))) {
      if (content === null) continue
      const who = role === 'user' ? 'You' : `${companion}${origin === 'imported' ? ' (imported)' : ''}`
      yield `\n## ${who}, ${spelled(created)}\n\n${quoted(content)}\n`
    }
  },
}

/** A name as words of one line: what Markdown reads as a mark is only a letter (CommonMark §2.4). */
const inline = (text: string) =>
  text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/[!-/:-@[-`{-~]/g, String.raw`\$&`)

/** Each line behind a mark. Outside of code a tag is no tag, and a picture only a link: nothing is fetched when the page is opened. */
function quoted(text: string): string {
  let fence: string | undefined
  const lines = text.split(/\r\n|\r|\n/).map((line) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    const isInFence = fence !== undefined
    if (fence === undefined) fence = mark
    else if (mark?.startsWith(fence) === true && line.trim() === mark) fence = undefined
    const shown = isInFence || mark !== undefined ? line : outsideOfCode(line)
    return shown === '' ? '>' : `> ${shown}`
  })
  return lines.join('\n')
}

/** Defuses what stands outside of the code spans of a line: those begin and end with as many backticks (CommonMark §6.1). */
function outsideOfCode(line: string): string {
  const parts = line.split(/(`+)/)
  const nextAlike = new Map<number, number>()
  const seen = new Map<number, number>()
  for (let place = parts.length - 2; place > 0; place -= 2) {
    const length = parts[place]?.length ?? 0
    const next = seen.get(length)
    if (next !== undefined) nextAlike.set(place, next)
    seen.set(length, place)
  }
  let codeUntil = -1
  return parts
    .map((part, place) => {
      if (place <= codeUntil) return part
      if (place % 2 === 0) return defused(part)
      codeUntil = nextAlike.get(place) ?? -1
      return part
    })
    .join('')
}

const defused = (text: string) => text.replaceAll(/<(?=[a-z/!?])(?!(?:https?|mailto):)|!(?=\[)/gi, String.raw`\$&`)

const spelled = (moment: string) => `${moment.slice(0, 10)} ${moment.slice(11, 16)} UTC`
