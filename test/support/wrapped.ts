import { inspect } from 'node:util'
import { expect } from 'chai'
import { type Command, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { ClientError } from '../../lib/redis/client.ts'
import { rejection } from './calls.ts'
import { eventually } from './eventually.ts'
import { freshPrefix } from './redis.ts'
import { type Data, data } from './requests.ts'

/** A client under test, and another over which the same keys are as they are in Redis. */
export interface Wrapped {
  readonly client: SolidisLike
  readonly plain: SolidisLike
  /** What the client under test has all its keys begin with. */
  readonly keyPrefix?: string
  close(): void
}

/** What holds of a client, whatever its user has set. */
export function wrapsWell(connect: () => Promise<Wrapped>): void {
  let wrapped: Wrapped
  before(async () => {
    wrapped = await connect()
  })
  after(() => wrapped.close())

  it('gives text and numbers, one reply a command', async () => {
    const { client, keyPrefix = '' } = wrapped
    const key = `${freshPrefix()}é`
    expect(await one(client, 'SET', key, 'é😀')).to.equal('OK')
    expect(await one(client, 'GET', key)).to.equal('é😀')
    expect(await one(client, 'GET', `${key}none`)).to.equal(null)
    expect(await one(client, 'PTTL', key)).to.equal(-1)
    const script = 'return {KEYS[1], 7, ARGV[1]}'
    const reply = [keyPrefix + key, 7, '7']
    expect(await one(client, 'EVAL', script, '1', key, '7')).to.deep.equal(reply)
    const replies = (await client.send([
      ['EXISTS', key],
      ['PTTL', `${key}none`],
      ['UNLINK', `${key}none`],
    ])) as unknown[]
    expect(replies).to.deep.equal([[1], [-2], [0]])
    expect(await one(client, 'UNLINK', key)).to.equal(1)
    expect(await one(client, 'ECHO', 'no key')).to.equal('no key')
  })

  it('puts an error reply in its place, and no argument into it', async () => {
    const { client } = wrapped
    const key = `${freshPrefix()}the-sid`
    await one(client, 'RPUSH', key, 'the-payload')
    const [[wrong], [exists]] = (await client.send([
      ['GET', key],
      ['EXISTS', key],
    ])) as [[Error], unknown[]]
    expect(wrong).to.be.instanceOf(Error)
    expect(wrong.message).to.match(/^WRONGTYPE /)
    expect(exists).to.equal(1)
    const [[unknown]] = (await client.send([
      ['EVALSHA', '0'.repeat(40), '1', key, 'the-payload'],
    ])) as [[Error]]
    expect(unknown.message).to.match(/^NOSCRIPT /)
    for (const error of [wrong, unknown]) tellsNothing(error)
    await one(client, 'UNLINK', key)
  })

  it('gives what is no text as Buffers, byte by byte', async () => {
    const { client } = wrapped
    const key = freshPrefix()
    const value = Buffer.from([0x7b, 0xff, 0xc3, 0x7d])
    await one(client, 'SET', key, value)
    const script = "return redis.call('GET', KEYS[1])"
    for (const command of [
      ['GET', key],
      ['EVAL', script, '1', key],
    ]) {
      expect(await client.send([command])).to.deep.equal([[value]])
      expect((await client.send([command, ['EXISTS', key]]))[0]).to.deep.equal([value])
    }
    expect(await one(client, 'UNLINK', key)).to.equal(1)
  })

  it('scans keys as they are, also such as are no text', async () => {
    const { client } = wrapped
    const prefix = freshPrefix()
    const keys = [Buffer.from(`${prefix}é`), Buffer.from([...Buffer.from(prefix), 0xff, 0xfe])]
    for (const key of keys) await client.send([['SET', key, '1']])
    expect((await scan(client, `${prefix}*`)).sort(Buffer.compare)).to.deep.equal(
      keys.sort(Buffer.compare),
    )
    for (const key of keys) expect(await client.send([['UNLINK', key]])).to.deep.equal([[1]])
  })

  it('works with a store, which leaves the keys of others alone', async () => {
    const { client, plain, keyPrefix = '' } = wrapped
    const prefix = `sess*:${freshPrefix()}`
    const store = new SolidisStore({ client, prefix })
    const others = keyPrefix === '' ? [] : [prefix, `x${keyPrefix}${prefix}`]
    for (const other of others) await one(plain, 'SET', `${other}1`, '{"cookie":{}}')
    for (const sid of ['1', '2', '3', '4']) await store.set(sid, data())
    expect(await one(plain, 'EXISTS', `${keyPrefix}${prefix}1`)).to.equal(1)
    const session = (await store.get('1')) as Data
    session.views = 1
    await store.set('1', session)
    expect(await store.get('1')).to.include({ views: 1 })
    expect((await store.ids()).sort()).to.deep.equal(['1', '2', '3', '4'])
    expect((await store.all()).map(({ id }) => id).sort()).to.deep.equal(['1', '2', '3', '4'])
    await store.clear()
    expect(await store.length()).to.equal(0)
    for (const other of others) expect(await one(plain, 'UNLINK', `${other}1`)).to.equal(1)
  })
}

/** What holds of a client whose connection is dead, though nobody has said so. */
export async function reconnectsWell(client: SolidisLike, strand: () => void): Promise<void> {
  const id = Number(await one(client, 'CLIENT', 'ID'))
  const connections = client.connections as number
  strand()
  const lost = one(client, 'PING').catch(() => {})
  client.reconnect?.()
  await lost
  expect(Number(await one(client, 'CLIENT', 'ID'))).to.be.greaterThan(id)
  // A client may tell of a connection after what was first asked over it.
  await eventually(async () => client.connections === connections + 1)
}

/** Sends one command; text in its reply is text, as it may also come as Buffers. */
export async function one(client: SolidisLike, ...command: Command): Promise<unknown> {
  const [[reply]] = (await client.send([command])) as [[unknown]]
  return textIn(reply)
}

function textIn(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(textIn)
  return Buffer.isBuffer(reply) ? reply.toString() : reply
}

/** All keys of all nodes that match. */
export async function scan(client: SolidisLike, pattern: string): Promise<Buffer[]> {
  const found: Buffer[] = []
  for (const node of (await client.nodes?.()) ?? [client]) {
    let cursor = '0'
    do {
      const command = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']
      const [[[next, keys]]] = (await node.send([command])) as [[[unknown, Buffer[]]]]
      cursor = String(next)
      found.push(...keys)
    } while (cursor !== '0')
  }
  expect(found.every(Buffer.isBuffer)).to.equal(true)
  return found
}

/** What a client is told when it could not deliver, which must give nothing away. */
export async function failureOf(sent: Promise<unknown>): Promise<ClientError> {
  const error = await rejection<ClientError>(sent)
  expect(error).to.be.instanceOf(ClientError)
  expect(error.message).not.to.equal('')
  tellsNothing(error)
  return error
}

function tellsNothing(error: Error): void {
  const told = inspect(error, { depth: Infinity, showHidden: true })
  expect(told).not.to.match(/the-sid|the-payload/)
}
