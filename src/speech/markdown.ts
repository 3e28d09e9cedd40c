/**
 * The text without the Markdown of its blocks: fenced code, rules and table separators are dropped; the marks of headings,
 * quotes, bullets and tables go, and what they mark stays. Numbers of lists stay: they are said.
 */
export function withoutBlocks(text: string): string {
  const kept: string[] = []
  let fence: string | undefined
  for (const line of text.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== undefined) {
      if (mark?.startsWith(fence) === true && line.trim() === mark) fence = undefined
    } else if (mark !== undefined && !line.trim().slice(mark.length).includes(mark.charAt(0))) fence = mark
    else kept.push(line)
  }
  return withoutTables(kept).map(withoutLineMarks).join('\n')
}

const isSeparator = (line: string) => line.includes('|') && line.includes('-') && /^[\s|:-]+$/.test(line)

function withoutTables(lines: readonly string[]): readonly string[] {
  let isInTable = false
  return lines.map((line, index) => {
    const heads = line.includes('|') && isSeparator(lines[index + 1] ?? '')
    isInTable = line.includes('|') && (isInTable || heads || isSeparator(line) || /^\s*\|.*\|\s*$/.test(line))
    if (!isInTable) return line
    return isSeparator(line) ? '' : line.replaceAll('|', ' ')
  })
}

function withoutLineMarks(line: string): string {
  if (/^\s*(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,}|={3,}\s*)$/.test(line)) return ''
  const isHeading = /^\s*#{1,6}\s/.test(line)
  const rest = line.replace(/^(?:\s*(?:#{1,6}(?=\s)|>|[-+*•‣](?=\s+\S)(?!\s+\d+\s*[-+*=/])))+/, '')
  const bare = rest === line ? line : rest.trimStart().replace(/^\[[ xX]\]\s/, '')
  return isHeading ? bare.replace(/\s#+\s*$/, '') : bare
}

/** The text without Markdown's inline marks but emphasis: links and images are their text, addresses their host. */
export function withoutInline(text: string): string {
  return text
    .replaceAll(/<(https?:\/\/[^\s<>]*)>/g, '$1')
    .replaceAll(/!?\[([^[\]]*)\]\(((?:[^()\n]|\([^()\n]*\))*)\)/g, (whole, label: string, target: string) =>
      /^\S*(?:\s+["'(].*)?$/.test(target.trim()) ? label : whole,
    )
    .replaceAll(/(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)[^\s<>()[\]"'`\uE000-\uE006]*/giu, hostOf)
    .replaceAll(/`+|~{2,}/g, '')
}

function hostOf(address: string): string {
  const end = /[.,!?;:*_]*$/.exec(address.slice(-20))?.[0] ?? ''
  const authority = address.slice(0, address.length - end.length).replace(/^https?:\/\//i, '')
  const host = authority.split(/[/?#]/, 1)[0] ?? ''
  return `${host
    .replace(/^.*@/, '')
    .replace(/:.*$/, '')
    .replace(/^(?:www\.)+/i, '')}${end}`
}

const breaks = /^(?:br|p|div|li|ul|ol|tr|td|th|hr|h[1-6]|table|blockquote)$/i

/** The text without HTML comments and tags; `isDirection` tells what is no tag but `<smiles>`, and is left. */
export function withoutTags(text: string, isDirection: (content: string) => boolean): string {
  return withoutComments(text).replaceAll(/<\/?([a-z][^<>]*)>/gi, (tag, content: string) => {
    const name = /^[a-z0-9-]+/i.exec(content)?.[0] ?? ''
    const rest = content.slice(name.length)
    if (isDirection(content)) return `*${content}*`
    if (rest !== '' && !/^\s*\/$|=|^\s+$/.test(rest)) return tag
    return breaks.test(name) ? ' ' : ''
  })
}

function withoutComments(text: string): string {
  const kept: string[] = []
  let from = 0
  for (;;) {
    const start = text.indexOf('<!--', from)
    const end = start === -1 ? -1 : text.indexOf('-->', start + 4)
    if (end === -1) return kept.join('') + text.slice(from)
    kept.push(text.slice(from, start))
    from = end + 3
  }
}
