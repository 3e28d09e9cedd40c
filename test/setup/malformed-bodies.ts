const most = 64 * 1_024
const bytes = (...values: number[]) => Uint8Array.from([0x22, ...values, 0x22])

/** White space in pieces, as a chunked request has it: no length is named. */
const chunked = (length: number) => {
  let left = length
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = Math.min(left, 4_096)
      left -= piece
      if (piece === 0) controller.close()
      else controller.enqueue(new Uint8Array(piece).fill(0x20))
    },
  })
}

/** Bodies that no route may take, each with the only code that it may get. */
export const unreadable: readonly (readonly [string, string, () => BodyInit])[] = [
  ['nothing', 'malformed_body', () => ''],
  ['white space', 'malformed_body', () => ' \n'],
  ['half of an object', 'malformed_body', () => '{"a":'],
  ['two objects', 'malformed_body', () => '{}{}'],
  ['NaN', 'malformed_body', () => '{"a":NaN}'],
  ['Infinity', 'malformed_body', () => '{"a":-Infinity}'],
  ['a hexadecimal number', 'malformed_body', () => '{"a":0x1F}'],
  ['a comment', 'malformed_body', () => '{}//'],
  ['a comma too many', 'malformed_body', () => '{"a":1,}'],
  ['single quotes', 'malformed_body', () => "{'a':1}"],
  ['a form', 'malformed_body', () => 'content=a&role=user'],
  ['a byte order mark', 'malformed_body', () => '\uFEFF{}'],
  ['UTF-16', 'malformed_body', () => Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0)],
  ['a byte that is no UTF-8', 'malformed_body', () => bytes(0xff)],
  ['half of a letter', 'malformed_body', () => bytes(0xf0, 0x9f, 0x98)],
  ['a letter longer than it need be', 'malformed_body', () => bytes(0xc0, 0xaf)],
  ['a lone surrogate in bytes', 'malformed_body', () => bytes(0xed, 0xa0, 0x80)],
  ['a raw NUL', 'malformed_body', () => '{"a":"\0"}'],
  ['a name twice', 'malformed_body', () => '{"content":"a","content":"b"}'],
  ['a name twice, once escaped', 'malformed_body', () => '{"content":"a","\\u0063ontent":"b"}'],
  ['a name twice, within', 'malformed_body', () => '{"metadata":[{"a":{"b":1,"b":2}}]}'],
  ['__proto__', 'malformed_body', () => '{"__proto__":{"role":"admin"}}'],
  ['__proto__ within, escaped', 'malformed_body', () => '{"metadata":{"\\u005f_proto__":{}}}'],
  ['60 kB of brackets', 'malformed_body', () => '['.repeat(60 * 1_024)],
  ['60 kB deep, and closed', 'malformed_body', () => '['.repeat(30 * 1_024) + ']'.repeat(30 * 1_024)],
  ['33 deep', 'malformed_body', () => `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`],
  ['a million brackets', 'payload_too_large', () => '['.repeat(1_000_000)],
  ['64 kB and a byte', 'payload_too_large', () => `"${'a'.repeat(most - 1)}"`],
  ['64 kB and a byte, chunked', 'payload_too_large', () => chunked(most + 1)],
  ['endlessly much', 'payload_too_large', () => chunked(Infinity)],
  ['64 kB', 'invalid_body', () => `"${'a'.repeat(most - 2)}"`],
  ['64 kB, chunked', 'malformed_body', () => chunked(most)],
  ['null', 'invalid_body', () => 'null'],
  ['a list', 'invalid_body', () => '[]'],
  ['a list of objects', 'invalid_body', () => '[{"content":"a"}]'],
  ['a text', 'invalid_body', () => '"hello"'],
  ['a number beyond all numbers', 'invalid_body', () => '1e999'],
  ['a number of 1,000 digits', 'invalid_body', () => '9'.repeat(1_000)],
  ['true', 'invalid_body', () => 'true'],
]

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

/** Values that no field takes, unless the document says that it does. */
export const wrongValues: readonly unknown[] = [null, true, 0, -1, 1e308, 2 ** 53, '', [], [1], {}, 'a'.repeat(20_000)]

/** Texts that PostgreSQL cannot keep; the document has no word for that. */
export const unstorable: readonly string[] = ['\0', 'a\0b', '\ud800', 'a\udfff', '\ude00\ud83d']

/** Objects of the client's own making that are too much, or that cannot be kept. */
export const wrongObjects: readonly unknown[] = [
  ...unstorable.flatMap((text) => [{ a: text }, { a: [{ b: text }] }, { [text]: 1 }, { a: { [text]: 1 } }]),
  nested(11),
  { a: [[[[[[[[[[1]]]]]]]]]] },
  Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`name${index}`, 1])),
  { a: 'x'.repeat(16_000) },
  { ['x'.repeat(201)]: 1 },
]
