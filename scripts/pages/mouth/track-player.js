/**
 * What an avatar does at a moment of a line that is played. Pure: a page, three-vrm and a test use the same functions.
 * `track` is the answer of `POST /voice/speech`; `ms` is where the audio is, as `audio.currentTime * 1000` says it.
 */

/** @typedef {'aa' | 'ih' | 'ou' | 'ee' | 'oh' | 'sil'} Viseme */
/** @typedef {'happy' | 'angry' | 'sad' | 'relaxed' | 'surprised' | 'neutral'} Expression */
/** @typedef {{ readonly t: number, readonly d: number, readonly v: Viseme, readonly w: number }} VisemeCue */
/** @typedef {{ readonly t: number, readonly expression: Expression, readonly weight: number }} EmotionCue */
/** @typedef {{ readonly t: number, readonly d: number, readonly text: string }} Word */
/** @typedef {Record<Exclude<Viseme, 'sil'>, number>} MouthWeights by VRM preset, 0…1; all 0 is a closed mouth */
/** @typedef {Record<Expression, number>} MoodWeights by VRM preset, 0…1 */
/**
 * @typedef {object} Track
 * @property {readonly VisemeCue[]} visemes without a gap, from 0 to the end
 * @property {readonly EmotionCue[]} emotions each holds until the next
 * @property {readonly Word[]} words in order, without overlap
 */

/** How long the mouth takes from one shape to the next. */
export const mouthFadeMs = 60
/** How long the face takes from one expression to the next. */
export const moodFadeMs = 240

/** @type {VisemeCue} */
const closed = { t: 0, d: 0, v: 'sil', w: 0 }
/** @type {EmotionCue} */
const calm = { t: 0, expression: 'neutral', weight: 1 }

/**
 * The viseme that holds at ms; a closed mouth before the start and from the end on.
 * @param {Pick<Track, 'visemes'>} track
 * @param {number} ms
 * @returns {VisemeCue}
 */
export function visemeAt({ visemes }, ms) {
  const cue = visemes[lastBegun(visemes, ms)]
  return cue !== undefined && ms < cue.t + cue.d ? cue : closed
}

/**
 * The emotion that holds at ms.
 * @param {Pick<Track, 'emotions'>} track
 * @param {number} ms
 * @returns {EmotionCue}
 */
export function emotionAt({ emotions }, ms) {
  return emotions[lastBegun(emotions, ms)] ?? emotions[0] ?? calm
}

/**
 * Which word is spoken at ms, by its place in `words`; -1 where none is.
 * @param {Pick<Track, 'words'>} track
 * @param {number} ms
 * @returns {number}
 */
export function wordAt({ words }, ms) {
  const at = lastBegun(words, ms)
  const word = words[at]
  return word !== undefined && ms < word.t + word.d ? at : -1
}

/**
 * The mouth at ms: the mean of the visemes over the 60 ms around it, so that each shape runs into the next.
 * @param {Pick<Track, 'visemes'>} track
 * @param {number} ms
 * @returns {MouthWeights}
 */
export function mouthAt({ visemes }, ms) {
  const weights = { aa: 0, ih: 0, ou: 0, ee: 0, oh: 0 }
  const from = ms - mouthFadeMs / 2
  for (const { t, d, v, w } of visemes.slice(Math.max(0, lastBegun(visemes, from)))) {
    if (t - from >= mouthFadeMs) break
    const share = Math.min(t + d - from, mouthFadeMs) - Math.max(t - from, 0)
    if (v !== 'sil' && share > 0) weights[v] += (w * share) / mouthFadeMs
  }
  return weights
}

/**
 * The expressions at ms: the mean of the emotions over the 240 ms around it.
 * @param {Pick<Track, 'emotions'>} track
 * @param {number} ms
 * @returns {MoodWeights}
 */
export function moodAt({ emotions }, ms) {
  const weights = { happy: 0, angry: 0, sad: 0, relaxed: 0, surprised: 0, neutral: 0 }
  const from = ms - moodFadeMs / 2
  let at = Math.max(0, lastBegun(emotions, from))
  let begin = 0
  while (begin < moodFadeMs) {
    const { expression, weight } = emotions[at] ?? calm
    const end = Math.min(moodFadeMs, (emotions[at + 1]?.t ?? Infinity) - from)
    weights[expression] += (weight * (end - begin)) / moodFadeMs
    begin = end
    at += 1
  }
  return weights
}

/**
 * The place of the last cue that has begun at ms, by binary search; -1 where none has.
 * @param {readonly { readonly t: number }[]} cues in the order of `t`
 * @param {number} ms
 */
function lastBegun(cues, ms) {
  let [low, high] = [0, cues.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const cue = cues[middle]
    if (cue !== undefined && cue.t <= ms) low = middle + 1
    else high = middle
  }
  return low - 1
}
