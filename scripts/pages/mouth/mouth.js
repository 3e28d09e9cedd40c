import { drawFace } from './face.js'
import { call, signIn } from './service.js'
import { emotionAt, moodAt, mouthAt, visemeAt, wordAt } from './track-player.js'

/** @import { Personas, Speech, Voices } from './service.js' */

// What the address says behind the `#`, which no server is sent.
const given = new URLSearchParams(location.hash.slice(1))
const api = given.get('api') ?? 'http://localhost:8787'
const audience = given.get('audience') ?? 'neuraform-local'

const face = part('face', SVGSVGElement)
const audio = part('audio', HTMLAudioElement)
const words = part('words', HTMLElement)
const text = part('text', HTMLTextAreaElement)
const persona = part('persona', HTMLSelectElement)
const voice = part('voice', HTMLInputElement)
const wishes = part('wishes', HTMLFieldSetElement)
const speakButton = part('speak', HTMLButtonElement)
const signInButton = part('sign-in', HTMLButtonElement)

/** @type {Pick<Speech, 'words' | 'visemes' | 'emotions' | 'duration_ms'>} */
const silence = { words: [], visemes: [], emotions: [], duration_ms: 0 }
let speech = silence
/** @type {string | undefined} */
let token

/** Shows what the track says of where the audio is. No other clock is asked: whoever pauses or seeks finds it in step. */
function show() {
  const ms = audio.currentTime * 1000
  drawFace(face, mouthAt(speech, ms), moodAt(speech, ms))
  face.dataset['ms'] = String(ms)
  face.dataset['viseme'] = visemeAt(speech, ms).v
  face.dataset['expression'] = emotionAt(speech, ms).expression
  const current = wordAt(speech, ms)
  for (const [at, word] of [...words.children].entries()) word.setAttribute('aria-current', String(at === current))
}

function follow() {
  show()
  if (!audio.paused && !audio.ended) requestAnimationFrame(follow)
}

async function speak() {
  const wish = voice.value.trim() === '' ? { persona_id: persona.value } : { voice: voice.value.trim() }
  /** @type {{ body: Speech, bytes: number }} */
  const { body, bytes } = await call(api, '/voice/speech', { token, body: { text: text.value, ...wish } })
  speech = body
  words.replaceChildren(...body.words.flatMap((word) => [wordElement(word.text), ' ']))
  say('facts', factsOf(body, bytes))
  audio.src = new URL(body.audio_url, api).href
  await audio.play()
}

/** @param {string} word */
function wordElement(word) {
  const element = document.createElement('span')
  element.textContent = word
  return element
}

/** @param {Speech} speech @param {number} trackBytes */
function factsOf({ cache, source, duration_ms: ms, audio_bytes: bytes, content_type: type }, trackBytes) {
  const made = cache === 'hit' ? 'cache hit' : 'cache miss'
  return `${made} · times: ${source} · ${(ms / 1000).toFixed(2)} s · ${type} ${weight(bytes)} + track ${weight(trackBytes)}`
}

/** @param {number} bytes */
function weight(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`
}

async function enter() {
  token = given.get('token') ?? (await signIn({ api, audience, person: 'ada' }))
  /** @type {{ body: Voices }} */
  const { body } = await call(api, '/voice/voices', { token })
  part('voices', HTMLDataListElement).replaceChildren(...body.items.map(({ id, name }) => new Option(name, id)))
  signInButton.hidden = true
  wishes.disabled = false
  say('session', given.has('token') ? 'Signed in with the token of the address.' : 'Signed in as Ada.')
  text.focus()
}

async function listPersonas() {
  /** @type {{ body: Personas }} */
  const { body } = await call(api, '/personas')
  persona.replaceChildren(...body.items.map(({ id, display_name: name }) => new Option(name, id)))
}

/**
 * Does what a button asks for, once at a time, and says in words what went wrong.
 * @param {HTMLButtonElement | undefined} button
 * @param {() => Promise<void>} work
 */
async function attempt(button, work) {
  if (button?.disabled === true) return
  say('problem', '')
  if (button !== undefined) button.disabled = true
  try {
    await work()
  } catch (error) {
    say('problem', error instanceof Error ? error.message : String(error))
  } finally {
    if (button !== undefined) button.disabled = false
  }
}

/** @param {string} id @param {string} message */
function say(id, message) {
  part(id, HTMLElement).textContent = message
}

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function part(id, type) {
  const element = document.getElementById(id)
  if (element instanceof type) return element
  throw new Error(`The page has no ${type.name} #${id}.`)
}

signInButton.addEventListener('click', () => void attempt(signInButton, enter))
part('line', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  void attempt(speakButton, speak)
})
audio.addEventListener('play', follow)
for (const moment of ['seeked', 'pause', 'ended']) audio.addEventListener(moment, show)
audio.addEventListener('error', () =>
  say('problem', 'The audio cannot be played: its URL may have expired. Speak again.'),
)

show()
void attempt(undefined, listPersonas)
if (given.has('token')) void attempt(signInButton, enter)
