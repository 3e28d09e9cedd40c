import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const places = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** Where a Chromium is; undefined where there is none. */
export const chromiumPath = places.find((path) => path !== '' && existsSync(path))

export const chromiumMissing = 'no Chromium: install Debian’s `chromium`, or name one in CHROMIUM'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts a headless Chromium with a profile of its own. */
export async function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(chromiumMissing)
  return await chromium.launch({ executablePath: chromiumPath, args: flags })
}
