import { z } from 'zod'
import type { Message } from '#src/conversations/shapes.ts'
import { pathOf, type ExportedChat, type TranscriptWriter } from '#src/conversations/transcripts/exported-chat.ts'
import { readSendDate } from '#src/conversations/transcripts/sillytavern-dates.ts'
import { keepable, unsaid, type Transcript, type TranscriptMessage } from '#src/conversations/transcripts/transcript.ts'

const text = z.string().nullish().catch(null)
const flag = z.boolean().nullish().catch(null)

const Header = z.object({
  user_name: text,
  character_name: text,
  create_date: z.unknown().optional(),
  chat_metadata: z.object({ integrity: text }).nullish().catch(null),
})
type Header = z.output<typeof Header>

const Extra = z.object({ model: text, type: text }).nullish().catch(null)

const Line = z.object({
  is_user: flag,
  send_date: z.unknown().optional(),
  mes: z.string(),
  swipes: z.array(z.string()).nullish().catch(null),
  swipe_id: z.int().nullish().catch(null),
  swipe_info: z
    .array(z.object({ send_date: z.unknown().optional(), extra: Extra }).nullish().catch(null))
    .nullish()
    .catch(null),
  extra: Extra,
})
type Line = z.output<typeof Line>

/** What SillyTavern itself says, and what people note beside the talk. `is_system` only says that a line is hidden from the model. */
const besideTheTalk: ReadonlySet<string> = new Set([
  'assistant_message',
  'assistant_note',
  'comment',
  'empty',
  'formatting',
  'generic',
  'help',
  'hotkeys',
  'macros',
  'narrator',
  'slash_commands',
  'welcome',
  'welcome_prompt',
])

/** Whether a line of a file is the first one of a chat. */
export const isHeader = (line: unknown): boolean =>
  typeof line === 'object' &&
  line !== null &&
  !('mes' in line) &&
  ['user_name', 'character_name', 'chat_metadata', 'create_date'].some((name) => name in line)

/** A chat of SillyTavern's, line by line. Throws what zod found in a line that is none. */
export class SillyTavernChat {
  readonly #header: Header
  readonly #messages: TranscriptMessage[] = []
  #end: number | null = null
  #skipped = 0

  constructor(header: unknown) {
    this.#header = Header.parse(header)
  }

  get length(): number {
    return this.#messages.length
  }

  /** Takes the next line: what was said, and beside it the swipes that were not chosen. */
  add(value: unknown): void {
    const line = Line.parse(value)
    const [swipes, chosen] = swipesOf(line)
    const parent = this.#end
    if (besideTheTalk.has(line.extra?.type ?? '')) this.#skipped += 1
    else for (const [place, swipe] of swipes.entries()) this.#say(line, swipe, place, parent, place === chosen)
  }

  #say(line: Line, swipe: string, place: number, parent: number | null, isChosen: boolean): void {
    const kept = keepable(swipe)
    if (kept.text.trim() === '') {
      this.#skipped += 1
      return
    }
    const info = line.swipe_info?.[place]
    const at = readSendDate(info?.send_date) ?? readSendDate(line.send_date)
    const role = line.is_user === true ? 'user' : 'assistant'
    const model = info?.extra?.model ?? (isChosen ? line.extra?.model : null) ?? ''
    this.#messages.push({
      ...unsaid,
      parent,
      name: JSON.stringify([role, at, kept.text]),
      role,
      content: kept.text,
      at,
      placedAt: at ?? (parent === null ? null : (this.#messages[parent]?.placedAt ?? null)),
      model: model === '' ? null : keepable(model, 100).text,
      isAltered: kept.isAltered,
    })
    if (isChosen) this.#end = this.#messages.length - 1
  }

  finish(): Transcript {
    const { character_name: character, create_date: created } = this.#header
    const at = readSendDate(created) ?? this.#messages[0]?.placedAt ?? null
    return {
      name: this.#name(),
      title: isNamed(character) ? character : null,
      at,
      personaId: null,
      isActive: true,
      isPinned: false,
      tags: [],
      metadata: {},
      messages: this.#messages,
      leaf: this.#end,
      isChained: true,
      skipped: this.#skipped,
    }
  }

  // A chat that says neither which nor when it is, is known by its first words.
  #name(): string {
    const { character_name: character, create_date: created, chat_metadata: metadata } = this.#header
    if (isNamed(metadata?.integrity)) return `integrity:${metadata.integrity}`
    return JSON.stringify([character, created ?? this.#messages[0]?.name])
  }
}

const isNamed = (name: string | null | undefined): name is string =>
  name !== null && name !== undefined && name !== '' && name !== 'unused'

/** All that was said in one place, and which of it counts: that may have been edited since. */
function swipesOf({ mes, swipes, swipe_id: chosen }: Line): [string[], number] {
  if (swipes === null || swipes === undefined || chosen === null || chosen === undefined) return [[mes], 0]
  if (chosen < 0 || chosen >= swipes.length) return [[mes], 0]
  return [swipes.with(chosen, mes), chosen]
}

/** SillyTavern's chat file: the path that counts, and beside each reply the others that were made to the same words. */
export const sillyTavernWriter: TranscriptWriter = {
  contentType: 'application/jsonl',
  extension: 'jsonl',
  begin: () => '',
  between: '',
  end: '',
  write: async function* write(chat) {
    const { conversation, persona } = chat
    const header = {
      user_name: 'You',
      character_name: persona?.display_name ?? 'Companion',
      create_date: conversation.created_at,
      chat_metadata: { integrity: conversation.id },
    }
    yield `${JSON.stringify(header)}\n`
    const beside = swipesAlong(chat)
    let waiting: Message[] = []
    for await (const message of chat.messages(beside.flatMap(({ ids }) => ids))) {
      const { id, ids } = beside[0] ?? { id: '', ids: [] }
      waiting.push(message)
      if (message.id !== ids.at(-1)) continue
      beside.shift()
      const line = lineOf(waiting, id, header.character_name)
      if (line !== undefined) yield `${JSON.stringify(line)}\n`
      waiting = []
    }
  },
}

/** Each place of the path, and all that stands there. */
function swipesAlong(chat: ExportedChat): { readonly id: string; readonly ids: readonly string[] }[] {
  const replies = chat.places.filter(({ role }) => role === 'assistant')
  const siblings = Map.groupBy(replies, ({ parentId }) => parentId)
  return pathOf(chat).map(({ id, parentId, role }) => ({
    id,
    ids: role === 'user' ? [id] : (siblings.get(parentId) ?? []).map((place) => place.id),
  }))
}

function lineOf(swipes: readonly Message[], chosenId: string, character: string): object | undefined {
  const readable = swipes.filter(({ content }) => content !== null)
  const chosen = readable.findIndex(({ id }) => id === chosenId)
  const message = readable[chosen]
  if (message === undefined) return undefined
  const isUser = message.role === 'user'
  const extraOf = ({ model }: Message) => (model === null ? {} : { model })
  const said = {
    name: isUser ? 'You' : character,
    is_user: isUser,
    is_system: false,
    send_date: message.created_at,
    mes: message.content,
    extra: extraOf(message),
  }
  if (isUser) return said
  return {
    ...said,
    swipe_id: chosen,
    swipes: readable.map(({ content }) => content),
    swipe_info: readable.map((one) => ({ send_date: one.created_at, extra: extraOf(one) })),
  }
}
