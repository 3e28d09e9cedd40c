import type { Shape } from '#src/speech/mouth.ts'

/*
 * ARPAbet to VRM. A vowel is the Japanese vowel nearest to it (VRM's `ee` is え, so `iy` is `ih`), open by the height of the
 * jaw; a diphthong is its two ends. A consonant hardly opens: lips that meet close the mouth; rounded ones (`w`, `sh`) are a
 * small `ou`; teeth (`s`, `t`, `f`) a small `ih`; the back of the tongue (`k`, `hh`) a small `aa`.
 */
const shapes: ReadonlyMap<string, readonly Shape[]> = new Map(
  Object.entries({
    aa: 'aa 1',
    ae: 'aa 0.8',
    ah: 'aa 0.7',
    ax: 'aa 0.4',
    ao: 'oh 0.9',
    eh: 'ee 0.8',
    er: 'oh 0.4',
    axr: 'oh 0.3',
    ih: 'ih 0.6',
    ix: 'ih 0.4',
    iy: 'ih 0.9',
    uh: 'ou 0.6',
    uw: 'ou 0.9',
    ux: 'ou 0.7',
    aw: 'aa 1 ou 0.6',
    ay: 'aa 1 ih 0.6',
    ey: 'ee 0.8 ih 0.6',
    ow: 'oh 0.9 ou 0.6',
    oy: 'oh 0.9 ih 0.6',
    m: 'sil 0',
    em: 'sil 0',
    b: 'sil 0',
    p: 'sil 0',
    f: 'ih 0.2',
    v: 'ih 0.2',
    th: 'ee 0.2',
    dh: 'ee 0.2',
    t: 'ih 0.2',
    d: 'ih 0.2',
    dx: 'ih 0.2',
    n: 'ih 0.2',
    en: 'ih 0.2',
    nx: 'ih 0.2',
    l: 'ee 0.3',
    el: 'ee 0.3',
    r: 'ou 0.3',
    s: 'ih 0.3',
    z: 'ih 0.3',
    sh: 'ou 0.3',
    zh: 'ou 0.3',
    ch: 'ou 0.3',
    jh: 'ou 0.3',
    k: 'aa 0.2',
    g: 'aa 0.2',
    ng: 'aa 0.2',
    hh: 'aa 0.3',
    hv: 'aa 0.3',
    w: 'ou 0.6',
    y: 'ih 0.4',
  }).map(([phoneme, written]) => [phoneme, parseShapes(written)]),
)

const unknown: readonly Shape[] = [{ v: 'ih', w: 0.2 }]
const silence = /^(?:pau|ssil|sil|sp|h#|#.*|.*#|brth|)$/

/** Whether a phoneme is no sound: `pau`, `h#` and their like. Stress digits and case do not matter. */
export function isSilence(phoneme: string): boolean {
  return silence.test(bare(phoneme))
}

/** The one or two shapes the mouth makes for a phoneme, in equal parts of its time; an unknown sound opens it a little. */
export function shapesOfPhoneme(phoneme: string): readonly Shape[] {
  return isSilence(phoneme) ? [{ v: 'sil', w: 0 }] : (shapes.get(bare(phoneme)) ?? unknown)
}

const bare = (phoneme: string) => phoneme.trim().toLowerCase().replace(/\d$/, '')

function parseShapes(written: string): readonly Shape[] {
  return written.split(/ (?=[a-z])/).map((shape): Shape => {
    const [v, w] = shape.split(' ')
    return { v: visemeNamed(v), w: Number(w) }
  })
}

function visemeNamed(name: string | undefined): Shape['v'] {
  if (name === 'aa' || name === 'ih' || name === 'ou' || name === 'ee' || name === 'oh') return name
  return 'sil'
}
