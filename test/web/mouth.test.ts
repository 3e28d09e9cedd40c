import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mouthPaths, mouthShape } from '#scripts/pages/mouth/face.js'
import { emotionAt, moodAt, mouthAt, mouthFadeMs, visemeAt, wordAt } from '#scripts/pages/mouth/track-player.js'
import { removeState, startStack, type Stack } from '#scripts/stack/stack.ts'
import { mouthPageUrl } from '#scripts/upstream/pages.ts'
import type { Track } from '#src/speech/track.ts'
import { chromiumMissing, chromiumPath, launchChromium } from '#test/web/browser.ts'
import { databaseOfItsOwn } from '#test/web/database.ts'

// oxlint-disable-next-line no-console -- what a skipped test lacks
if (chromiumPath === undefined) console.warn(`Skipped: ${chromiumMissing}`)

const line =
  'So far, so good. *smiles* I was far away, but now you are home! Shall we look at the moon together, as we used to?'

type Speech = Track & { readonly duration_ms: number; readonly text: string }

/** What a frame of the page showed. */
interface Frame {
  /** What it drew, and where the audio was a moment later. */
  readonly ms: number
  readonly audioMs: number
  readonly viseme: string
  readonly expression: string
  readonly outline: string
  /** How much of the mouth's middle column is inside it, in the drawing's units. */
  readonly opening: number
  readonly width: number
  /** The places of the words that are marked. */
  readonly marked: readonly number[]
}

/** Looks at the page on every frame, as a person would: at what is drawn, not at what draws it. */
const watch = `
  window.frames_ = []
  const face = document.querySelector('#face')
  const mouth = document.querySelector('.mouth-outline')
  const words = document.querySelector('#words')
  const audio = document.querySelector('#audio')
  const look = () => {
    let inside = 0
    for (let y = 140.13; y < 220; y += 0.5) inside += mouth.isPointInFill(new DOMPoint(120, y)) ? 0.5 : 0
    frames_.push({
      ms: Number(face.dataset.ms), audioMs: audio.currentTime * 1000, viseme: face.dataset.viseme, expression: face.dataset.expression,
      outline: mouth.getAttribute('d'), opening: inside, width: mouth.getBBox().width,
      marked: [...words.children].flatMap((word, at) => word.ariaCurrent === 'true' ? [at] : []),
    })
  }
  const each = () => { look(); requestAnimationFrame(each) }
  requestAnimationFrame(each)`

const started = new AsyncDisposableStack()
let stack: Stack
let browser: Browser

async function openPage(options: { reducedMotion?: 'reduce' } = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const complaints: string[] = []
  page.on('console', (said) => complaints.push(said.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(mouthPageUrl(stack.upstreamOrigin, stack.origin, stack.environment['GOOGLE_CLIENT_ID'] ?? ''))
  return { page, complaints }
}

async function signIn(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign in as Ada' }).click()
  await page.getByText('Signed in as Ada.').waitFor()
}

async function speak(page: Page, text: string): Promise<Speech> {
  await page.getByLabel('Text').fill(text)
  const answering = page.waitForResponse((response) => response.url().endsWith('/voice/speech'))
  await page.getByRole('button', { name: 'Speak' }).click()
  return (await (await answering).json()) as Speech
}

async function untilPlaying(page: Page): Promise<void> {
  await page.evaluate(`new Promise((playing) => {
    const audio = document.querySelector('#audio')
    const look = () => (audio.currentTime > 0 ? playing() : requestAnimationFrame(look))
    look()
  })`)
}

async function untilEnded(page: Page): Promise<void> {
  // In one call: `waitForFunction` evaluates text in the page, which the page's policy forbids.
  await page.evaluate(`new Promise((ended) => {
    const audio = document.querySelector('#audio')
    const done = () => setTimeout(ended, 100)
    if (audio.ended) done()
    else audio.addEventListener('ended', done, { once: true })
  })`)
}

/** Pictures for whoever draws the face: PICTURES names a folder. */
async function takePicture(page: Page, name: string): Promise<void> {
  const folder = process.env['PICTURES']
  if (folder !== undefined) await writeFile(join(folder, `${name}.png`), await page.screenshot())
}

const seek = async (page: Page, ms: number) => {
  await page.evaluate(`new Promise((found) => {
    const audio = document.querySelector('#audio')
    audio.addEventListener('seeked', () => requestAnimationFrame(found), { once: true })
    audio.currentTime = ${ms / 1000}
  })`)
}

// A line is heard in its own time, which a busy machine makes longer.
describe.skipIf(chromiumPath === undefined)('the page with a mouth', { timeout: 90_000 }, () => {
  beforeAll(async () => {
    const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-mouth-'))
    started.defer(() => removeState(stateDirectory))
    await chmod(stateDirectory, 0o755)
    stack = await startStack({ stateDirectory, environment: databaseOfItsOwn('neuraform_mouth') })
    started.defer(() => stack.stop())
    browser = await launchChromium()
    started.defer(() => browser.close())
  })
  afterAll(async () => await started.disposeAsync())

  it('moves as the track says while the audio plays, and is closed when it is over', async () => {
    const { page, complaints } = await openPage()
    await signIn(page)
    await page.evaluate(watch)
    const speech = await speak(page, line)
    await untilEnded(page)
    const frames = await page.evaluate<Frame[]>('frames_')
    const heard = frames.filter(({ ms }) => ms > 0)

    expect(new Set(heard.map(({ ms }) => ms)).size).toBeGreaterThan(speech.duration_ms / 100)
    expect(heard.map(({ ms }) => ms)).toEqual(heard.map(({ ms }) => ms).toSorted((a, b) => a - b))
    const behind = heard.map(({ ms, audioMs }) => audioMs - ms).toSorted((a, b) => a - b)
    expect(behind[0]).toBeGreaterThanOrEqual(0)
    expect(behind[Math.floor(behind.length / 2)]).toBeLessThan(100)
    for (const { ms, viseme, expression, outline, marked } of heard) {
      const word = wordAt(speech, ms)
      expect({ ms, viseme, expression, outline, marked }).toEqual({
        ms,
        viseme: visemeAt(speech, ms).v,
        expression: emotionAt(speech, ms).expression,
        outline: mouthPaths(mouthShape(mouthAt(speech, ms), moodAt(speech, ms))).whole,
        marked: word === -1 ? [] : [word],
      })
    }
    expect(new Set(heard.map(({ viseme }) => viseme))).toEqual(new Set(speech.visemes.map(({ v }) => v)))
    const marks = heard.flatMap(({ marked }) => marked)
    expect(marks).toEqual(marks.toSorted((a, b) => a - b))
    expect(new Set(marks).size).toBeGreaterThan(speech.words.length * 0.8)
    expect(await page.locator('#words').textContent()).toBe(`${speech.text} `)
    expect([...new Set(heard.map(({ expression }) => expression))]).toEqual(['neutral', 'happy'])
    const last = frames.at(-1)
    expect({ opening: last?.opening, marked: last?.marked }).toEqual({ opening: 0, marked: [] })
    expect(await page.locator('#facts').textContent()).toMatch(
      /^cache miss · times: aligned · \d+\.\d\d s · audio\/\w+ \d+\.\d kB \+ track \d+\.\d kB$/,
    )
    await speak(page, line)
    await page.getByText('cache hit').waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('opens wide for an open vowel, rounds for a round one and closes for silence, wherever one seeks', async () => {
    const { page, complaints } = await openPage({ reducedMotion: 'reduce' })
    await signIn(page)
    const speech = await speak(page, line)
    await untilPlaying(page)
    await seek(page, speech.duration_ms - 100)
    await untilEnded(page)
    await page.evaluate(watch)
    const shown = new Map<string, Frame>()
    for (const viseme of ['aa', 'ih', 'ou', 'ee', 'oh', 'sil'] as const) {
      const steady = speech.visemes.filter(({ v, d }) => v === viseme && d > mouthFadeMs)
      const cue = steady.toSorted((a, b) => b.w - a.w)[0]
      if (cue === undefined) throw new Error(`The line has no steady ${viseme}.`)
      await seek(page, cue.t + cue.d / 2)
      await page.waitForTimeout(50)
      const frame = (await page.evaluate<Frame[]>('frames_')).at(-1)
      if (frame === undefined) throw new Error('The page shows no frame.')
      expect(frame.viseme).toBe(viseme)
      shown.set(viseme, frame)
      await takePicture(page, viseme)
    }
    const opening = (viseme: string) => shown.get(viseme)?.opening ?? Number.NaN
    const width = (viseme: string) => shown.get(viseme)?.width ?? Number.NaN
    expect(opening('sil')).toBe(0)
    for (const viseme of ['ih', 'ou', 'ee', 'oh']) expect(opening(viseme)).toBeGreaterThan(3)
    expect(opening('aa')).toBeGreaterThan(20)
    expect(opening('aa')).toBeGreaterThan(opening('ee'))
    expect(width('ou')).toBeLessThan(width('sil'))
    expect(width('ee')).toBeGreaterThan(width('sil'))
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it('says in words what went wrong, and can be used without a mouse', async () => {
    const { page } = await openPage()
    await page.locator('#persona option').first().waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Sign in as Ada' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Signed in as Ada.').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('text')
    await page.getByLabel(/^Voice/).fill('nobody-has-this-voice')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'The voice cannot speak this text.' }).waitFor()
    await page.context().close()
  })
})
