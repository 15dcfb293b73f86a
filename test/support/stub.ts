import sinon from 'sinon'
import type { Command } from '../../lib/index.ts'
import { asCommand } from './scripts.ts'

type Send = [commands: Command[]]

/**
 * A client whose `send` is a stub that answers each command as it is told to; nil by default. Scripts
 * that give the time give it, unless they are told something else.
 */
export function stubClient(reply: (command: string[]) => unknown = () => null) {
  const send = sinon.stub<Send, Promise<unknown[][]>>()
  send.callsFake(async (commands) => {
    return commands.map((command) => {
      const asked = asCommand(command.map(String))
      const isScript = asked[0] !== command[0]
      return [reply(asked) ?? (isScript ? Date.now() : null)]
    })
  })
  return {
    send,
    /** All commands so far, in their order. */
    sent: () =>
      send.args.flatMap(([commands]) => commands.map((command) => asCommand(command.map(String)))),
  }
}

/** A client that never answers. */
export function silentClient() {
  return { send: sinon.stub<Send, Promise<unknown[][]>>().returns(new Promise(() => {})) }
}

/** A client that fails every time, by a rejection. */
export function failingClient(error: unknown) {
  return { send: sinon.stub<Send, Promise<unknown[][]>>().callsFake(() => Promise.reject(error)) }
}
