import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/** It runs pages of this machine only, as root in CI, and asks nothing of other hosts. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

const PHONE_AGENT =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/18.0 Mobile/15E148 Safari/604.1'
export const PHONE = {
  viewport: { width: 390, height: 800 },
  isMobile: true,
  hasTouch: true,
  userAgent: PHONE_AGENT,
} as const

export const DEMO = ['demo', 'password'] as const
export const ADA = ['ada', 'lovelace'] as const
export const ADMIN = ['admin', 'admin'] as const

/** Starts the browser of `CHROMIUM`, or one where packages put it. */
export async function launch(): Promise<Browser> {
  const program = [process.env.CHROMIUM ?? '', ...PROGRAMS].find((path) => existsSync(path))
  if (program === undefined) {
    throw new Error(
      'No Chromium found. Set CHROMIUM to its path, or install it: ' +
        'Debian/Ubuntu: sudo apt-get install chromium; Fedora: sudo dnf install chromium; ' +
        'Alpine: apk add chromium; macOS: brew install --cask chromium',
    )
  }
  return chromium.launch({ executablePath: program, args: ARGS })
}

/** A browser of its own, with a page open. What a script of the site fails with fails the test. */
export async function visit(
  browser: Browser,
  baseURL: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ baseURL, ...options })
  const page = await context.newPage()
  page.on('pageerror', (error) => {
    throw error
  })
  return page
}

/** Signs in by the form, and waits for the first page after it. */
export async function signIn(
  page: Page,
  [username, password]: readonly [string, string] = DEMO,
  remember = false,
): Promise<void> {
  await page.goto('/')
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  if (remember) await page.getByLabel('Stay signed in').check()
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/session')
}

/** The session's cookie, as the browser keeps it. */
export async function sessionCookie(page: Page) {
  const cookies = await page.context().cookies()
  return cookies.find(({ name }) => name === 'connect.sid')
}
