declare module 'siphash' {
  const siphash: {
    /** SipHash-2-4 of bytes under a 128-bit key, as its upper and lower 32 bits. */
    readonly hash: (key: Uint32Array, message: Uint8Array) => { readonly h: number; readonly l: number }
  }
  export default siphash
}
