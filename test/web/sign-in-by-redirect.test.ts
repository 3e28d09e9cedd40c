import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { removeState, startStack, type Stack } from '#scripts/stack/stack.ts'
import { chromiumMissing, chromiumPath, launchChromium } from '#test/web/browser.ts'
import { databaseOfItsOwn } from '#test/web/database.ts'
import { startClientApp, type ClientApp } from '#test/web/client-app.ts'

// oxlint-disable-next-line no-console -- what a skipped test lacks
if (chromiumPath === undefined) console.warn(`Skipped: ${chromiumMissing}`)

const started = new AsyncDisposableStack()
let app: ClientApp
let stack: Stack
let browser: Browser

/** A browser that nobody has used, on the app's first page. */
async function newVisitor(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(app.origin)
  return { context, page }
}

async function signIn(page: Page, provider: string, mode: 'bearer' | 'cookie', account: string): Promise<void> {
  await page.goto(app.origin)
  await page.evaluate(`signIn(${JSON.stringify(provider)}, ${JSON.stringify(mode)})`)
  await page.getByRole('link', { name: account }).click()
}

async function fillIn(page: Page, firstName: string): Promise<void> {
  await page.getByLabel('First name').fill(firstName)
  await page.getByLabel('Last name').fill('Marlowe')
  await page.getByLabel('Date of birth').fill('1990-06-15')
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Continue' }).click()
}

const stateOf = async (page: Page, pattern: RegExp) => {
  await page.waitForURL(/\/signed-in/)
  await page.locator('#state', { hasText: pattern }).waitFor()
  return await page.locator('#state').textContent()
}

describe.skipIf(chromiumPath === undefined)('a browser', () => {
  beforeAll(async () => {
    app = await startClientApp()
    started.defer(() => app.close())
    const stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-web-'))
    started.defer(() => removeState(stateDirectory))
    await chmod(stateDirectory, 0o755)
    stack = await startStack({
      stateDirectory,
      environment: {
        ...databaseOfItsOwn('neuraform_web'),
        ALLOWED_ORIGINS: app.origin,
        ALLOWED_RETURN_URLS: `${app.origin}/signed-in`,
        TERMS_URL: `${app.origin}/terms`,
        TERMS_VERSION: '2026-01',
        PRIVACY_URL: `${app.origin}/privacy`,
        PRIVACY_VERSION: '2026-01',
      },
    })
    started.defer(() => stack.stop())
    app.serve(stack.origin)
    browser = await launchChromium()
    started.defer(() => browser.close())
  })
  afterAll(async () => await started.disposeAsync())

  it.each([
    ['google', 'Ada Marlowe', 'Ada'],
    ['facebook', 'Wanda Kowalska', 'Wanda'],
    ['apple', 'Hana Svobodová', 'Hana'],
  ])('signs somebody up with %s, and in again, with a code and with a cookie', async (provider, account, firstName) => {
    const { context, page } = await newVisitor()
    await signIn(page, provider, 'bearer', account)
    await page.getByRole('heading', { name: 'Welcome' }).waitFor()
    expect(await page.getByLabel('First name').inputValue()).toBe(firstName)
    await fillIn(page, firstName)
    expect(await stateOf(page, /authenticated/)).toBe(`authenticated: ${firstName}`)
    await signIn(page, provider, 'bearer', account)
    expect(await stateOf(page, /authenticated/)).toBe(`authenticated: ${firstName}`)
    await signIn(page, provider, 'cookie', account)
    expect(await stateOf(page, /by cookie/)).toBe(`by cookie: ${firstName}`)
    const cookies = await context.cookies()
    expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual([
      { name: '__Host-nf_session', httpOnly: true, secure: true, sameSite: 'Lax' },
    ])
    expect(await page.evaluate('document.cookie')).toBe('')
    await context.close()
  })

  it.each(['google', 'facebook', 'apple'])('comes back from %s when somebody cancels', async (provider) => {
    const { context, page } = await newVisitor()
    await signIn(page, provider, 'cookie', 'Cancel')
    expect(await stateOf(page, /error/)).toBe('error: access_denied')
    await context.close()
  })

  it('signs somebody up with a cookie', async () => {
    const { context, page } = await newVisitor()
    await signIn(page, 'google', 'cookie', 'Somebody new')
    await fillIn(page, 'Kim')
    expect(await stateOf(page, /by cookie/)).toBe('by cookie: Kim')
    await context.close()
  })

  it('shows a page that a person can read where an attempt was not begun in it', async () => {
    const { context, page } = await newVisitor()
    const answer = await page.goto(`${stack.origin}/auth/google/callback?state=x&code=y`)
    expect(answer?.status()).toBe(400)
    await page.getByRole('heading', { name: 'Sign-in did not work' }).waitFor()
    const problems: string[] = []
    page.on('console', (line) => problems.push(line.text()))
    await page.goto(`${stack.origin}/auth/google/start?return_to=https://evil.test/`)
    expect(problems.filter((line) => line.includes('Content Security Policy'))).toEqual([])
    await context.close()
  })
})
