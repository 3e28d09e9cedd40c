/** @import { Expression, MoodWeights, MouthWeights } from './track-player.js' */

/** @typedef {{ width: number, opening: number, roundness: number, smile: number }} MouthShape lengths in units of the drawing */

const middle = { x: 120, y: 170 }
const atRest = { width: 52, opening: 0, roundness: 0.55 }

/** The mouth of each viseme at weight 1; a closed one is `atRest`. */
const shapes = {
  aa: { width: 56, opening: 46, roundness: 0.8 },
  ih: { width: 58, opening: 20, roundness: 0.65 },
  ou: { width: 24, opening: 22, roundness: 1.1 },
  ee: { width: 70, opening: 24, roundness: 0.6 },
  oh: { width: 36, opening: 40, roundness: 1.15 },
}

/** @type {readonly (keyof MouthWeights)[]} */
const openVisemes = ['aa', 'ih', 'ou', 'ee', 'oh']

/** The face of each expression at weight 1. `tilt` is in degrees, above 0 where the inner ends of the brows are low. */
const moods = {
  happy: { smile: 1, lift: 5, tilt: -4, eyes: 0.82, blush: 0.75 },
  angry: { smile: -0.7, lift: -7, tilt: 18, eyes: 0.8, blush: 0.3 },
  sad: { smile: -0.8, lift: 2, tilt: -17, eyes: 0.78, blush: 0.15 },
  relaxed: { smile: 0.7, lift: 1, tilt: -3, eyes: 0.55, blush: 0.5 },
  surprised: { smile: 0, lift: 14, tilt: -3, eyes: 1.25, blush: 0.25 },
  neutral: { smile: 0.35, lift: 0, tilt: 0, eyes: 1, blush: 0.25 },
}

/** @type {readonly Expression[]} */
const expressions = ['happy', 'angry', 'sad', 'relaxed', 'surprised', 'neutral']

/**
 * The mouth that the weights make together.
 * @param {MouthWeights} mouth
 * @param {MoodWeights} mood
 * @returns {MouthShape}
 */
export function mouthShape(mouth, mood) {
  const shape = { ...atRest, smile: sum(mood, 'smile') }
  for (const viseme of openVisemes) {
    const [weight, goal] = [mouth[viseme], shapes[viseme]]
    shape.width += weight * (goal.width - atRest.width)
    shape.opening += weight * (goal.opening - atRest.opening)
    shape.roundness += weight * (goal.roundness - atRest.roundness)
  }
  return shape
}

/**
 * The outline of a mouth as SVG paths: all of it, and its upper edge, where the teeth are.
 * @param {MouthShape} shape
 */
export function mouthPaths({ width, opening, roundness, smile }) {
  const [left, right] = [middle.x - width / 2, middle.x + width / 2]
  // A round mouth has no corners to lift.
  const bend = smile * 5 * Math.min(1, (width / atRest.width) ** 2)
  const corner = middle.y - bend
  const line = middle.y + bend
  const reach = (width / 2) * roundness
  /** @param {number} y where the curve is in the middle */
  const control = (y) => (y - corner / 4) / 0.75
  const [high, low] = [control(line - opening * 0.4), control(line + opening * 0.6)]
  const [inLeft, inRight] = [middle.x - reach, middle.x + reach]
  const upper = `M ${left} ${corner} C ${inLeft} ${high} ${inRight} ${high} ${right} ${corner}`
  return { whole: `${upper} C ${inRight} ${low} ${inLeft} ${low} ${left} ${corner} Z`, upper }
}

/**
 * Draws the face on the page's SVG.
 * @param {Element} face
 * @param {MouthWeights} mouth
 * @param {MoodWeights} mood
 */
export function drawFace(face, mouth, mood) {
  const shape = mouthShape(mouth, mood)
  const { whole, upper } = mouthPaths(shape)
  const set = setterOf(face)
  set('.mouth-outline', 'd', whole)
  set('.mouth-inside', 'd', whole)
  set('.mouth-teeth', 'd', upper)
  set('.mouth-teeth', 'stroke-width', 18 * Math.min(1, shape.width / 64) ** 2)
  set('.mouth-tongue', 'cy', middle.y + shape.smile * 5 + shape.opening * 0.62)
  set('.mouth-tongue', 'rx', shape.width * 0.34)
  const [lift, tilt] = [sum(mood, 'lift'), sum(mood, 'tilt')]
  set('.brow-left', 'transform', `translate(82 ${92 - lift}) rotate(${tilt})`)
  set('.brow-right', 'transform', `translate(158 ${92 - lift}) rotate(${-tilt})`)
  set('.eye-left', 'transform', `translate(82 118) scale(1 ${sum(mood, 'eyes')})`)
  set('.eye-right', 'transform', `translate(158 118) scale(1 ${sum(mood, 'eyes')})`)
  set('.cheeks', 'opacity', sum(mood, 'blush'))
}

/** @param {Element} face @returns {(selector: string, name: string, value: string | number) => void} */
function setterOf(face) {
  return (selector, name, value) => {
    for (const part of face.querySelectorAll(selector)) part.setAttribute(name, String(value))
  }
}

/** @param {MoodWeights} mood @param {keyof typeof moods['neutral']} feature */
function sum(mood, feature) {
  return expressions.reduce((total, expression) => total + mood[expression] * moods[expression][feature], 0)
}
