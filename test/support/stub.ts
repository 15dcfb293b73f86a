import sinon from 'sinon'
import type { Command } from '../../lib/index.ts'

type Send = [commands: Command[]]

/** A client whose `send` is a stub that answers each command as it is told to; nil by default. */
export function stubClient(reply: (command: string[]) => unknown = () => null) {
  const send = sinon.stub<Send, Promise<unknown[][]>>()
  send.callsFake(async (commands) => commands.map((command) => [reply(command.map(String))]))
  return {
    send,
    /** All commands so far, in their order. */
    sent: () => send.args.flatMap(([commands]) => commands.map((command) => command.map(String))),
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
