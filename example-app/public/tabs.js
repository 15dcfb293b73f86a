// "Two tabs": starts the two requests, and shows what each store has kept.

const SCALE_MS = 1100

const race = document.querySelector('#race')
const status = document.querySelector('#race-status')
const runs = { count: 0, kept: 0, lost: 0 }

race.querySelector('[data-run]').addEventListener('click', async ({ currentTarget: button }) => {
  if (button.getAttribute('aria-disabled')) return
  button.setAttribute('aria-disabled', 'true')
  status.textContent = 'Both are under way …'
  for (const lane of race.querySelectorAll('.run')) lane.style.width = '0'
  try {
    await run()
    status.textContent = 'Both requests have ended, each with status 200.'
  } catch {
    status.textContent = 'Redis does not answer. Nothing is lost; please try again in a moment.'
  } finally {
    button.removeAttribute('aria-disabled')
  }
})

async function run() {
  const before = await get('/tabs/result')
  const slow = post('/tabs/picture')
  await new Promise((resolve) => setTimeout(resolve, 250))
  const [first, second] = await Promise.all([slow, post('/tabs/cart')])
  const after = await get('/tabs/result')
  draw('picture', first, first.loadedAt)
  draw('cart', second, first.loadedAt)
  runs.count++
  for (const store of ['kept', 'lost']) compare(store, before[store], after[store])
}

function compare(store, before, after) {
  const card = document.querySelector(`[data-store="${store}"]`)
  const isThere = {
    picture: after.picture !== before.picture,
    cart: after.cart === before.cart + 1,
  }
  for (const [name, is] of Object.entries(isThere)) {
    card.querySelector(`[data-field="${name}"]`).textContent = after[name]
    const verdict = card.querySelector(`[data-verdict="${name}"]`)
    verdict.textContent = is ? 'kept' : 'lost'
    verdict.className = is ? 'tag good' : 'tag bad'
    if (is) runs[store]++
  }
  card.querySelector('[data-tally]').textContent =
    `${runs[store]} of ${2 * runs.count} changes kept`
}

/** From when a request has loaded the session until it has saved it. */
function draw(name, { loadedAt, savedAt }, start) {
  const { style } = race.querySelector(`[data-lane="${name}"]`)
  const percent = (ms) => `${Math.min(100, (100 * ms) / SCALE_MS)}%`
  style.marginLeft = percent(loadedAt - start)
  style.width = percent(Math.max(15, savedAt - loadedAt))
}

async function get(path) {
  return answerOf(await fetch(path))
}

async function post(path) {
  const headers = { 'X-CSRF-Token': race.dataset.csrf }
  return answerOf(await fetch(path, { method: 'POST', headers }))
}

async function answerOf(response) {
  if (!response.ok) throw new Error(response.statusText)
  return response.json()
}
