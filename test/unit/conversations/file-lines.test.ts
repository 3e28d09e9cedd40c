import { expect, it } from 'vitest'
import { linesOf, type FileLine } from '#src/conversations/transcripts/file-lines.ts'
import { inPieces } from '#test/setup/transcripts.ts'

it('blank lines are no steps of their own', async () => {
  const lines: FileLine[] = []
  const blank = '\n \r\n\t\n\n'.repeat(200_000)
  for await (const line of linesOf(inPieces(`${blank} {}\r\n${blank}\n{"a":\n1}`, [65_536]))) lines.push(line)
  expect(lines).toEqual([
    { number: 800_001, text: '{}\r' },
    { number: 1_600_003, text: '{"a":' },
    { number: 1_600_004, text: '1}' },
  ])
})
