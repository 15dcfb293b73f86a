// Child processes that are asked one thing at a time.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Starts a script of this folder, which finds its `task` by `taskOfThisProcess`. */
export function startChild(script, task = {}) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(task)])
  const answer = () =>
    new Promise((resolve, reject) => {
      const end = (code, signal) => reject(new Error(`${script} ended: ${signal ?? code}`))
      child.once('exit', end)
      child.once('message', (it) => {
        child.off('exit', end)
        if (it.error) reject(new Error(it.error))
        else resolve(it)
      })
    })
  const ready = answer()
  const ask = async (question) => {
    await ready
    const answered = answer()
    child.send(question)
    return answered
  }
  return { ready, ask, stop: () => child.kill('SIGKILL') }
}

export function taskOfThisProcess() {
  return JSON.parse(process.argv[2])
}

/** Tells who started this process that it is ready, and answers by the name of each question. */
export function answerQuestions(answers, ready = {}) {
  process.on('message', async ({ name, ...question }) => {
    try {
      process.send((await answers[name](question)) ?? {})
    } catch (error) {
      process.send({ error: `${name}: ${error.message}` })
    }
  })
  // Whoever started this may end before it asks for the end of this.
  process.on('disconnect', () => process.exit())
  process.send(ready)
}
