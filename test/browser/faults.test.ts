import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { ensureBuilt } from '../support/built.ts'
import { type ExampleApp, startApp } from '../support/example-app.ts'
import { launch, sessionCookie, signIn, visit } from './visitor.ts'

/** What a button says once its form is on its way: by then, no tool of the tests can look. */
const NOTE_THE_BUTTON = `
  document.querySelector('#login').addEventListener('submit', ({ submitter }) => setTimeout(() => {
    sessionStorage.button = submitter.textContent + ', disabled: ' + submitter.ariaDisabled
  }))`
const UNAVAILABLE = 'You have not been signed out'

describe('"Break it", on the private Redis of npm start', () => {
  let browser: Browser
  let app: ExampleApp
  let breaker: Page
  let page: Page

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    browser = await launch()
    app = await startApp({ REDIS_URL: '' }, 'scripts/start-example.js')
  })

  after(async () => {
    await browser?.close()
    await app?.end('SIGTERM')
  })

  beforeEach(async () => {
    page = await visit(browser, app.url)
    await signIn(page)
    breaker = await page.context().newPage()
    await breaker.goto('/break')
    await breaker.locator('#probes').getByText('signed in').first().waitFor()
  })

  afterEach(() => page.context().close())

  const cause = (name: string) => breaker.getByRole('button', { name }).click()
  const redisIs = (state: string) => breaker.locator('#redis-state', { hasText: state }).waitFor()
  const breakerIs = (state: string) => {
    return breaker.locator('#breaker-state', { hasText: new RegExp(`^${state}`) }).waitFor()
  }
  const visitorSees = (text: string) => {
    return breaker.frameLocator('#visitor').getByText(text).first().waitFor()
  }

  for (const [button, state] of [
    ['Freeze it', 'frozen'],
    ['Stop it', 'stopped'],
  ] as const) {
    it(`${button}: a page that says so and comes back, and nobody signed out`, async function () {
      this.timeout(60_000)
      const cookie = await sessionCookie(page)
      await cause(button)
      await redisIs(state)
      // What looks on says so, and shows what it has.
      await page.locator('#banner', { hasText: 'You are still signed in' }).waitFor()
      await breaker.locator('#probes').getByText('503').first().waitFor()
      await breakerIs('open|half open')
      await visitorSees(UNAVAILABLE)
      await breaker.locator('.log').getByText('Breaker opened').first().waitFor()

      const response = await page.reload()
      expect(response?.status()).to.equal(503)
      await page.getByText(UNAVAILABLE).waitFor()
      expect(await page.getByRole('link', { name: 'Sign in' }).count()).to.equal(0)
      expect((await sessionCookie(page))?.value).to.equal(cookie?.value)
      const stranger = await visit(browser, app.url)
      await stranger.goto('/')
      await stranger.getByRole('heading', { name: 'Sign in' }).waitFor()
      await stranger.context().close()
      // This page works just then, too.
      await breaker.reload()
      await redisIs(state)

      await cause('Mend it')
      await redisIs('running')
      await breakerIs('closed')
      // All by themselves.
      await page.getByRole('heading', { name: 'Your session' }).waitFor()
      await visitorSees('Your session')
      await breaker.locator('#probes').getByText('signed in').first().waitFor()
      expect((await sessionCookie(page))?.value).to.equal(cookie?.value)
    })
  }

  it('Slow it down: pages wait and arrive, and a button tells that it works', async function () {
    this.timeout(60_000)
    await cause('Slow it down')
    await redisIs('slow')
    expect((await page.reload())?.status()).to.equal(200)

    const other = await visit(browser, app.url)
    await other.goto('/')
    await other.getByLabel('Username').fill('demo')
    await other.getByLabel('Password').fill('password')
    await other.evaluate(NOTE_THE_BUTTON)
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.waitForURL('**/session')
    expect(await other.evaluate('sessionStorage.button')).to.equal('Signing in …, disabled: true')
    await cause('Mend it')
    await redisIs('running')
    expect(await breaker.locator('#probes').getByText('503').count()).to.equal(0)
    await other.context().close()
  })
})
