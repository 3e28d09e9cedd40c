/** What a file is called that a browser saves, and of which type it is. */
export interface Attachment {
  readonly name: string
  readonly contentType: string
}

/**
 * The answer of a route that hands out a file, written as it is: that it is what the contract says of that route is the caller's
 * word, since the types know JSON only as a value.
 */
export function attached(body: BodyInit, { name, contentType }: Attachment): never {
  const headers = { 'Content-Type': contentType, 'Content-Disposition': `attachment; filename="${name}"` }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return new Response(body, { headers }) as never
}
