import { expect } from 'chai'
import { createCluster } from 'redis'
import { fromNodeRedis, SolidisStore } from '../../lib/index.ts'
import { ensureBuilt } from '../support/built.ts'
import { runCli } from '../support/cli.ts'
import { solidisKind } from '../support/clients.ts'
import { startCluster } from '../support/cluster.ts'
import { data } from '../support/requests.ts'

describe('the operator of a cluster', function () {
  this.timeout(60_000)
  let cluster: Awaited<ReturnType<typeof startCluster>>
  let url: string

  before(async () => {
    ensureBuilt()
    cluster = await startCluster()
    url = `redis://127.0.0.1:${cluster.ports[0]}`
    const client = await createCluster({ rootNodes: [{ url }] }).connect()
    const store = new SolidisStore({ client: fromNodeRedis(client) })
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((sid) => store.set(sid, data())))
    client.destroy()
  })
  after(() => cluster.stop())

  for (const client of ['redis', 'ioredis']) {
    it(`reaches the sessions of all masters over ${client}, by the address of one`, async () => {
      const outcomes = await Promise.all(
        ['a', 'b', 'c'].map((sid) => runCli(['show', sid, '--url', url, '--client', client])),
      )
      for (const { status, stderr } of outcomes) {
        expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
      }
    })
  }

  it('need not say which client can', async () => {
    expect(await runCli(['end', 'd', '--url', url])).to.include({ status: 0, stderr: '' })
  })

  it('is told that Solidis cannot', async function () {
    if (solidisKind.missing !== undefined) this.skip()
    const { status, stderr } = await runCli(['show', 'a', '--url', url, '--client', 'solidis'])
    expect(stderr).to.include('cluster').and.include('npm install redis')
    expect(status).to.equal(1)
  })
})
