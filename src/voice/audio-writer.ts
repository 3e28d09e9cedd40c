import { joined } from '#src/http/bounded-body.ts'

// What R2 takes as one part of several, the last one apart.
const partBytes = 5 * 1_024 * 1_024

/** What became of audio that was written. */
export interface WrittenAudio {
  readonly bytes: number
  readonly isStored: boolean
  /** The audio itself, where it is no more than one part. */
  readonly whole: Uint8Array | undefined
}

/** Writes audio of any length to R2 as it comes, in parts of 5 MiB: no more than one is held. */
export class AudioWriter {
  readonly #bucket: R2Bucket
  readonly #key: string
  readonly #httpMetadata: R2HTTPMetadata
  readonly #parts: R2UploadedPart[] = []
  #upload: R2MultipartUpload | undefined
  #held: Uint8Array[] = []
  #heldBytes = 0
  #bytes = 0
  #hasFailed = false

  constructor(bucket: R2Bucket, key: string, contentType: string) {
    this.#bucket = bucket
    this.#key = key
    this.#httpMetadata = { contentType }
  }

  /** Takes the next bytes. Where the bucket has failed they are let go of: `close` says so. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.length
    if (this.#hasFailed) return
    let rest = chunk
    while (this.#heldBytes + rest.length >= partBytes && !this.#hasFailed) {
      const room = partBytes - this.#heldBytes
      this.#hold(rest.subarray(0, room))
      rest = rest.subarray(room)
      await this.#sendPart()
    }
    if (rest.length > 0) this.#hold(rest)
  }

  /** Ends the audio, and says whether it is stored. */
  async close(): Promise<WrittenAudio> {
    if (this.#upload === undefined && !this.#hasFailed) return await this.#putWhole()
    if (this.#heldBytes > 0) await this.#sendPart()
    await this.#unlessFailed(async () => void (await this.#upload?.complete(this.#parts)))
    return { bytes: this.#bytes, isStored: !this.#hasFailed, whole: undefined }
  }

  /** Leaves nothing behind of audio that was not ended. */
  async abort(): Promise<void> {
    this.#held = []
    this.#hasFailed = true
    await this.#upload?.abort().catch(() => undefined)
  }

  async #putWhole(): Promise<WrittenAudio> {
    const whole = joined(this.#held, this.#heldBytes)
    try {
      await this.#bucket.put(this.#key, whole, { httpMetadata: this.#httpMetadata })
      return { bytes: this.#bytes, isStored: true, whole }
    } catch {
      return { bytes: this.#bytes, isStored: false, whole }
    }
  }

  #hold(bytes: Uint8Array): void {
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
  }

  async #sendPart(): Promise<void> {
    const part = joined(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    await this.#unlessFailed(async () => {
      this.#upload ??= await this.#bucket.createMultipartUpload(this.#key, { httpMetadata: this.#httpMetadata })
      this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, part))
    })
  }

  async #unlessFailed(work: () => Promise<void>): Promise<void> {
    if (this.#hasFailed) return
    try {
      await work()
    } catch {
      await this.abort()
    }
  }
}
