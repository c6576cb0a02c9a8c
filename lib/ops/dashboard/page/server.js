/** What is asked of the cache, and what it is told to do. */

export async function get(address, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== '')
  return read(fetch(`${address}?${new window.URLSearchParams(given)}`, { cache: 'no-store' }))
}

/** Answers how many entries went. */
export async function purge(target) {
  // The header is one that no form of another site can send.
  const headers = { 'Content-Type': 'application/json', 'X-Requested-With': 'reelcache' }
  const { purged } = await read(fetch('purge', { method: 'POST', headers, body: JSON.stringify(target) }))
  return purged
}

async function read(request) {
  const response = await request.catch(() => {
    throw new Error('The server cannot be reached')
  })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(answer.message ?? `The server answered ${response.status}`)
  return answer
}
