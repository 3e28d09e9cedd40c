import { Problem } from '#src/http/problem.ts'

const deepest = 32

/**
 * Parses JSON as RFC 8259 has it, without what readers disagree on. Throws `malformed_body` for what is not JSON, is
 * nested deeper than 32, names a member twice in one object or names one `__proto__`.
 */
export function parseStrictJson(text: string): unknown {
  checkStructure(text)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new Problem('malformed_body', 'The body is not JSON.', { cause: error })
  }
}

// A string that does not end reaches to the end of the text: tried again from each quote in it, it would take the square of its length.
const tokens = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|[{}[\]:]/g

// JSON.parse keeps the last of two equal names and says nothing; depth is bounded before anything recurses.
function checkStructure(text: string): void {
  const names: (Set<string> | undefined)[] = []
  let last = ''
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') {
      names.push(token === '{' ? new Set() : undefined)
      if (names.length > deepest) throw new Problem('malformed_body', `The body is nested deeper than ${deepest}.`)
    } else if (token === '}' || token === ']') names.pop()
    else if (token === ':') checkName(names.at(-1), last)
    last = token
  }
}

function checkName(names: Set<string> | undefined, quoted: string): void {
  const name = unquote(quoted)
  if (name === '__proto__') throw new Problem('malformed_body', 'A name is not allowed.')
  if (names?.has(name) === true) throw new Problem('malformed_body', 'A name stands twice in one object.')
  names?.add(name)
}

function unquote(quoted: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted
  }
}
