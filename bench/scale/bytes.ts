type Format = { readonly alphabet?: 'base64' | 'base64url'; readonly omitPadding?: boolean }

const viewOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const ofBytes = {
  toHex(this: Uint8Array): string {
    return viewOf(this).toString('hex')
  },
  toBase64(this: Uint8Array, { alphabet = 'base64', omitPadding = false }: Format = {}): string {
    const text = viewOf(this).toString(alphabet)
    return omitPadding ? text.replace(/=+$/, '') : text
  },
}

const ofText = {
  fromHex: (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex')),
  fromBase64: (text: string, { alphabet = 'base64' }: Format = {}): Uint8Array =>
    new Uint8Array(Buffer.from(text, alphabet)),
}

/**
 * Gives Node 24 what workerd and Node 25 have: bytes as base64 and hexadecimal text. V8's own, behind `--js-base-64`,
 * reads a view from the beginning of its buffer. Remove it with Node 24.
 */
export function addByteTexts(): void {
  const isThere: boolean = 'fromHex' in Uint8Array
  if (isThere) return
  Object.assign(Uint8Array, ofText)
  Object.assign(Uint8Array.prototype, ofBytes)
}
