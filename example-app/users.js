// A real app asks its database, and keeps hashes of passwords, never passwords.
const users = [{ userId: '1', username: 'demo', email: 'demo@example.com', password: 'password' }]

/** The user without the password, or undefined. */
export function findUser(username, password) {
  const found = users.find((user) => user.username === username && user.password === password)
  if (!found) return undefined
  const { password: _, ...user } = found
  return user
}
