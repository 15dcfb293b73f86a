import { inspect } from 'node:util'
import { expect } from 'chai'
import { clientError } from '../../lib/clients/solidis-errors.ts'
import { ClientError } from '../../lib/redis/client.ts'
import { respError } from '../support/fake-solidis.ts'

/** As Solidis makes them: what led to it is told by a method, and its stack is taken over. */
function solidisError(message: string, original?: Error, name = 'SolidisClientError'): Error {
  const error = Object.assign(new Error(message), { name, getOriginalError: () => original })
  if (original?.stack !== undefined) error.stack = original.stack
  return error
}

const withCode = (code: string) => Object.assign(new Error(`connect ${code} ::1:6379`), { code })

describe('an error of Solidis', () => {
  const cases: [code: string, message: string, error: unknown][] = [
    ['ECONNREFUSED', 'connect ECONNREFUSED ::1:6379', withCode('ECONNREFUSED')],
    [
      'ECONNREFUSED',
      'connect ECONNREFUSED ::1:6379',
      solidisError('Error: …', solidisError('Error: …', withCode('ECONNREFUSED'))),
    ],
    [
      'EHOSTUNREACH',
      'connect EHOSTUNREACH ::1:6379',
      new Error('x', { cause: withCode('EHOSTUNREACH') }),
    ],
    [
      'ECONNREFUSED',
      'connect ECONNREFUSED ::1:6379',
      solidisError('AggregateError', new AggregateError([withCode('ECONNREFUSED')])),
    ],
    [
      'ETIMEDOUT',
      'Command(s) timed out after 5000 ms.',
      solidisError('Command(s) timed out after 5000 ms.'),
    ],
    ['ETIMEDOUT', 'Connection timeout (2000 ms).', solidisError('Connection timeout (2000 ms).')],
    [
      'EPROTO',
      'Received reply with no pending request',
      solidisError('Received reply with no pending request'),
    ],
    [
      'LOADING',
      'Ready check failed: still loading after 100 attempts',
      solidisError('Ready check failed: still loading after 100 attempts'),
    ],
    [
      'ENOTCONN',
      'Cannot connect after the client was closed.',
      solidisError('Cannot connect after the client was closed.'),
    ],
    ['ENOTCONN', 'Socket is not connected', solidisError('Socket is not connected')],
    ['ECONNRESET', 'Connection closed.', solidisError('Connection closed.')],
    [
      'ECONNRESET',
      'Connection closed.',
      solidisError('SolidisConnectionError: Error: Connection closed.'),
    ],
    ['ECONNRESET', 'something', 'something'],
    [
      'NOAUTH',
      'NOAUTH Authentication required.',
      solidisError('x', respError('NOAUTH Authentication required.')),
    ],
    [
      'ERR',
      "ERR unknown command 'PEXPIRE'",
      respError("ERR unknown command 'PEXPIRE', with args beginning with: 'sess:the-sid' '1' "),
    ],
  ]
  for (const [code, message, error] of cases) {
    it(`has a code: ${code}, for ${message}`, () => {
      const told = clientError(error)
      expect(told).to.be.instanceOf(ClientError)
      expect(told).to.include({ code, message, cause: error })
    })
  }

  it('is told of once', () => {
    const error = new ClientError('EPROTO', 'reason')
    expect(clientError(error)).to.equal(error)
  })

  it('may be its own cause', () => {
    const error = new Error('round')
    error.cause = error
    expect(clientError(error)).to.include({ code: 'ECONNRESET', message: 'round' })
  })

  for (const [code, message, reply] of [
    ['WRONGPASS', 'WRONGPASS invalid', 'RespError: WRONGPASS invalid'],
    ['ECONNRESET', 'the connection could not be initialised', '{"user":"bob, timed out"}'],
  ] as const) {
    it(`shows neither the password nor the reply of another: ${code}`, () => {
      const said = `[AUTH ann hunter2] Invalid reply: ${reply}`
      const failed = solidisError(said, undefined, 'SolidisCommandError')
      const told = clientError(solidisError('Authentication failed', failed))
      expect(told).to.include({ code, message })
      expect(inspect(told, { depth: 9, showHidden: true })).not.to.match(/hunter2|bob/)
    })
  }
})
