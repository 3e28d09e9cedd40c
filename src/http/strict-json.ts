import { Problem } from '#src/http/problem.ts'

const deepest = 32

/**
 * Parses JSON as RFC 8259 has it, without what readers disagree on. Throws `malformed_body` for what is not JSON, is
 * nested deeper than 32, names a member twice in one object or names one `__proto__`; and `payload_too_large` for what
 * holds more than about `mostValues` values.
 */
export function parseStrictJson(text: string, mostValues = Infinity): unknown {
  checkStructure(text, mostValues)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new Problem('malformed_body', 'The body is not JSON.', { cause: error })
  }
}

// JSON.parse keeps the last of two equal names and says nothing; depth is bounded before anything recurses. Each character is
// looked at once, without a pattern: a group that repeats overflows the stack of V8's patterns at some 8 MiB.
function checkStructure(text: string, mostValues: number): void {
  const names: (Set<string> | undefined)[] = []
  let [from, to, values] = [0, 0, 0]
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at]
    if (mark === ',' || mark === '{' || mark === '[') values += 1
    if (values > mostValues) throw new Problem('payload_too_large', `It holds more than ${mostValues} values.`)
    if (mark === '"') {
      from = at
      at = endOfString(text, at + 1)
      to = at + 1
    } else if (mark === '{' || mark === '[') {
      names.push(mark === '{' ? new Set() : undefined)
      if (names.length > deepest) throw new Problem('malformed_body', `The body is nested deeper than ${deepest}.`)
    } else if (mark === '}' || mark === ']') names.pop()
    else if (mark === ':') {
      checkName(names.at(-1), text.slice(from, to))
      from = to
    }
  }
}

/** Where a string ends: at the first quote with an even number of backslashes before it, or with the text. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end !== -1; end = text.indexOf('"', end + 1)) {
    let first = end
    while (first > from && text[first - 1] === '\\') first -= 1
    if ((end - first) % 2 === 0) return end
  }
  return text.length
}

function checkName(names: Set<string> | undefined, quoted: string): void {
  const name = unquote(quoted)
  if (name === '__proto__') throw new Problem('malformed_body', 'A name is not allowed.')
  if (names?.has(name) === true) throw new Problem('malformed_body', 'A name stands twice in one object.')
  names?.add(name)
}

function unquote(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted
  }
}
