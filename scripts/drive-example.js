// Runs `npm start`, and goes through its tutorial: login, profile, logout.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from './redis-server.js'

const STARTS_WITHIN_MS = 60_000

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const app = spawn('npm', ['start'], {
  env: { ...process.env, PORT: String(port) },
  stdio: ['ignore', 'ignore', 'inherit'],
  detached: true,
})
const ended = once(app, 'exit')
try {
  await started()
  assert.match(await (await fetch(url)).text(), /<form id="login"/, 'page')
  const login = await call('POST', '/api/login', { username: 'demo', password: 'password' })
  assert.equal(login.status, 200, 'login')
  const [cookie] = login.headers.getSetCookie()[0].split(';')
  const profile = await call('GET', '/api/profile', undefined, cookie)
  assert.equal((await profile.json()).username, 'demo', 'profile')
  const logout = await call('POST', '/api/logout', undefined, cookie)
  assert.equal(logout.status, 200, 'logout')
  const after = await call('GET', '/api/profile', undefined, cookie)
  assert.equal(after.status, 401, 'profile after logout')
  console.log('example app: login, profile and logout work')
} finally {
  process.kill(-app.pid, 'SIGTERM')
  await ended
}

function call(method, path, body, cookie) {
  return fetch(url + path, {
    method,
    headers: { ...(body && { 'Content-Type': 'application/json' }), ...(cookie && { cookie }) },
    body: body && JSON.stringify(body),
  })
}

async function started() {
  const giveUpAt = Date.now() + STARTS_WITHIN_MS
  for (;;) {
    try {
      return await fetch(url)
    } catch (error) {
      if (Date.now() > giveUpAt || app.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
