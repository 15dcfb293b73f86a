import { appendFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import request from 'supertest'
import { startApp } from '../support/example-app.ts'
import { useRedis, useSite } from '../support/recipe-site.ts'
import { compile, copyRecipe } from '../support/recipes.ts'

describe('the recipe typescript', function () {
  this.timeout(60_000)
  const redis = useRedis()

  const OPTIONS = '--target es2023 --types node --strict --skipLibCheck typescript.ts'
  const MODULES = ['nodenext', 'node16', 'preserve --moduleResolution bundler']

  for (const type of ['module', 'commonjs']) {
    it(`compiles and runs as ${type}`, async () => {
      const copy = copyRecipe('typescript.ts')
      const project = dirname(copy)
      writeFileSync(join(project, 'package.json'), JSON.stringify({ type }))
      for (const module of MODULES) {
        const { output } = compile(project, ...`--noEmit --module ${module} ${OPTIONS}`.split(' '))
        expect(output, module).to.equal('')
      }
      compile(project, ...`--module nodenext ${OPTIONS}`.split(' '))
      const { url } = await startApp({ REDIS_URL: redis.url }, copy.replace(/ts$/, 'js'))
      await useSite(url)
      const { body } = await request(url).get('/themes').expect(200)
      expect(body).to.have.all.keys('dark', 'light')
    })
  }

  it('knows the type of what is in a session', () => {
    const copy = copyRecipe('typescript.ts')
    const wrong = [
      "export const set = (req: express.Request) => (req.session.theme = 'blue')",
      'export const read = (req: express.Request) => req.session.user.name',
      'export const load = async (s: SolidisStore) => (await s.get(""))?.unknown',
    ]
    appendFileSync(copy, `\n${wrong.join('\n')}\n`)
    const options = `--noEmit --module nodenext ${OPTIONS} --pretty false`
    const { output } = compile(dirname(copy), ...options.split(' '))
    const codes = [...output.matchAll(/error (TS\d+)/g)].map(([, code]) => code)
    expect(codes).to.deep.equal(['TS2322', 'TS18048', 'TS2339'])
  })
})
