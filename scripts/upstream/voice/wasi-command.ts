import { createGrowingFile, type GrowingFile } from '#scripts/upstream/voice/growing-file.ts'

// WASI preview 1: error numbers, and the descriptors that this system hands out.
const success = 0
const badDescriptor = 8
const directoryDescriptor = 3
const outputDescriptor = 4
const directoryName = new TextEncoder().encode('/')

/** What a command left behind: its exit code, what it printed, and the one file that it wrote. */
interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly file: Uint8Array
}

type View = () => DataView

class Exit extends Error {
  override readonly name = 'Exit'
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.exitCode = exitCode
  }
}

/**
 * Runs a WASI preview 1 command that needs arguments, stdout and one output file, all in memory: no clock and no disk,
 * so the same arguments give the same bytes. Each run has its own memory. Throws what the module traps with.
 */
export function runCommand(module: WebAssembly.Module, args: readonly string[]): CommandResult {
  const stdout = createGrowingFile()
  const file = createGrowingFile()
  const files = new Map([
    [1, stdout],
    [2, createGrowingFile()],
    [outputDescriptor, file],
  ])
  const view = () => new DataView(commandOf(instance).memory.buffer)
  const calls = {
    ...argumentCalls(view, args),
    ...directoryCalls(view),
    ...fileCalls(view, files),
    ...processCalls(view),
  }
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: calls })
  const exitCode = exitCodeOf(commandOf(instance).start)
  return { exitCode, stdout: new TextDecoder().decode(stdout.bytes()), file: file.bytes() }
}

function exitCodeOf(start: () => void): number {
  try {
    start()
    return 0
  } catch (error) {
    if (error instanceof Exit) return error.exitCode
    throw error
  }
}

function argumentCalls(view: View, args: readonly string[]) {
  const encoded = args.map((argument) => new TextEncoder().encode(`${argument}\0`))
  const totalBytes = encoded.reduce((sum, { length }) => sum + length, 0)
  return {
    args_sizes_get: (countAt: number, bytesAt: number) => {
      view().setUint32(countAt, encoded.length, true)
      view().setUint32(bytesAt, totalBytes, true)
      return success
    },
    args_get: (pointersAt: number, textAt: number) => {
      let next = textAt
      for (const [index, bytes] of encoded.entries()) {
        view().setUint32(pointersAt + 4 * index, next, true)
        new Uint8Array(view().buffer, next).set(bytes)
        next += bytes.length
      }
      return success
    },
  }
}

function directoryCalls(view: View) {
  return {
    fd_prestat_get: (descriptor: number, resultAt: number) => {
      if (descriptor !== directoryDescriptor) return badDescriptor
      view().setUint32(resultAt, 0, true)
      view().setUint32(resultAt + 4, directoryName.length, true)
      return success
    },
    fd_prestat_dir_name: (_descriptor: number, nameAt: number) => {
      new Uint8Array(view().buffer, nameAt).set(directoryName)
      return success
    },
    path_open: (...parameters: unknown[]) => {
      view().setUint32(Number(parameters[8]), outputDescriptor, true)
      return success
    },
  }
}

function fileCalls(view: View, files: ReadonlyMap<number, GrowingFile>) {
  return {
    fd_write: (descriptor: number, vectorsAt: number, vectorCount: number, writtenAt: number) => {
      let written = 0
      for (let at = vectorsAt; at < vectorsAt + 8 * vectorCount; at += 8) {
        const [start, length] = [view().getUint32(at, true), view().getUint32(at + 4, true)]
        files.get(descriptor)?.write(new Uint8Array(view().buffer, start, length))
        written += length
      }
      view().setUint32(writtenAt, written, true)
      return success
    },
    fd_seek: (descriptor: number, offset: bigint, whence: number, resultAt: number) => {
      const position = files.get(descriptor)?.seek(Number(offset), whence)
      if (position === undefined) return badDescriptor
      view().setBigUint64(resultAt, BigInt(position), true)
      return success
    },
    fd_read: (_descriptor: number, _vectorsAt: number, _vectorCount: number, readAt: number) => {
      view().setUint32(readAt, 0, true)
      return success
    },
    fd_fdstat_get: (descriptor: number, resultAt: number) => {
      const [directory, regularFile] = [3, 4]
      new Uint8Array(view().buffer, resultAt, 8).fill(0)
      view().setUint8(resultAt, descriptor === directoryDescriptor ? directory : regularFile)
      view().setBigUint64(resultAt + 8, 2n ** 64n - 1n, true)
      view().setBigUint64(resultAt + 16, 2n ** 64n - 1n, true)
      return success
    },
    fd_fdstat_set_flags: () => success,
    fd_close: () => success,
  }
}

function processCalls(view: View) {
  return {
    clock_time_get: (_clock: number, _precision: bigint, resultAt: number) => {
      view().setBigUint64(resultAt, 0n, true)
      return success
    },
    proc_exit: (exitCode: number) => {
      throw new Exit(exitCode)
    },
  }
}

function commandOf(instance: WebAssembly.Instance) {
  const { memory, _start: start } = instance.exports
  if (memory instanceof WebAssembly.Memory && typeof start === 'function') return { memory, start: () => void start() }
  throw new TypeError('the module is not a WASI command')
}
