import { once } from 'node:events'
import { expect } from 'chai'
import { io, type Socket } from 'socket.io-client'
import request from 'supertest'
import { WebSocket } from 'ws'
import { SolidisStore } from '../../lib/index.ts'
import { nodeRedisKind } from '../support/clients.ts'
import { cookieOf, startRecipe, useRedis, useSite } from '../support/recipe-site.ts'

describe('the recipes for sockets', function () {
  this.timeout(60_000)
  const redis = useRedis()

  describe('socket-io', () => {
    let url: string
    const sockets: Socket[] = []
    before(async () => {
      url = (await startRecipe('socket-io.mjs', { REDIS_URL: redis.url })).url
    })
    after(() => {
      for (const socket of sockets) socket.close()
    })

    function connect(headers: Record<string, string>): Socket {
      const options = { extraHeaders: headers, transports: ['websocket'], reconnection: false }
      const socket = io(url, { ...options, forceNew: true })
      sockets.push(socket)
      return socket
    }

    const refusal = (socket: Socket) =>
      new Promise<Error>((tell) => socket.on('connect_error', tell))

    it('is a site', () => useSite(url))

    it('sees what requests change, changes what they see, and ends with the session', async () => {
      const { user, cookie } = await logIn(url)
      const socket = connect({ cookie, origin: url })
      expect(await socket.emitWithAck('who')).to.equal('ann')
      const said = new Promise((tell) => socket.on('said', tell))
      expect(await socket.emitWithAck('say', 'hello')).to.deep.equal({ said: 1 })
      expect(await said).to.deep.equal({ user: 'ann', text: 'hello' })
      await user.post('/theme').send({ theme: 'dark' }).expect(200)
      expect(await socket.emitWithAck('say', 'again')).to.deep.equal({ said: 2 })
      await user.get('/profile').expect(200, { user: 'ann', theme: 'dark', said: 2 })
      expect(await socket.emitWithAck('theme', 'light')).to.deep.equal({ theme: 'light' })
      await user.get('/profile').expect(200, { user: 'ann', theme: 'light', said: 2 })

      const closed = new Promise((tell) => socket.on('disconnect', tell))
      await user.post('/logout').expect(200)
      expect(await closed).to.equal('io server disconnect')
    })

    it('has no stale session', async () => {
      const { cookie } = await logIn(url)
      const socket = connect({ cookie, origin: url })
      expect(await socket.emitWithAck('who')).to.equal('ann')
      const closed = new Promise((tell) => socket.on('disconnect', tell))
      await endSession(redis.url, cookie)
      socket.emit('who', () => {})
      expect(await closed).to.equal('io server disconnect')
    })

    it('lets in nobody without a login, and no other page', async () => {
      const { cookie } = await logIn(url)
      expect((await refusal(connect({}))).message).to.equal('Not logged in')
      const foreign = connect({ cookie, origin: 'https://evil.example' })
      expect((await refusal(foreign)).message).to.include('websocket error')
    })
  })

  describe('ws', () => {
    let url: string
    before(async () => {
      url = (await startRecipe('ws.mjs', { REDIS_URL: redis.url })).url
    })

    const connect = (headers: Record<string, string>) =>
      new WebSocket(url.replace('http', 'ws'), { headers })

    async function ask(socket: WebSocket, message: object): Promise<unknown> {
      socket.send(JSON.stringify(message))
      const [answer] = await once(socket, 'message')
      return JSON.parse(String(answer))
    }

    async function statusOf(socket: WebSocket): Promise<number> {
      const [, response] = await once(socket, 'unexpected-response')
      return response.statusCode
    }

    it('is a site', () => useSite(url))

    it('sees what requests change, changes what they see, and ends with the session', async () => {
      const { user, cookie } = await logIn(url)
      const socket = connect({ cookie, origin: url })
      await once(socket, 'open')
      expect(await ask(socket, { who: true })).to.deep.equal({ who: 'ann' })
      expect(await ask(socket, { say: 'hello' })).to.deep.equal({ user: 'ann', text: 'hello' })
      await user.post('/theme').send({ theme: 'dark' }).expect(200)
      await ask(socket, { say: 'again' })
      await user.get('/profile').expect(200, { user: 'ann', theme: 'dark', said: 2 })

      const closed = once(socket, 'close')
      await user.post('/logout').expect(200)
      expect((await closed)[0]).to.equal(4401)
    })

    it('has no stale session', async () => {
      const { cookie } = await logIn(url)
      const socket = connect({ cookie, origin: url })
      await once(socket, 'open')
      expect(await ask(socket, { who: true })).to.deep.equal({ who: 'ann' })
      await endSession(redis.url, cookie)
      socket.send(JSON.stringify({ who: true }))
      expect((await once(socket, 'close'))[0]).to.equal(4401)
    })

    it('lets in nobody without a login, and no other page', async () => {
      const { cookie } = await logIn(url)
      expect(await statusOf(connect({}))).to.equal(401)
      expect(await statusOf(connect({ cookie, origin: 'https://evil.example' }))).to.equal(403)
    })
  })
})

async function logIn(url: string) {
  const user = request.agent(url)
  const cookie = cookieOf(await user.post('/login').send({ user: 'ann' }).expect(200))
  return { user, cookie }
}

/** As a logout by another device does. */
async function endSession(url: string, cookie: string): Promise<void> {
  const { client, close } = await nodeRedisKind.connect(url)
  await new SolidisStore({ client }).destroy(/s%3A([\w-]+)/.exec(cookie)?.[1] as string)
  close()
}
