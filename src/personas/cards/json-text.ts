/** A member of a JSON object within its text: its name, and where the name begins and the value lies. */
interface Member {
  readonly name: string
  readonly nameStart: number
  readonly start: number
  readonly end: number
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
const isOpening = (code: number) => code === 0x7b || code === 0x5b
const isClosing = (code: number) => code === 0x7d || code === 0x5d

function afterSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

/** Where a string ends that begins here; where the text ends if it does not. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quote) return at + 1
    if (code === backslash) at += 1
  }
  return text.length
}

function valueEnd(text: string, from: number): number {
  if (text.charCodeAt(from) === quote) return stringEnd(text, from)
  if (isOpening(text.charCodeAt(from))) return bracketsOf(text, from).end
  let at = from
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || isSpace(code) || isClosing(code)) break
  }
  return at
}

function bracketsOf(text: string, from: number): { readonly end: number; readonly depth: number } {
  let [depth, greatest, at] = [0, 0, from]
  while (at < text.length) {
    const code = text.charCodeAt(at)
    at = code === quote ? stringEnd(text, at) : at + 1
    if (isOpening(code)) depth += 1
    else if (isClosing(code)) depth -= 1
    greatest = Math.max(greatest, depth)
    if (depth === 0) break
  }
  return { end: at, depth: greatest }
}

/** How deep the first value of a text nests, in linear time, also where it is not JSON. */
export const nestingOf = (text: string): number => bracketsOf(text, afterSpace(text, 0)).depth

/** The members of an object in the order of its text; `text` is valid JSON. */
function membersOf(text: string): Member[] {
  const members: Member[] = []
  let at = afterSpace(text, afterSpace(text, 0) + 1)
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at)
    const start = afterSpace(text, afterSpace(text, nameEnd) + 1)
    const end = valueEnd(text, start)
    members.push({ name: nameOf(text.slice(at, nameEnd)), nameStart: at, start, end })
    at = afterSpace(text, afterSpace(text, end) + 1)
  }
  return members
}

const nameOf = (quoted: string) => (quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1))

/** The text of an object's member, as it is written; of two with one name the last, which is what JSON.parse reads. */
export function memberText(objectText: string, name: string): string | undefined {
  const member = membersOf(objectText).findLast((one) => one.name === name)
  return member === undefined ? undefined : objectText.slice(member.start, member.end)
}

/**
 * An object's text with members set to other JSON texts: those it has are replaced in place, others added at its end as
 * the last one is laid out. Every other byte stays. `objectText` is valid JSON; white space around it stays too.
 */
export function withMembers(objectText: string, changes: ReadonlyMap<string, string>): string {
  if (changes.size === 0) return objectText
  const members = membersOf(objectText)
  const lastOf = new Map(members.map((member) => [member.name, member]))
  let [result, at] = ['', 0]
  for (const member of members) {
    const change = lastOf.get(member.name) === member ? changes.get(member.name) : undefined
    if (change === undefined) continue
    result += objectText.slice(at, member.start) + change
    at = member.end
  }
  const last = members.at(-1)
  const insertAt = last?.end ?? objectText.indexOf('{') + 1
  const added = [...changes].filter(([name]) => !lastOf.has(name))
  const lead = last === undefined ? '' : leadOf(objectText, last.nameStart)
  const colon = last !== undefined && objectText[last.start - 1] === ' ' ? ': ' : ':'
  const texts = added.map(([name, json]) => `${lead}${JSON.stringify(name)}${colon}${json}`)
  const joined = texts.length === 0 ? '' : `${last === undefined ? '' : ','}${texts.join(',')}`
  return result + objectText.slice(at, insertAt) + joined + objectText.slice(insertAt)
}

/** The white space before a name. */
function leadOf(text: string, nameStart: number): string {
  let at = nameStart
  while (isSpace(text.charCodeAt(at - 1))) at -= 1
  return text.slice(at, nameStart)
}

/** The texts of an array's items, as they are written; `arrayText` is valid JSON. */
export function itemTexts(arrayText: string): string[] {
  return itemSpans(arrayText).map(([start, end]) => arrayText.slice(start, end))
}

function itemSpans(text: string): (readonly [number, number])[] {
  const spans: (readonly [number, number])[] = []
  let at = afterSpace(text, text.indexOf('[') + 1)
  while (at < text.length && text[at] !== ']') {
    const end = valueEnd(text, at)
    spans.push([at, end])
    at = afterSpace(text, afterSpace(text, end) + 1)
  }
  return spans
}

/** An array's text with other items: as many as before leave every byte between them, another number is laid out anew. */
export function withItems(arrayText: string, items: readonly string[]): string {
  const spans = itemSpans(arrayText)
  if (spans.length !== items.length) return `[${items.join(',')}]`
  let [result, at] = ['', 0]
  for (const [index, [start, end]] of spans.entries()) {
    result += arrayText.slice(at, start) + (items[index] ?? '')
    at = end
  }
  return result + arrayText.slice(at)
}
