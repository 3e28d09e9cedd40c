const opening = new Map([
  ['(', ')'],
  ['[', ']'],
  ['（', '）'],
  ['【', '】'],
])

/**
 * Whether a text ends inside of what may not be spoken: an asterisk, an underscore before a word, a bracket or a code fence has
 * been opened and not closed. What follows says what it was; a paragraph's end closes all of them.
 */
export function endsInsideMark(text: string): boolean {
  const paragraph = text.slice(text.lastIndexOf('\n\n') + 1)
  if ((text.split('```').length - 1) % 2 === 1) return true
  if ((paragraph.match(/\*+/g)?.length ?? 0) % 2 === 1) return true
  if ((paragraph.match(/(?<!\w)_+(?=\w)|(?<=[^\s_])_+(?!\w)/g)?.length ?? 0) % 2 === 1) return true
  const closers: string[] = []
  for (const character of paragraph) {
    const closer = opening.get(character)
    if (closer !== undefined) closers.push(closer)
    else if (character === closers.at(-1)) closers.pop()
  }
  return closers.length > 0
}
