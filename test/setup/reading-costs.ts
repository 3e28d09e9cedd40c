import { writeSync } from 'node:fs'
import { openTranscripts } from '#src/conversations/transcripts/read-transcripts.ts'

// Reads files of one kind and so many things each, and prints what they took: `node test/setup/reading-costs.ts names:600000`.

const idOf = (place: number) => `0198f000-0000-7000-8000-${String(place).padStart(12, '0')}`
const ours = '"format":"neuraform.conversations","version":1'
const ample = JSON.stringify(
  Object.fromEntries(Array.from({ length: 12 }, (_, place) => [`fact_${place}`, { of: place, is: 'so it is' }])),
)

/** Files, each as what stands before its things, one of them, and what stands behind. */
const files: Readonly<Record<string, readonly [string, (place: number) => string, string]>> = {
  // A sign of three bytes makes every text take two for each of its characters.
  messages: [
    `{${ours},"conversations":[{"id":"${idOf(0)}","title":"…","messages":[`,
    (place) => `{"id":"${idOf(place)}","role":"user","content":"${place} ${'word '.repeat(130)}…","model":"m"}`,
    ']}]}',
  ],
  nodes: [
    '[{"id":"x","title":"…","mapping":{',
    (place) =>
      `"n${place}":{"parent":"n${place - 1}","message":{"author":{"role":"user"},"metadata":${ample},"content":{"content_type":"text","parts":["…"]}}}`,
    '}}]',
  ],
  names: ['[{"id":"x…","mapping":{},"more":{', (place) => `"k${place}":0`, '}}]'],
  shapes: ['[{"id":"x…","mapping":{},"more":[', (place) => `{"k${place}":0}`, ']}]'],
  lists: ['[{"id":"x…","mapping":{},"more":[', () => '[[]]', ']}]'],
  faults: [`{${ours},"conversations":[{"id":"${idOf(0)}","messages":[`, () => '{}', ']}]}'],
  emptyNodes: ['[{"id":"x","mapping":{', (place) => `"k${place}":{}`, '}}]'],
  tags: [`{${ours},"conversations":[{"id":"${idOf(0)}","messages":[],"tags":[`, () => '{}', ']}]}'],
  parts: [
    '[{"id":"x","mapping":{"a":{"message":{"author":{"role":"user"},"content":{"content_type":"text","parts":[',
    () => '{}',
    ']}}}}}]',
  ],
  swipes: [
    '{"user_name":"x"}\n',
    (place) => `{"mes":"x","swipe_id":0,"swipes":[${'1,'.repeat(19_000)}${place}]}\n`,
    '',
  ],
  heads: [`{${ours},`, (place) => `"${place}":[]`, ',"conversations":[]}'],
}

function* piecesOf(kind: string, count: number): Generator<Uint8Array> {
  const [before, thing, behind] = files[kind] ?? ['', String, '']
  let text = before
  for (let place = 1; place <= count; place += 1) {
    text += `${place === 1 || kind === 'swipes' ? '' : ','}${thing(place)}`
    if (text.length < 65_536) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text + behind)
}

for (const file of process.argv.slice(2)) {
  const [kind = '', count = ''] = file.split(':')
  const pieces = piecesOf(kind, Number(count))
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const next = pieces.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
  })
  const before = process.cpuUsage()
  const outcome: string[] = []
  try {
    for await (const one of (await openTranscripts(body, 'auto')).transcripts) {
      outcome.push('refused' in one ? one.refused.detail : `${one.messages.length} messages`)
    }
  } catch (error) {
    outcome.push(String((error as { code?: string }).code ?? error))
  }
  // At once and by itself: whoever runs out of memory is the first that is not there.
  writeSync(1, `${JSON.stringify({ file, outcome, cpuMilliseconds: process.cpuUsage(before).user / 1_000 })}\n`)
}
