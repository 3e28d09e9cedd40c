import { pathOf, type TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'

/**
 * A page for people: the path that counts. What was said is quoted line by line, so that no heading, list or fence of it
 * ends up outside, and its HTML is not HTML any more.
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
    for await (const { role, content, created_at: created } of messages(pathOf(chat).map(({ id }) => id))) {
      if (content === null) continue
      yield `\n## ${role === 'user' ? 'You' : companion}, ${spelled(created)}\n\n${quoted(content)}\n`
    }
  },
}

/** A name as words of one line: what Markdown reads as a mark is only a letter (CommonMark §2.4). */
const inline = (text: string) =>
  text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/[!-/:-@[-`{-~]/g, String.raw`\$&`)

const quoted = (text: string) =>
  text
    .replaceAll(/<(?=[a-z/!?])/gi, '&lt;')
    .split(/\r\n|\r|\n/)
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n')

const spelled = (moment: string) => `${moment.slice(0, 10)} ${moment.slice(11, 16)} UTC`
