import { deflateSync, inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readPngCard, writePngCard } from '#src/personas/cards/png.ts'
import { cardTexts } from './cards-of-others.ts'
import {
  base64Of,
  bytesOf,
  chunk,
  crcOf,
  end,
  header,
  join,
  pixels,
  pngOf,
  refusalOf,
  signature,
  textChunk,
} from './containers.ts'

const [v2, v3] = [cardTexts.sillyTavernV2, cardTexts.risuV3]
const compressed = (text: string | Uint8Array) => deflateSync(typeof text === 'string' ? bytesOf(text) : text)
const zTXt = (keyword: string, packed: Uint8Array, method = 0) =>
  chunk('zTXt', join(bytesOf(keyword), Uint8Array.of(0, method), packed))
const iTXt = (keyword: string, flag: number, text: Uint8Array) =>
  chunk('iTXt', join(bytesOf(keyword), Uint8Array.of(0, flag, 0), bytesOf('en\0keyword\0'), text))

describe('the card in a PNG', () => {
  it.each([
    ['chara', pngOf(textChunk('chara', base64Of(v2))), v2],
    ['ccv3 before chara', pngOf(textChunk('chara', base64Of(v2)), textChunk('ccv3', base64Of(v3))), v3],
    ['any case of the keyword', pngOf(textChunk('Chara', base64Of(v2))), v2],
    ['after other texts', pngOf(textChunk('Software', 'x'), textChunk('chara', base64Of(v2))), v2],
    ['after the pixels', join(signature, header, pixels, textChunk('chara', base64Of(v2)), end), v2],
    ['line breaks in base64', pngOf(textChunk('chara', base64Of(v3).replaceAll(/.{76}/g, '$&\r\n'))), v3],
    [
      'base64 without its end',
      pngOf(textChunk('chara', base64Of('{"name":"x"} ').replaceAll('=', ''))),
      '{"name":"x"} ',
    ],
    ['zTXt', pngOf(zTXt('ccv3', compressed(base64Of(v3)))), v3],
    ['iTXt', pngOf(iTXt('ccv3', 0, bytesOf(base64Of(v3)))), v3],
    ['packed iTXt', pngOf(iTXt('ccv3', 1, compressed(base64Of(v3)))), v3],
    ['JSON itself in iTXt', pngOf(iTXt('chara', 0, bytesOf(v3))), v3],
    ['bytes after the end', join(pngOf(textChunk('chara', base64Of(v2))), bytesOf('more')), v2],
    ['a byte order mark', pngOf(textChunk('chara', base64Of(`\u{feff}${v2}`))), `\u{feff}${v2}`],
  ])('is read: %s', async (_, png, text) => {
    expect(await readPngCard(png)).toBe(text)
    expect(await readPngCard(join(bytesOf('before'), png).subarray(6))).toBe(text)
  })

  const whole = pngOf(textChunk('chara', base64Of(v2)))
  const lying = (length: number) => {
    const bytes = pngOf(textChunk('chara', base64Of(v2)))
    new DataView(bytes.buffer).setUint32(signature.length + header.length, length)
    return bytes
  }
  const bomb = compressed(new Uint8Array(30_000_000).fill(0x41))

  it.each([
    ['no PNG', bytesOf('GIF89a'), 'malformed_body'],
    ['nothing', new Uint8Array(), 'malformed_body'],
    ['the signature alone', signature, 'malformed_body'],
    ['no card', pngOf(textChunk('Comment', base64Of(v2))), 'invalid_body'],
    ['a keyword that only begins so', pngOf(textChunk('chara2', base64Of(v2))), 'invalid_body'],
    ['no IHDR', join(signature, textChunk('chara', base64Of(v2)), end), 'malformed_body'],
    ['a broken IHDR', join(signature, chunk('IHDR', new Uint8Array(13), 1), end), 'malformed_body'],
    ['no IEND', whole.subarray(0, -12), 'malformed_body'],
    ['half', whole.subarray(0, whole.length >> 1), 'malformed_body'],
    ['a length beyond the end', lying(0x7fffffff), 'malformed_body'],
    ['a length of 2^32 - 1', lying(0xffffffff), 'malformed_body'],
    ['a length that is short', lying(20), 'malformed_body'],
    ['a wrong CRC of the card', pngOf(textChunk('chara', base64Of(v2), 1)), 'malformed_body'],
    [
      'a wrong CRC of ccv3 beside a good chara',
      pngOf(textChunk('chara', base64Of(v2)), textChunk('ccv3', 'e30=', 1)),
      'malformed_body',
    ],
    ['no base64', pngOf(textChunk('chara', '{"name":"x"}')), 'malformed_body'],
    ['base64url', pngOf(textChunk('chara', '-_-_')), 'malformed_body'],
    ['no UTF-8', pngOf(textChunk('chara', Buffer.from([0xff, 0xfe, 0x22]).toString('base64'))), 'malformed_body'],
    ['a bomb in zTXt', pngOf(zTXt('ccv3', bomb)), 'payload_too_large'],
    ['a bomb in iTXt', pngOf(iTXt('ccv3', 1, bomb)), 'payload_too_large'],
    ['an unknown packing', pngOf(zTXt('ccv3', compressed(base64Of(v3)), 1)), 'malformed_body'],
    ['half an iTXt', pngOf(chunk('iTXt', bytesOf('chara\0\0\0en'))), 'malformed_body'],
    ['too much JSON', pngOf(textChunk('chara', base64Of('x'.repeat(2_097_153)))), 'payload_too_large'],
    ['too many bytes', new Uint8Array(10_485_761), 'payload_too_large'],
    [
      'too many chunks',
      join(signature, header, ...Array.from({ length: 50_001 }, () => end.with(4, 0x61))),
      'malformed_body',
    ],
  ])('is refused: %s', async (_, png, code) => {
    expect(await refusalOf(() => readPngCard(png))).toBe(code)
  })
})

describe('a card is put into a PNG', () => {
  it('before its end, in the place of what was there, and no other byte changes', () => {
    const [software, animation] = [textChunk('Software', 'x'), chunk('acTL', new Uint8Array(8), 5)]
    const old = [textChunk('chara', 'e30='), zTXt('ccv3', compressed('e30=')), iTXt('CHARA', 0, bytesOf('{}'))]
    const written = writePngCard(join(signature, header, software, ...old, animation, pixels, end), v2, v3)
    const cards = [textChunk('chara', base64Of(v2)), textChunk('ccv3', base64Of(v3))]
    expect(Uint8Array.from(written)).toEqual(join(signature, header, software, animation, pixels, ...cards, end))
  })

  it('and is read as it was', async () => {
    expect(await readPngCard(writePngCard(pngOf(), v2, v3))).toBe(v3)
    expect(await readPngCard(writePngCard(undefined, v2, v3))).toBe(v3)
  })

  it('without a picture into one of 256 × 384 pixels, always the same', () => {
    const png = writePngCard(undefined, v2, v3)
    expect(png).toEqual(writePngCard(undefined, v2, v3))
    const [chunks, view] = [new Map<string, Uint8Array>(), new DataView(png.buffer, png.byteOffset, png.length)]
    for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
      const body = png.subarray(at + 4, at + 8 + view.getUint32(at))
      expect(crcOf(body)).toBe(view.getUint32(at + 4 + body.length))
      chunks.set(Buffer.from(body.subarray(0, 4)).toString(), body.subarray(4))
    }
    expect([...chunks.keys()]).toEqual(['IHDR', 'PLTE', 'IDAT', 'tEXt', 'IEND'])
    expect(Buffer.from(chunks.get('IHDR') ?? []).toString('hex')).toBe('00000100000001800803000000')
    const rows = inflateSync(chunks.get('IDAT') ?? new Uint8Array())
    expect([rows.length, rows[0], rows[1], rows.at(-1)]).toEqual([384 * 257, 0, 0, 191])
    expect((chunks.get('PLTE') ?? []).length).toBe(192 * 3)
  })

  it('not into what is no PNG', async () => {
    expect(await refusalOf(() => writePngCard(bytesOf('GIF89a'), v2, v3))).toBe('malformed_body')
  })
})
