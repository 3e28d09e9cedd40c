import { Problem } from '#src/http/problem.ts'
import { embeddedPaths } from '#src/personas/cards/card-assets.ts'
import { cardTextBytes, decodeCardText, parseCardJson } from '#src/personas/cards/card.ts'
import { zipEntries, type ZipEntry } from '#src/personas/cards/zip.ts'

const mebibyte = 1_024 * 1_024
const charxBytes = 20 * mebibyte
const assetBytes = 10 * mebibyte
// A Worker has 128 MB in all.
const allAssetBytes = 32 * mebibyte
const mostAssets = 50

/**
 * A CHARX (CCv3 § CHARX): the text of its `card.json`, and the first 50 assets that the card names and the archive holds,
 * in the card's order; paths that lead out of the archive are not looked for. Rejects with `payload_too_large` beyond
 * 20 MiB, 2 MiB of card, 10 MiB of an asset or 32 MiB of assets, all unpacked; `invalid_body` without a card; as
 * `zipEntries` and `parseCardJson` do for what else is wrong.
 */
export async function readCharx(
  bytes: Uint8Array,
): Promise<{ text: string; assets: readonly { path: string; bytes: Uint8Array }[] }> {
  if (bytes.length > charxBytes) throw new Problem('payload_too_large', 'A CHARX may hold at most 20 MiB.')
  const entries = zipEntries(bytes)
  const card = entries.get('card.json')
  if (card === undefined) throw new Problem('invalid_body', 'The CHARX holds no character card.')
  if (card.size > cardTextBytes) {
    throw new Problem('payload_too_large', 'A character card may hold at most 2 MiB of JSON.')
  }
  const text = decodeCardText(card.unpack())
  const named = embeddedPaths(parseCardJson(text)).filter(isInside)
  const found = named.map((path) => entries.get(path)).filter((entry) => entry !== undefined)
  const assets = found.slice(0, mostAssets)
  checkSizes(assets)
  return { text, assets: assets.map(({ path, unpack }) => ({ path, bytes: unpack() })) }
}

function checkSizes(assets: readonly ZipEntry[]): void {
  if (assets.some(({ size }) => size > assetBytes)) {
    throw new Problem('payload_too_large', 'An asset may hold at most 10 MiB.')
  }
  if (assets.reduce((sum, { size }) => sum + size, 0) > allAssetBytes) {
    throw new Problem('payload_too_large', 'The assets of a card may hold at most 32 MiB.')
  }
}

const isInside = (path: string) =>
  path !== 'card.json' &&
  !/[\\\0:]/.test(path) &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
