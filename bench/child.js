// Child processes that are asked one thing at a time.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Starts a script of this folder.
 * @param task what it finds by `taskOfThisProcess()`
 */
export function startChild(script, task = {}, execArgv = ['--expose-gc']) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = fork(path, [JSON.stringify(task)], { execArgv })
  // Only one answer is ever waited for, and an answer may come before it is.
  const answers = []
  let take
  const give = (answer) => {
    if (take) take(answer)
    else answers.push(answer)
    take = undefined
  }
  child.on('message', give)
  child.on('exit', (code, signal) =>
    give({ error: `${script} ended by ${signal ?? `code ${code}`}` }),
  )

  const answer = async () => {
    const given = answers.shift() ?? (await new Promise((resolve) => (take = resolve)))
    if (given.error) throw new Error(given.error)
    return given
  }
  const ask = (question) => {
    child.send(question)
    return answer()
  }
  return { answer, ask, stop: () => child.kill('SIGKILL') }
}

export function taskOfThisProcess() {
  return JSON.parse(process.argv[2])
}

/** Gives answers to the process that started this one; what `reply` throws becomes its error. */
export function answerQuestions(reply) {
  process.on('message', async (question) => {
    try {
      process.send((await reply(question)) ?? {})
    } catch (error) {
      process.send({ error: error.message })
    }
  })
}
