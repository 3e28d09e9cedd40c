import { messages } from '#src/conversations/tables.ts'
import { Vault } from '#src/vault/vault.ts'

const userId = '0198f000-0000-7000-8000-0000000000aa'
const word = () => Math.random().toString(36).slice(2, 8)
const textOf = (characters: number) => {
  let text = ''
  while (text.length < characters) text += `${word()} `
  return text.slice(0, characters)
}

async function newVault(): Promise<Vault> {
  const [sealing, naming] = await Promise.all([
    crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']),
    crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']),
  ])
  if ('publicKey' in sealing || 'publicKey' in naming) throw new Error('no pair was asked for')
  return new Vault(userId, [{ version: 1, sealing, naming, indexing: crypto.getRandomValues(new Uint32Array(4)) }])
}

let prepared: ReturnType<typeof prepare> | undefined

async function prepare() {
  const vault = await newVault()
  const page = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const [id, text] = [crypto.randomUUID(), textOf(200)]
      return { id, text, sealed: await vault.seal(messages.content, id, text) }
    }),
  )
  return { vault, page, long: textOf(16_000) }
}

/** `/{work}?times=N` does a piece of the vault's work N times. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    prepared ??= prepare()
    const { vault, page, long } = await prepared
    const [first] = page
    if (first === undefined) throw new Error('the page is empty')
    const works: Readonly<Record<string, () => unknown>> = {
      '/open': async () =>
        await Promise.all(page.map(async ({ id, sealed }) => await vault.open(messages.content, id, sealed))),
      '/seal': async () => await vault.seal(messages.content, first.id, first.text),
      '/index': () => vault.indexWords(first.text),
      '/index-long': () => vault.indexWords(long),
    }
    const work = works[pathname]
    if (work === undefined) return new Response('no such work', { status: 404 })
    for (let time = 0; time < Number(searchParams.get('times')); time += 1) await work()
    return new Response('done')
  },
}
