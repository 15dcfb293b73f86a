import { expect } from 'chai'
import { createClient } from 'redis'
import { type SolidisOptions, solidisOptions } from '../../lib/index.ts'
import { startRedis } from '../../scripts/redis-server.js'
import { createSolidis, solidisKind } from '../support/clients.ts'

const plain = {
  host: 'redis.example',
  port: 6379,
  database: 0,
  authentication: { username: '', password: '' },
}

describe('solidisOptions', () => {
  const urls: Record<string, Partial<SolidisOptions>> = {
    'redis://redis.example': {},
    'redis://redis.example:6380/': { port: 6380 },
    'redis://redis.example/3': { database: 3 },
    'redis://redis.example?db=3': { database: 3 },
    'redis://redis.example/?db=12': { database: 12 },
    'rediss://redis.example': { tls: {} },
    'redis://127.0.0.1': { host: '127.0.0.1' },
    'redis://[::1]:6380': { host: '::1', port: 6380 },
    'redis://:pass@redis.example': { authentication: { username: '', password: 'pass' } },
    'redis://ann:p%40s%2Fs%3A%25@redis.example': {
      authentication: { username: 'ann', password: 'p@s/s:%' },
    },
    'redis://an%40n:%C3%A9@redis.example': { authentication: { username: 'an@n', password: 'é' } },
    'redis://:@redis.example': {},
    'redis://default@redis.example': {},
    'redis://default:@redis.example': {},
  }
  for (const [url, options] of Object.entries(urls)) {
    it(`takes ${url}`, () => {
      expect(solidisOptions(url)).to.deep.equal({ ...plain, ...options })
      expect(solidisOptions(new URL(url))).to.deep.equal({ ...plain, ...options })
    })
  }

  const refused: [url: unknown, expected: RegExp][] = [
    ['redis.example:6379', /a URL like redis:/],
    ['http://ann:hunter2@redis.example', /a URL like redis:/],
    ['redis://ann:hunter2@', /a URL like redis:/],
    ['redis:///3', /a URL like redis:/],
    ['redis://ann:hunter2@redis.example:70000', /a URL like redis:/],
    ['redis://ann:hunter2/x@redis.example', /a URL like redis:/],
    ['', /a URL like redis:.*got an empty string/],
    [undefined, /a URL like redis:.*got undefined/],
    [{ host: 'hunter2' }, /a URL like redis:.*got an object/],
    ['redis://ann:1#hunter2@redis.example', /%23/],
    ['redis://ann:1/hunter2@redis.example', /a database/],
    ['redis://ann:1?hunter2@redis.example', /a database/],
    ['redis://redis.example/hunter2', /a database/],
    ['redis://redis.example/-1', /a database/],
    ['redis://redis.example/3/4', /a database/],
    ['redis://redis.example/3?db=4', /a database/],
    ['redis://redis.example?ssl=hunter2', /a database/],
    ['redis://ann:hunter2%zz@redis.example', /%25/],
    ['redis://hunter2@redis.example', /a password with the user/],
    ['redis://hunter2:@redis.example', /a password with the user/],
  ]
  for (const [url, expected] of refused) {
    it(`refuses ${JSON.stringify(url)}, without showing what is in it`, () => {
      const call = () => solidisOptions(url as string)
      expect(call)
        .to.throw(TypeError, expected)
        .with.property('message')
        .not.match(/hunter2/)
    })
  }

  describe('over a real Redis', () => {
    if (solidisKind.missing !== undefined) {
      it(`is not tested here, because ${solidisKind.missing}`)
      return
    }

    it('lets Solidis in, to the database', async () => {
      const { url, port, stop } = await startRedis()
      const admin = createClient({ url })
      await admin.connect()
      const password = 'p@s:s/w#o?r%d é'
      await admin.sendCommand(['ACL', 'SETUSER', 'a@nn', 'on', `>${password}`, '~*', '+@all'])
      await admin.sendCommand(['CONFIG', 'SET', 'requirepass', password])
      for (const user of ['a%40nn', '', 'default']) {
        const userAndPassword = `${user}:${encodeURIComponent(password)}`
        const to = `redis://${userAndPassword}@127.0.0.1:${port}/3`
        const client = createSolidis(solidisOptions(to))
        await client.connect()
        const [[who], [info]] = (await client.send([
          ['ACL', 'WHOAMI'],
          ['CLIENT', 'INFO'],
        ])) as [[unknown], [unknown]]
        expect(String(who)).to.equal(decodeURIComponent(user) || 'default')
        expect(String(info)).to.include(' db=3 ')
        client.quit()
      }
      admin.destroy()
      await stop()
    })
  })
})
