import { expect } from 'chai'
import { type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { asCommand } from '../support/scripts.ts'
import { stubClient } from '../support/stub.ts'

/** A client whose SCAN gives these pages of keys, one after the other. */
function scanning(...pages: string[][]) {
  return stubClient(([name, cursor, ...more]) => {
    if (name === 'GET') return [cursor, ...more].flatMap(() => [Buffer.from('{"cookie":{}}'), -1])
    if (name !== 'SCAN') return 1
    const next = Number(cursor) + 1
    const keys = pages[next - 1] ?? []
    return [Buffer.from(String(next < pages.length ? next : 0)), keys.map((k) => Buffer.from(k))]
  })
}

describe('a scan', () => {
  it('goes on until the cursor is back at zero, past empty pages', async () => {
    const client = scanning(['sess:a'], [], ['sess:b', 'sess:c'], [])
    expect(await new SolidisStore({ client }).ids()).to.deep.equal(['a', 'b', 'c'])
    expect(client.sent().map(([name, cursor]) => [name, cursor])).to.deep.equal([
      ['SCAN', '0'],
      ['SCAN', '1'],
      ['SCAN', '2'],
      ['SCAN', '3'],
    ])
  })

  it('counts a key once that comes again', async () => {
    const client = scanning(['sess:a', 'sess:b', 'sess:a'], ['sess:b', 'sess:a'], ['sess:c'])
    const store = new SolidisStore({ client })
    expect(await store.ids()).to.deep.equal(['a', 'b', 'c'])
    expect(await store.length()).to.equal(3)
    expect((await store.all()).map(({ id }) => id)).to.deep.equal(['a', 'b', 'c'])
    expect(client.sent().filter(([name]) => name === 'GET')).to.deep.equal([
      ['GET', 'sess:a', 'sess:b'],
      ['GET', 'sess:c'],
    ])
  })

  it('hints at scanCount', async () => {
    const counts = async (options: object) => {
      const client = scanning(['sess:a'], [])
      await new SolidisStore({ client, ...options }).length()
      return client.sent().map((command) => command.slice(-2))
    }
    const twice = (count: string) => [
      ['COUNT', count],
      ['COUNT', count],
    ]
    expect(await counts({})).to.deep.equal(twice('1000'))
    expect(await counts({ scanCount: 7 })).to.deep.equal(twice('7'))
  })

  const patterns: [prefix: string, pattern: string][] = [
    ['sess:', 'sess:*'],
    ['', '*'],
    ['a*', 'a\\**'],
    ['a?', 'a\\?*'],
    ['[a]', '\\[a\\]*'],
    ['[^a-c]', '\\[\\^a\\-c\\]*'],
    ['a\\', 'a\\\\*'],
    ['*?*?', '\\*\\?\\*\\?*'],
    ['é☃:', 'é☃:*'],
  ]
  for (const [prefix, pattern] of patterns) {
    it(`takes the prefix literally: ${JSON.stringify(prefix)}`, async () => {
      for (const method of ['all', 'length', 'ids', 'clear'] as const) {
        const client = scanning([])
        await new SolidisStore({ client, prefix })[method]()
        expect(client.sent()).to.deep.equal([['SCAN', '0', 'MATCH', pattern, 'COUNT', '1000']])
      }
    })
  }

  it('that fails at a later page fails', async () => {
    const reply = new Error('LOADING Redis is loading the dataset in memory')
    const client = stubClient(([name, cursor]) => {
      if (name === 'GET') return [null, -2]
      if (name !== 'SCAN') return 1
      return cursor === '0' ? ['1', ['sess:a']] : reply
    })
    const store = new SolidisStore({ client })
    for (const call of [store.all(), store.length(), store.ids(), store.clear()]) {
      expect(await rejection(call)).to.include({ command: 'SCAN', code: 'LOADING' })
    }
  })
})

describe('clear', () => {
  it('unlinks page by page, while the next page is on its way', async () => {
    const client = scanning(['sess:a', 'sess:b'], [], ['sess:c'])
    await new SolidisStore({ client }).clear()
    expect(tripsOf(client)).to.deep.equal([
      [['SCAN', '0']],
      [['SCAN', '1']],
      [['UNLINK', 'sess:a', 'sess:b']],
      [['SCAN', '2']],
      [['UNLINK', 'sess:c']],
    ])
  })
})

describe('all', () => {
  it('reads a page while the next one is on its way', async () => {
    const client = scanning(['sess:a', 'sess:b'], ['sess:c'])
    await new SolidisStore({ client }).all()
    expect(tripsOf(client)).to.deep.equal([
      [['SCAN', '0']],
      [['SCAN', '1']],
      [['GET', 'sess:a', 'sess:b']],
      [['GET', 'sess:c']],
    ])
  })
})

describe('a page', () => {
  const sids = Array.from({ length: 2500 }, (_, i) => `sess:${i}`)

  it('of more keys than were asked for is worked on in parts', async () => {
    const client = scanning(sids, ['sess:last'])
    const store = new SolidisStore({ client })
    await store.clear()
    const unlinked = client.sent().filter(([name]) => name === 'UNLINK')
    expect(unlinked.map((command) => command.length - 1)).to.deep.equal([1000, 1000, 500, 1])
    expect((await store.all()).length).to.equal(2501)
  })

  for (const code of ['CROSSSLOT', 'NOPERM']) {
    it(`is sent key by key to a server that refuses many at once (${code})`, async () => {
      const client = stubClient(([name, cursor, ...more]) => {
        if (name === 'SCAN')
          return [Buffer.from('0'), [Buffer.from('sess:a'), Buffer.from('sess:b')]]
        if (name === 'PTTL') return -1
        if (more.length > 0) return new Error(`${code} no`)
        return name === 'GET' ? Buffer.from('{"cookie":{}}') : Number(cursor !== undefined)
      })
      const store = new SolidisStore({ client })
      expect((await store.all()).map(({ id }) => id)).to.deep.equal(['a', 'b'])
      await store.clear()
      const names = client.sent().map(([name, ...keys]) => `${name} ${keys.length}`)
      const refused = code === 'CROSSSLOT' ? [] : ['UNLINK 2']
      expect(names.filter((name) => !name.startsWith('SCAN'))).to.deep.equal([
        'GET 2',
        'GET 1',
        'PTTL 1',
        'GET 1',
        'PTTL 1',
        ...refused,
        'UNLINK 1',
        'UNLINK 1',
      ])
    })
  }
})

/** The commands of each round trip, without the options of SCAN. */
function tripsOf(client: ReturnType<typeof stubClient>): string[][][] {
  return client.send.args.map(([commands]) =>
    commands.map((command) => {
      const asked = asCommand(command.map(String))
      return asked[0] === 'SCAN' ? asked.slice(0, 2) : asked
    }),
  )
}

describe('a cluster', () => {
  it('is scanned at every master, and asked for keys itself', async () => {
    const nodes = [scanning(['sess:a'], ['sess:b']), scanning([]), scanning(['sess:c', 'sess:b'])]
    const cluster = Object.assign(stubClient(), { nodes: async () => nodes as SolidisLike[] })
    const store = new SolidisStore({ client: cluster })
    expect(await store.ids()).to.deep.equal(['a', 'b', 'c'])
    expect(await store.length()).to.equal(3)
    expect(cluster.sent()).to.deep.equal([])
    await store.clear()
    expect(new Set(cluster.sent().map((command) => command.join(' ')))).to.deep.equal(
      new Set(['UNLINK sess:a', 'UNLINK sess:b', 'UNLINK sess:c']),
    )
    for (const node of nodes) {
      expect(node.sent().every(([name]) => name === 'SCAN')).to.equal(true)
    }
  })
})
