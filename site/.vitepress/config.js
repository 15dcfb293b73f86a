import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'
import { MENU } from '../menu.js'

const SOURCE = new URL('../.source/', import.meta.url)
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

export default defineConfig({
  base: process.env.DOCS_BASE ?? '/',
  srcDir: '.source',
  outDir: 'dist',
  lang: 'en',
  title: 'connect-solidis',
  description: 'The express-session store for Redis that loses nothing',
  ignoreDeadLinks: 'localhostLinks',
  // A page is Markdown: `Partial<Session>` in it is no element.
  markdown: {
    html: false,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  head: [['link', { rel: 'icon', href: `${process.env.DOCS_BASE ?? '/'}icon.svg` }]],
  themeConfig: {
    search: {
      provider: 'local',
      // Who asks in words is answered by a page; the API is for who knows the name.
      options: {
        miniSearch: {
          searchOptions: { boostDocument: (id) => (id.includes('/api/') ? 0.2 : 1) },
        },
      },
    },
    outline: [2, 3],
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
      { text: 'Recipes', link: '/recipes/' },
      { text: 'API', link: '/api/' },
      { text: `v${version}`, link: '/compatibility' },
    ],
    sidebar: [
      ...MENU.map(({ text, pages }) => ({ text, items: pages.filter(isThere).map(itemOf) })),
      {
        text: 'Recipes',
        collapsed: true,
        items: [{ text: 'All recipes', link: '/recipes/' }, ...itemsIn('recipes')],
      },
      {
        text: 'API',
        collapsed: true,
        items: [
          { text: 'All names', link: '/api/' },
          ...['classes', 'functions', 'interfaces', 'type-aliases'].flatMap((kind) =>
            itemsIn(`api/index/${kind}`),
          ),
          ...itemsIn('api/fastify/functions'),
        ],
      },
    ],
  },
})

function itemsIn(folder) {
  if (!isFolder(folder)) return []
  return readdirSync(new URL(`${folder}/`, SOURCE))
    .filter((file) => file.endsWith('.md') && file !== 'index.md')
    .map((file) => itemOf(`${folder}/${file.slice(0, -3)}`))
}

/** Its text is the heading of the page. */
function itemOf(page) {
  const [, heading] = /^# (.+)$/m.exec(readFileSync(new URL(`${page}.md`, SOURCE), 'utf8'))
  return { text: heading.replaceAll('\\', ''), link: `/${page.replace(/index$/, '')}` }
}

function isThere(page) {
  return existsSync(new URL(`${page}.md`, SOURCE))
}

function isFolder(folder) {
  return existsSync(new URL(`${folder}/`, SOURCE))
}
