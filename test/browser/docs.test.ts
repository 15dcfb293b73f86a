import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { eventually } from '../support/eventually.ts'
import { launch, PHONE, visit } from './visitor.ts'

const SITE = 'site/dist'
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

describe('the documentation as a site', () => {
  if (!existsSync(`${SITE}/index.html`)) {
    it(`cannot be looked at: ${SITE} is not there. npm run docs builds it`)
    return
  }
  const files = readdirSync(SITE, { recursive: true, encoding: 'utf8' })
  const pages = files.filter((file) => file.endsWith('.html') && file !== '404.html')
  let server: Server
  let url: string
  let browser: Browser

  before(async () => {
    server = createServer(({ url = '/' }, res) => {
      const path = join(SITE, decodeURIComponent(url.split('?')[0] as string))
      const file = existsSync(path) && statSync(path).isDirectory() ? `${path}/index.html` : path
      if (!existsSync(file)) return res.writeHead(404).end()
      res.setHeader('Content-Type', TYPES[extname(file)] ?? 'text/javascript')
      res.end(readFileSync(file))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    server?.closeAllConnections()
    server?.close()
  })

  it('has pages that complain of nothing, ask no other host, and lead to what is there', async function () {
    this.timeout(180_000)
    const page = await visit(browser, url)
    const complaints: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) complaints.push(`asked ${request.url()}`)
    })
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
    })
    expect(pages).to.include.members(['index.html', 'troubleshooting.html', 'api/index.html'])
    const ids = new Map<string, string[]>()
    const links: { from: string; to: URL }[] = []
    for (const path of pages) {
      await page.goto(`/${path}`)
      const found = await page.evaluate(READ)
      ids.set(path, found.ids)
      links.push(...found.links.map((link) => ({ from: path, to: new URL(link) })))
      expect(complaints, path).to.deep.equal([])
    }
    const dead = links.filter(({ to }) => to.origin === url && !leadsThere(to, ids))
    expect(dead.map(({ from, to }) => `${from}: ${to.pathname}${to.hash}`)).to.deep.equal([])
  })

  it('finds what people ask for', async () => {
    const page = await visit(browser, url)
    await page.goto('/')
    expect(await firstFound(page, 'trust proxy')).to.match(/#behind-a-proxy|troubleshooting/)
    expect(await firstFound(page, 'too early')).to.match(/#sessions-expire-too-early/)
    expect(await firstFound(page, 'EBREAKER')).to.match(/errors|faults|redis-was-down/)
  })

  it('can be read by everybody, on a phone too', async function () {
    this.timeout(60_000)
    for (const options of [{}, { colorScheme: 'dark' as const }, PHONE]) {
      const page = await visit(browser, url, options)
      for (const path of ['/', '/troubleshooting.html', '/concurrency.html']) {
        await page.goto(path)
        const { violations } = await new AxeBuilder({ page })
          .include('.vp-doc')
          // Markdown knows no table without a row of headings.
          .disableRules('empty-table-header')
          .analyze()
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
        expect(found, path).to.deep.equal([])
        // Only tables and code scroll by themselves.
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).to.equal(
          true,
        )
      }
      await page.context().close()
    }
  })
})

/** In the page. */
const READ = `({
  ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
  links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
})` as unknown as () => { ids: string[]; links: string[] }

function leadsThere({ pathname, hash }: URL, ids: Map<string, string[]>): boolean {
  const path = decodeURI(pathname.slice(1)).replace(/(^|\/)$/, '$1index.html')
  if (!existsSync(join(SITE, path))) return false
  const anchor = decodeURIComponent(hash.slice(1))
  return anchor === '' || anchor === 'VPContent' || ids.get(path)?.includes(anchor) === true
}

async function firstFound(page: Page, words: string): Promise<string> {
  const input = page.locator('#localsearch-input')
  const first = page.locator('#localsearch-list a').first()
  // Keys that come before the script of the page runs are heard by nobody.
  await eventually(async () => {
    await page.keyboard.press('Control+k')
    if (!(await input.isVisible())) return false
    await input.fill(words)
    return first.isVisible()
  }, 20_000)
  const href = await first.getAttribute('href')
  await page.keyboard.press('Escape')
  await input.waitFor({ state: 'hidden' })
  return String(href)
}
