import { expect } from 'chai'
import type { Browser, BrowserContextOptions, Cookie, Page } from 'playwright-core'
import { ensureBuilt } from '../support/built.ts'
import { killApps, startApp } from '../support/example-app.ts'
import { ADA, ADMIN, DEMO, launch, PHONE, sessionCookie, signIn, visit } from './visitor.ts'

/** By the API, which asks for no form: gives the status. */
const LOG_IN = `fetch('/api/login', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ username: 'demo', password: 'password' }),
}).then(({ status }) => status)`
const HOUR_SECONDS = 60 * 60

describe('the site in a browser', () => {
  let browser: Browser
  let url: string

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    browser = await launch()
    url = (await startApp()).url
  })

  after(async () => {
    await browser?.close()
    killApps()
  })

  const open = (options?: BrowserContextOptions) => visit(browser, url, options)

  describe('sign in', () => {
    it('lasts over a reload', async () => {
      const page = await open()
      await signIn(page)
      await page.reload()
      expect(await page.getByRole('heading', { level: 1 }).textContent()).to.equal('Your session')
      expect(await page.locator('.who').textContent()).to.include('demo')
    })

    it('says what is wrong, and waits for another try', async () => {
      const page = await open()
      await page.goto('/')
      await page.getByLabel('Username').fill('demo')
      await page.getByLabel('Password').fill('wrong')
      await page.keyboard.press('Enter')
      expect(await page.getByRole('alert').textContent()).to.include('do not go together')
      expect(await page.getByLabel('Username').inputValue()).to.equal('demo')
      await page.locator('#password:focus').waitFor()
      await page.keyboard.type('password')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/session')
    })

    it('works by the keyboard alone', async () => {
      const page = await open()
      await page.goto('/')
      await page.keyboard.press('Tab')
      await page.locator('.skip:focus').waitFor()
      await page.keyboard.press('Enter')
      await page.keyboard.press('Tab')
      await page.keyboard.type('demo')
      await page.keyboard.press('Tab')
      await page.keyboard.type('password')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Space')
      expect(await page.getByLabel('Stay signed in').isChecked()).to.equal(true)
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/session')
    })

    it('leads to the page that was asked for', async () => {
      const page = await open()
      await page.goto('/devices')
      expect(await page.getByRole('status').filter({ hasText: 'sign in' }).count()).to.equal(1)
      await page.getByLabel('Username').fill('demo')
      await page.getByLabel('Password').fill('password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL('**/devices')
    })

    it('works without any script', async () => {
      const page = await open({ javaScriptEnabled: false })
      await signIn(page)
      await page.getByRole('link', { name: 'Your devices' }).click()
      expect(await page.locator('.list li').count()).to.be.at.least(1)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL('**/?out')
    })
  })

  describe('the cookie', () => {
    it('is out of reach of scripts and other sites', async () => {
      const page = await open()
      await signIn(page)
      expect(await sessionCookie(page)).to.include({
        httpOnly: true,
        sameSite: 'Strict',
        secure: false,
        path: '/',
      })
      expect(await page.evaluate('document.cookie')).to.equal('')
    })

    it('travels over TLS only in production', async () => {
      const app = await startApp({
        NODE_ENV: 'production',
        SESSION_SECRET: 'a secret of the tests',
      })
      // As the proxy says that ends TLS.
      const extraHTTPHeaders = { 'X-Forwarded-Proto': 'https' }
      const page = await visit(browser, app.url, { extraHTTPHeaders })
      await signIn(page)
      const cookies = await page.context().cookies()
      expect(cookies.map(({ name }) => name)).to.have.members(['connect.sid', '__Host-csrf'])
      for (const { secure, httpOnly } of cookies)
        expect([secure, httpOnly]).to.deep.equal([true, true])
    })

    it('lasts an hour, or as long as who asks to be remembered is, the browser closed or not', async () => {
      const page = await open()
      await signIn(page)
      expect(await secondsLeft(page)).to.be.within(HOUR_SECONDS - 60, HOUR_SECONDS)
      const remembered = await open()
      await signIn(remembered, DEMO, true)
      const days = 30 * 24 * HOUR_SECONDS
      expect(await secondsLeft(remembered)).to.be.within(days - 60, days)
      expect(await remembered.locator('[data-countdown]').textContent()).to.match(
        /^(30 days 0 h|29 days)/,
      )
      // A request does not shorten it again.
      await remembered.reload()
      expect(await secondsLeft(remembered)).to.be.within(days - 60, days)

      const storageState = await remembered.context().storageState()
      await remembered.context().close()
      const reopened = await open({ storageState })
      await reopened.goto('/session')
      expect(await reopened.locator('.who').textContent()).to.include('demo')
    })

    it('is another one after the login, so nobody waits in the session of a victim', async () => {
      const attacker = await open()
      await signIn(attacker, ADA)
      const planted = (await sessionCookie(attacker)) as Cookie

      const victim = await open()
      await victim.context().addCookies([planted])
      await victim.goto('/tabs')
      expect(await victim.evaluate(LOG_IN)).to.equal(200)
      expect((await sessionCookie(victim))?.value).not.to.equal(planted.value)
      await attacker.waitForURL('**/?ended')

      // The id of a session that is over, though signed by the site, does not become one again.
      const next = await open()
      await next.context().addCookies([planted])
      await signIn(next)
      await attacker.context().addCookies([planted])
      await attacker.goto('/session')
      expect(new URL(attacker.url()).pathname).to.equal('/')
    })
  })

  describe('the end of a session', () => {
    it('leaves nothing private behind the back button', async () => {
      // Without script, which would lead away from what is shown.
      const page = await open({ javaScriptEnabled: false })
      await signIn(page)
      await page.goto('/devices')
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.waitForURL('**/?out')
      for (let i = 0; i < 2; i++) {
        await page.goBack()
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
        expect(await page.content()).not.to.include('Signed in')
      }
      expect(await sessionCookie(page)).to.equal(undefined)
    })

    it('comes when it was not used, though the page is open', async () => {
      const app = await startApp({ IDLE_SECONDS: '3' })
      const page = await visit(browser, app.url)
      await signIn(page)
      await page.waitForURL('**/?ended')
      expect(await page.getByRole('status').last().textContent()).to.include('session is over')
      expect(await sessionCookie(page)).to.equal(undefined)
    })

    it('comes from another browser, while this one looks', async () => {
      const [laptop, phone] = [await open(), await open(PHONE)]
      await signIn(laptop, ADA)
      await laptop.goto('/devices')
      await endAllOthers(laptop)
      await laptop.getByText('You are signed in nowhere else').waitFor()

      await signIn(phone, ADA)
      // By itself.
      await laptop.getByText('Safari on iOS').waitFor()
      await phone.goto('/devices')
      expect(await laptop.locator('.list li').count()).to.equal(2)
      await endAllOthers(laptop)
      await laptop.getByText('One session has been ended').waitFor()

      await phone.waitForURL('**/?ended')
      await phone.goto('/session')
      expect(new URL(phone.url()).pathname).to.equal('/')
      await laptop.reload()
      expect(await laptop.locator('.list li').count()).to.equal(1)
    })

    it('comes to one device alone', async () => {
      const [laptop, phone, other] = [await open(), await open(PHONE), await open()]
      for (const page of [laptop, phone, other]) await signIn(page, ADA)
      await laptop.goto('/devices')
      await laptop.getByRole('button', { name: 'End the session of Safari on iOS' }).click()
      await phone.waitForURL('**/?ended')
      await other.reload()
      expect(new URL(other.url()).pathname).to.equal('/session')
    })
  })

  it('keeps the changes of two tabs, where a store without conflict checks loses one', async () => {
    const page = await open()
    await signIn(page)
    await page.goto('/tabs')
    for (const runs of [1, 2]) {
      await page.getByRole('button', { name: 'Start both' }).click()
      await page
        .locator('[data-store=kept]')
        .getByText(`${2 * runs} of ${2 * runs} changes kept`)
        .waitFor()
      await page
        .locator('[data-store=lost]')
        .getByText(`${runs} of ${2 * runs} changes`)
        .waitFor()
    }
    expect(await page.locator('[data-store=kept] [data-field=cart]').textContent()).to.equal('2')
    expect(await page.locator('[data-store=lost] [data-field=cart]').textContent()).to.equal('0')
  })

  it('shows an admin who comes, by itself', async () => {
    const admin = await open()
    await signIn(admin, ADMIN)
    await admin.goto('/admin')
    const total = Number(await admin.locator('#total').textContent())
    await signIn(await open())
    await admin.locator('#total', { hasText: new RegExp(`^${total + 1}$`) }).waitFor()
    expect(await admin.getByRole('img').getAttribute('aria-label')).to.include(`${total + 1} now`)
  })
})

async function endAllOthers(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'End all others' })
  if (await button.isVisible()) await button.click()
}

async function secondsLeft(page: Page): Promise<number> {
  return ((await sessionCookie(page))?.expires ?? 0) - Date.now() / 1000
}
