import type { CharacterCard } from '#src/personas/cards/card.ts'
import { isObject, memberOf } from '#src/personas/cards/json-values.ts'

/** The paths in a CHARX that a card's `assets` name, in their order: `embeded://path` as V3 spells it, or `embedded://`. */
export function embeddedPaths({ original }: CharacterCard): readonly string[] {
  const data = memberOf(original, 'data')
  const assets = isObject(data) ? memberOf(data, 'assets') : undefined
  if (!Array.isArray(assets)) return []
  const uris = assets.map((asset) => (isObject(asset) ? memberOf(asset, 'uri') : undefined))
  const paths = uris.map((uri) => (typeof uri === 'string' ? /^embedd?ed:\/\/(.+)$/.exec(uri)?.[1] : undefined))
  return [...new Set(paths.filter((path) => path !== undefined))]
}
