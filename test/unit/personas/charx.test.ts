import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readCharx } from '#src/personas/cards/charx.ts'
import { cardTexts } from './cards-of-others.ts'
import { bytesOf, join, refusalOf, zipOf, type ZipFile } from './containers.ts'

const card: ZipFile = { path: 'card.json', data: bytesOf(cardTexts.risuV3) }
const icon: ZipFile = { path: 'assets/icon/images/main.png', data: bytesOf('icon'), stored: true }
const joy: ZipFile = { path: 'assets/emotion/images/joy.webp', data: bytesOf('joy'.repeat(100)) }
const whole = {
  text: cardTexts.risuV3,
  assets: [icon, joy].map(({ path, data }) => ({ path, bytes: data })),
}

const naming = (paths: readonly string[]): ZipFile => ({
  path: 'card.json',
  data: bytesOf(
    JSON.stringify({
      spec: 'chara_card_v3',
      data: {
        name: 'x',
        assets: paths.map((path) => ({ type: 'other', uri: `embeded://${path}`, name: '', ext: '' })),
      },
    }),
  ),
})

async function readOf(zip: Uint8Array) {
  const { text, assets } = await readCharx(zip)
  return { text, assets: assets.map(({ path, bytes }) => ({ path, bytes: Uint8Array.from(bytes) })) }
}

describe('a CHARX', () => {
  it.each([
    ['as it should be', zipOf([card, icon, joy])],
    ['in another order, with more', zipOf([joy, { path: 'module.risum', data: bytesOf('?') }, icon, card])],
    ['with a comment', zipOf([card, icon, joy], { comment: 'PK\u0005\u0006 of something' })],
    ['with sizes after the data', zipOf([{ ...card, isSizedLater: true }, icon, { ...joy, isSizedLater: true }])],
  ])('is read: %s', async (_, zip) => {
    expect(await readOf(zip)).toEqual(whole)
    expect(await readOf(join(bytesOf('?'), zip).subarray(1))).toEqual(whole)
  })

  it('gives only the assets that the card names, within the archive', async () => {
    const bad = [
      '../up.png',
      'a/../../up.png',
      '/root.png',
      String.raw`a\b.png`,
      'c:/d.png',
      'a//b',
      './x',
      'card.json',
    ]
    const files = [...bad.slice(0, -1), 'other.png', 'good.png'].map((path) => ({ path, data: bytesOf(path) }))
    const { assets } = await readOf(zipOf([naming([...bad, 'missing.png', 'good.png', 'good.png']), ...files]))
    expect(assets).toEqual([{ path: 'good.png', bytes: bytesOf('good.png') }])
  })

  it('gives the first 50 of its assets', async () => {
    const paths = Array.from({ length: 60 }, (_, index) => `assets/${index}`)
    const { assets } = await readOf(zipOf([naming(paths), ...paths.map((path) => ({ path, data: bytesOf(path) }))]))
    expect(assets.map(({ path }) => path)).toEqual(paths.slice(0, 50))
  })

  const zeros = (size: number, path = 'a'): ZipFile => ({
    path,
    data: new Uint8Array(),
    size,
    packed: packedZeros,
    crc: 0,
  })
  const packedZeros = deflateRawSync(new Uint8Array(12_000_000))
  const bombs = ['a', 'b', 'c', 'd'].map((path) => zeros(10_000_000, path))

  it.each([
    ['no ZIP', bytesOf('not a zip at all, only text'), 'malformed_body'],
    ['nothing', new Uint8Array(), 'malformed_body'],
    ['half', zipOf([card, icon]).subarray(0, -30), 'malformed_body'],
    ['bytes after the end', join(zipOf([card]), bytesOf('x')), 'malformed_body'],
    ['bytes before the beginning', join(bytesOf('x'), zipOf([card])), 'malformed_body'],
    ['no card', zipOf([icon]), 'invalid_body'],
    ['a card that is not at the root', zipOf([{ ...card, path: 'x/card.json' }]), 'invalid_body'],
    ['a card that is no card', zipOf([{ path: 'card.json', data: bytesOf('{}') }]), 'invalid_body'],
    ['a card that is no UTF-8', zipOf([{ path: 'card.json', data: Uint8Array.of(0xff) }]), 'malformed_body'],
    ['two cards', zipOf([card, card]), 'malformed_body'],
    ['an encrypted file', zipOf([{ ...card, flags: 0x801 }]), 'malformed_body'],
    ['ZIP64', zipOf([{ ...card, size: 0xffffffff }]), 'malformed_body'],
    ['ZIP64 in the end record', zipOf([card], { count: 0xffff }), 'malformed_body'],
    ['many disks', zipOf([card], { disk: 1 }), 'malformed_body'],
    ['more files than there are', zipOf([card], { count: 2 }), 'malformed_body'],
    ['fewer files than there are', zipOf([card, icon], { count: 1 }), 'malformed_body'],
    ['another packing', zipOf([{ ...card, method: 12 }]), 'malformed_body'],
    ['another local name', zipOf([{ ...card, localPath: 'curd.json' }]), 'malformed_body'],
    ['another local size', zipOf([{ ...card, localSize: 5 }]), 'malformed_body'],
    ['other local flags', zipOf([{ ...card, localFlags: 0 }]), 'malformed_body'],
    ['another offset', zipOf([{ ...card, offset: 3 }]), 'malformed_body'],
    ['an offset beyond the end', zipOf([{ ...card, offset: 0xfffffff0 }]), 'malformed_body'],
    ['a wrong CRC', zipOf([{ ...card, crc: 1 }]), 'malformed_body'],
    ['a size that is short', zipOf([{ ...card, size: 100 }]), 'malformed_body'],
    ['a size that is long', zipOf([{ ...card, size: 100_000 }]), 'malformed_body'],
    ['no DEFLATE', zipOf([{ ...card, packed: bytesOf('\u0007junk') }]), 'malformed_body'],
    ['a card that says it is large', zipOf([{ ...card, size: 2_097_153 }]), 'payload_too_large'],
    ['a bomb that says it is small', zipOf([{ ...card, packed: packedZeros }]), 'malformed_body'],
    ['an asset that is too large', zipOf([naming(['a']), zeros(10_485_761)]), 'payload_too_large'],
    ['assets that are too large', zipOf([naming(['a', 'b', 'c', 'd']), ...bombs]), 'payload_too_large'],
    ['too many bytes', new Uint8Array(20_971_521), 'payload_too_large'],
  ])('is refused: %s', async (_, zip, code) => {
    expect(await refusalOf(() => readCharx(zip))).toBe(code)
  })
})
