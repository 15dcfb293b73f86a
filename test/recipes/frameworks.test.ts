import { expect } from 'chai'
import request from 'supertest'
import { killApps } from '../support/example-app.ts'
import { startRecipe, useSite } from '../support/recipe-site.ts'
import { removeProjects } from '../support/recipes.ts'

describe('the recipes for frameworks', function () {
  this.timeout(60_000)
  afterEach(() => killApps())
  after(() => removeProjects())

  for (const express of ['express', 'express@4']) {
    it(`express runs on ${express}`, async () => {
      const { url } = await startRecipe('express.mjs', {}, { express })
      await useSite(url)

      const login = request(url).post('/login').send({ user: 'ann' })
      const { headers } = await login.set('X-Forwarded-Proto', 'https').expect(200)
      expect(headers['set-cookie']?.[0]).to.match(/; Secure/)
    })
  }
})
