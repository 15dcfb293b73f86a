import { EventEmitter } from 'node:events'
import sinon from 'sinon'
import type { Command } from '../../lib/index.ts'
import { eventually } from './eventually.ts'

/** An error reply, as Solidis makes it. */
export function respError(message: string): Error {
  return Object.assign(new Error(message), { name: 'RespError' })
}

export interface Sent {
  readonly commands: string[][]
  resolve(replies: unknown[][]): void
  reject(error: unknown): void
}

/** Does what a client of Solidis does as a test tells it to, but answers probes by itself. */
export class FakeSolidis extends EventEmitter {
  readonly connect = sinon.stub<[], Promise<void>>().resolves()
  /** What was sent, but for the probes that it answered. */
  readonly sent: Sent[] = []
  /** What it answers to a probe; `undefined` if that is for the test to do. */
  answerProbe: ((argument: string | undefined) => unknown) | undefined = echo

  send(commands: Command[]): Promise<unknown[][]> {
    const [[name, argument] = []] = commands.map((command) => command.map(String))
    if (name === 'ECHO' && this.answerProbe !== undefined) {
      return Promise.resolve([[this.answerProbe(argument)]])
    }
    return new Promise((resolve, reject) => {
      this.sent.push({ commands: commands.map((c) => c.map(String)), resolve, reject })
    })
  }

  quit(): void {
    this.emit('end')
  }

  /** What it was sent, in short. */
  get keys(): string[] {
    return this.sent.map(({ commands }) => commands.map(([, key]) => key).join())
  }

  /** Answers all that it was sent, each with its key. */
  answerAll(): void {
    for (const { commands, resolve } of this.sent.splice(0))
      resolve(commands.map(([, key]) => [key]))
  }

  /** Waits until it has been sent so much. */
  async has(count: number): Promise<void> {
    await eventually(async () => this.sent.length >= count)
  }
}

export function echo(argument: string | undefined): unknown {
  return argument === undefined
    ? respError("ERR wrong number of arguments for 'echo' command")
    : Buffer.from(argument)
}
