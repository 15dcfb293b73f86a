import sinon from 'sinon'
import type { Command } from '../../lib/index.ts'
import { isNative, NO_SUCH_OPTION, scripted } from './native.ts'
import { acknowledged, answerTo, asCommand, asksForMany } from './scripts.ts'

type Send = [commands: Command[]]

/**
 * A client whose `send` is a stub that answers each command as it is told to; nil by default. Scripts
 * that write have written if it is 1, and by default, and found no session if it is 0. The server has
 * no compare and set of its own.
 */
export function stubClient(reply: (command: string[]) => unknown = () => null) {
  const send = sinon.stub<Send, Promise<unknown[][]>>()
  send.callsFake(async (commands) => {
    return commands.map((command) => {
      if (isNative(command)) return [NO_SUCH_OPTION]
      const given = command.map(String)
      const asked = asCommand(given)
      const told = answerTo(given, reply)
      if (asksForMany(given) && !(told instanceof Error)) {
        const ofKey = (key: string) => ['GET', 'PTTL'].map((name) => reply([name, key]) ?? null)
        const replies = Array.isArray(told) ? told : asked.slice(1).flatMap(ofKey)
        return [[given.at(-1), ...replies]]
      }
      const isScript = asked[0] !== command[0]
      return [acknowledged(given, told ?? (isScript ? 1 : null))]
    })
  })
  return {
    send,
    /** All commands so far, in their order, but those by which the store learns what the server has not. */
    sent: () =>
      send.args.flatMap(([commands]) =>
        scripted(commands).map((command) => asCommand(command.map(String))),
      ),
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
