import { randomBytes, scrypt, scryptSync, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { adminPassword } from './config.js'

const HASH_BYTES = 32

// A real site has a database. It keeps hashes of passwords, as this does, never passwords: those below
// are the demo's, and its sign-in page shows them.
const users = [
  create('1', 'demo', 'password'),
  create('2', 'ada', 'lovelace'),
  ...(adminPassword === undefined ? [] : [create('3', 'admin', adminPassword, { isAdmin: true })]),
]
const nobody = create('0', '', randomBytes(16).toString('hex'))

/** The user with this name and password, or undefined. */
export async function findUser(username, password) {
  const user = users.find((user) => user.username === username)
  // For an unknown name it takes just as long, so that the time does not tell which names there are.
  const isRight = await isPasswordOf(user ?? nobody, password)
  return isRight ? user : undefined
}

export function userOf(userId) {
  return users.find((user) => user.userId === userId)
}

export function allUsers() {
  return users
}

function create(userId, username, password, more) {
  const salt = randomBytes(16)
  const hash = scryptSync(password, salt, HASH_BYTES)
  return { userId, username, email: `${username}@example.com`, isAdmin: false, salt, hash, ...more }
}

async function isPasswordOf({ salt, hash }, password) {
  return timingSafeEqual(hash, await promisify(scrypt)(password, salt, HASH_BYTES))
}
