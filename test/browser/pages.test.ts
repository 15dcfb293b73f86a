import { mkdirSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { expect } from 'chai'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { ensureBuilt } from '../support/built.ts'
import { type ExampleApp, startApp } from '../support/example-app.ts'
import { ADA, ADMIN, DEMO, launch, PHONE, signIn, visit } from './visitor.ts'

/** Where to put pictures of the pages, if anywhere: `npm run screenshots`. */
const { SCREENSHOTS } = process.env

const DESKTOP = { viewport: { width: 1120, height: 720 } } as const
const LOOKS: Record<string, BrowserContextOptions> = {
  light: { ...DESKTOP, colorScheme: 'light' },
  dark: { ...DESKTOP, colorScheme: 'dark' },
  phone: { ...PHONE, colorScheme: 'light' },
}

/** What is to be seen on each page when its picture is taken. */
const PAGES: Record<string, (page: Page) => Promise<unknown>> = {
  session: (page) => page.goto('/session'),
  devices: (page) => page.goto('/devices'),
  async tabs(page) {
    await page.goto('/tabs')
    await page.getByRole('button', { name: 'Start both' }).click()
    await page.getByText('2 of 2 changes kept').waitFor()
  },
  async break(page) {
    await page.goto('/break')
    await page.locator('#probes').getByText('signed in').first().waitFor()
  },
  async admin(page) {
    await page.goto('/admin')
    await page.getByText('By user').waitFor()
  },
  missing: (page) => page.goto('/missing'),
}

describe('every page looks right', () => {
  let browser: Browser
  let app: ExampleApp

  before(async function () {
    this.timeout(120_000)
    ensureBuilt()
    browser = await launch()
    app = await startApp({ REDIS_URL: '' }, 'scripts/start-example.js')
    for (const options of [PHONE, {}]) await signIn(await visit(browser, app.url, options), ADMIN)
    if (SCREENSHOTS) await fill(await visit(browser, app.url))
  })

  after(async () => {
    await browser?.close()
    await app?.end('SIGTERM')
  })

  for (const [look, options] of Object.entries(LOOKS)) {
    it(`in ${look}`, async function () {
      this.timeout(90_000)
      const page = await visit(browser, app.url, options)
      await page.goto('/')
      await check(page, 'sign-in', look)
      await page.getByLabel('Username').fill('demo')
      await page.getByLabel('Password').fill('wrong')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      await check(page, 'sign-in-wrong', look)

      await signIn(page, ADMIN)
      for (const [name, go] of Object.entries(PAGES)) {
        await go(page)
        await check(page, name, look)
      }

      const breaker = await page.context().newPage()
      await breaker.goto('/break')
      await breaker.getByRole('button', { name: 'Freeze it' }).click()
      await breaker.frameLocator('#visitor').getByText('not been signed out').waitFor()
      await breaker.locator('#breaker-state', { hasText: 'open' }).waitFor()
      await check(breaker, 'broken', look)
      await page.goto('/session')
      await check(page, 'unavailable', look)
      await breaker.getByRole('button', { name: 'Mend it' }).click()
      await breaker.locator('#breaker-state', { hasText: 'closed' }).waitFor()
      await page.context().close()
    })
  }
})

/** Lets users come while an admin looks, for the pictures. */
async function fill(admin: Page): Promise<void> {
  mkdirSync(SCREENSHOTS as string, { recursive: true })
  await signIn(admin, ADMIN)
  await admin.goto('/admin')
  const browser = admin.context().browser() as Browser
  for (const user of [DEMO, ADA, DEMO, ADA, DEMO]) {
    await signIn(await visit(browser, new URL(admin.url()).origin), user)
    await admin.waitForTimeout(6000)
  }
}

/** Nothing that axe finds, and nothing wider than the screen. */
async function check(page: Page, name: string, look: string): Promise<void> {
  const what = `${name}, ${look}`
  // On a phone it would find what it finds on a desktop.
  if (look !== 'phone') {
    const { violations } = await new AxeBuilder({ page }).analyze()
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`,
    )
    expect(found, what).to.deep.equal([])
  }
  const tooWide = 'document.body.scrollWidth - document.body.clientWidth'
  expect(await page.evaluate(tooWide), `${what}: wider than the screen`).to.equal(0)
  if (SCREENSHOTS)
    await page.screenshot({ path: `${SCREENSHOTS}/${name}-${look}.png`, fullPage: true })
}
