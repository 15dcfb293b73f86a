import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { packagesOf, RECIPES } from '../support/recipes.ts'

describe('the pages in docs/recipes', () => {
  const files = readdirSync(RECIPES)
  const read = (file: string) => readFileSync(join(RECIPES, file), 'utf8')
  const pages = files.filter((file) => file.endsWith('.md') && file !== 'README.md')
  const codes = files.filter((file) => !file.endsWith('.md'))

  for (const page of pages) {
    it(`${page} shows the code that is run`, () => {
      const linked = [...new Set(matches(read(page), /\]\(([\w-]+\.(?:[cm]?js|ts))\)/g))]
      const code = linked.map((file) => withoutIndent(read(file))).join('\n')
      const blocks = matches(read(page), /^```(?:js|ts)\n([\s\S]*?)^```/gm)
      for (const block of blocks) expect(code).to.include(withoutIndent(block))
      if (linked.length > 0) expect(read(page)).to.match(/^```(js|ts|diff)$/m)
    })
  }

  for (const file of codes) {
    it(`${file} says what to install, and where it is explained`, () => {
      expect(packagesOf(read(file))).not.to.have.length(0)
      const [page = ''] = matches(read(file), /: see ([\w-]+\.md)/g)
      expect(existsSync(join(RECIPES, page)), page).to.equal(true)
      expect(read(page)).to.include(`](${file})`)
    })
  }

  it('are all in the index', () => {
    const linked = matches(read('README.md'), /\]\(([\w-]+\.md)\)/g)
    expect([...new Set(linked)].sort()).to.deep.equal(pages.sort())
  })
})

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, match = '']) => match)
}

function withoutIndent(code: string): string {
  return code.replace(/^ +/gm, '')
}
