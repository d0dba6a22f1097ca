// The phone's database as release 0.1 left it, made by bare calls: its stores, its rows, its order of fields, its marker.
// FROZEN. A later release changes the app, never this file: it stands for phones in the field that open the app anew.
window.release01 = async ({ code, records }) => {
  const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const sha256 = async (bytes) => hex(await crypto.subtle.digest('SHA-256', bytes))
  const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })

  const open = indexedDB.open('campus-patrol', 1)
  open.onupgradeneeded = () => {
    const db = open.result
    db.createObjectStore('meta')
    db.createObjectStore('outbox', { keyPath: 'n' }).createIndex('at', 'at')
    db.createObjectStore('photos', { keyPath: 'sha256' }).createIndex('state', 'state')
    db.createObjectStore('aside', { keyPath: 'key' })
    db.createObjectStore('drafts')
    db.createObjectStore('device')
    db.createObjectStore('pack')
  }
  const db = await done(open)

  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])
  const publicKey = base64(await crypto.subtle.exportKey('spki', keys.publicKey))
  const answer = await fetch('/api/v1/enrol', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ code, name: '值班手机', public_key: publicKey, app: '0.1.0' }),
    credentials: 'omit',
  })
  const { device, token, server_key: serverKey, pack } = await answer.json()
  const guard = pack.people.find((person) => person.role === 'guard')

  const stream = hex(crypto.getRandomValues(new Uint8Array(16)))
  const boot = crypto.randomUUID()
  const rows = []
  const photos = []
  const write = async (kind, tag, data, bytes) => {
    const taken = bytes === null ? [] : [{ sha256: await sha256(bytes), size: bytes.byteLength }]
    const at = Date.now()
    const id = crypto.randomUUID()
    const line = JSON.stringify({
      v: 1,
      kind,
      id,
      person: kind === 'boot' ? null : guard.id,
      tag,
      at: new Date(at).toISOString(),
      zone: 480,
      elapsed: Math.round(performance.now()),
      boot,
      data,
      photos: taken,
      ref: null,
    })
    const n = rows.length + 1
    const previous = rows.length === 0 ? '0'.repeat(64) : rows[rows.length - 1].hash
    const text = `campus-patrol-1\0${stream}\0${n}\0${previous}\0${line}`
    rows.push({ n, id, at, line, previous, hash: await sha256(new TextEncoder().encode(text)) })
    for (const photo of taken) {
      photos.push({ ...photo, type: 'image/jpeg', bytes, state: 'waiting', record: id, at })
    }
    return id
  }
  await write('boot', null, { reason: 'new', app: '0.1.0' }, null)
  await write('boot', null, { reason: 'enrolled', app: '0.1.0' }, null)
  await write('sign_in', null, { verified: true }, null)
  const round = await write('round_start', null, { route: null, night: pack.made_at.slice(0, 10) }, null)
  for (const record of records) {
    const bytes = record.photo === null ? null : Uint8Array.from(atob(record.photo), (one) => one.charCodeAt(0)).buffer
    const readings = { lights: { value: 'on', note: record.note } }
    const data = { place: null, method: 'typed', route: null, round, took_ms: 2100, readings }
    await write('checkpoint', record.tag, data, bytes)
  }

  const tx = db.transaction(['meta', 'outbox', 'photos', 'drafts', 'device', 'pack'], 'readwrite', { durability: 'strict' })
  for (const row of rows) tx.objectStore('outbox').add(row)
  for (const photo of photos) tx.objectStore('photos').put(photo)
  const now = Date.now()
  const next = rows.length + 1
  const head = rows[rows.length - 1].hash
  const chain = { stream, next, head, acked: 0, durable: 0, generation: null, safeAt: null, made: now, moves: 0 }
  tx.objectStore('meta').put(chain, 'chain')
  tx.objectStore('meta').put(now, 'selftest')
  tx.objectStore('device').put({ device, school: pack.school, token, serverKey }, 'device')
  tx.objectStore('device').put(keys.privateKey, 'key')
  tx.objectStore('pack').put(pack, 'current')
  tx.objectStore('drafts').put({ id: guard.id, active: now }, 'person')
  const mark = { value: 'on', note: 'half filled', phrases: [], photos: [], handled: null, grade: null, category: null }
  tx.objectStore('drafts').put({ tag: records[0].tag, method: 'typed', marks: { lights: mark } }, 'checklist')
  await new Promise((resolve, reject) => {
    tx.oncomplete = resolve
    tx.onabort = () => reject(tx.error)
  })
  db.close()
  localStorage.setItem('campus-patrol-store', JSON.stringify({ stream, seq: rows.length }))
}
