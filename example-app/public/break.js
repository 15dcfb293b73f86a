// "Break it": asks for a fault without leaving the page, and asks the site every second as a visitor would.

const SHOWN = 8
const EVERY_MS = 1000
const ANSWERS = {
  200: ['good', 'signed in'],
  401: ['', 'not signed in'],
  503: ['bad', 'one moment, please'],
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const probes = document.querySelector('#probes')
const visitor = document.querySelector('#visitor')

document.querySelector('#break').addEventListener('submit', (event) => {
  event.preventDefault()
  const body = new URLSearchParams({ fault: event.submitter.value })
  fetch('/break', { method: 'POST', body, redirect: 'manual' })
})

probes.replaceChildren()
for (let last; ; await new Promise((resolve) => setTimeout(resolve, EVERY_MS))) {
  const startedAt = performance.now()
  const status = await fetch('/api/profile').then(
    (response) => response.status,
    () => 0,
  )
  show(status, performance.now() - startedAt)
  // The page in the frame comes back by itself. That it goes away, a visitor finds out by a click.
  if (status === 503 && last !== 503) visitor.contentWindow.location.reload()
  last = status
}

function show(status, ms) {
  const row = probes.insertRow(0)
  const [tone, words] = ANSWERS[status] ?? ['bad', 'no answer']
  const tag = Object.assign(document.createElement('span'), {
    className: `tag ${tone}`,
    textContent: status || '–',
  })
  row.insertCell().append(clock.format(Date.now()))
  row.insertCell().append(tag, ` ${words}`)
  Object.assign(row.insertCell(), { className: 'number', textContent: `${Math.round(ms)} ms` })
  if (probes.rows.length > SHOWN) probes.deleteRow(-1)
}
