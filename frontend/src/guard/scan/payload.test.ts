import { describe, expect, test } from 'vitest'
import { checkCode, checkShort, parsePayload, tagHash } from './payload'

// Drawn by qr_codes/payload.py, so that both sides agree on the check characters.
const CODES = ['1428W3D1E8', '4QCSWGS5PZ', '8B0TARH712', 'F0Q23M23HR', '6RQMQZPW55', '72TRGDVJ96']
const SHORTS = ['643960', '743179', '401929', '486384', '889789', '839190']

describe('check characters', () => {
  test.each(CODES)('%s is right as the printing side made it', (code) => expect(checkCode(code)).toBe(true))
  test.each(SHORTS)('%s is right as the printing side made it', (short) => expect(checkShort(short)).toBe(true))

  test('one wrong character anywhere in a code is noticed', () => {
    for (const code of CODES)
      for (let at = 0; at < code.length; at += 1)
        for (const other of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
          if (other === code[at]) continue
          expect(checkCode(code.slice(0, at) + other + code.slice(at + 1))).toBe(false)
        }
  })

  test('one wrong digit anywhere in a short number is noticed', () => {
    for (const short of SHORTS)
      for (let at = 0; at < short.length; at += 1)
        for (const other of '0123456789') {
          if (other === short[at]) continue
          expect(checkShort(short.slice(0, at) + other + short.slice(at + 1))).toBe(false)
        }
  })
})

describe('a text means', () => {
  test.each([
    ['HTTPS://NIGHT.EXAMPLE/1428W3D1E8', 'night.example'],
    ['https://night.example/1428w3d1e8', 'night.example'],
    ['HTTPS://NIGHT.EXAMPLE:8443/1428W3D1E8', 'night.example:8443'],
    ['HTTP://LOCALHOST:8000/1428W3D1E8', 'localhost:8000'],
    ['  https://night.example/1428W3D1E8/\n', 'night.example'],
    ['1428w3d1e8', null],
    ['\uff11\uff14\uff12\uff18W3D1E8', null],
  ])('the tag 1428W3D1E8: %s', (text, host) => {
    expect(parsePayload(text)).toEqual({ kind: 'code', code: '1428W3D1E8', host })
  })

  test.each(['643960', '643 960', '643\u2009960', '643-960', ' 643960 ', '\uff16\uff14\uff13\uff19\uff16\uff10'])(
    'the short number 643960: %s',
    (text) => expect(parsePayload(text)).toEqual({ kind: 'short', short: '643960' }),
  )

  test('an enrolment, on the start page or on a tag\u2019s address', () => {
    const code = 'ABCDEFGHJKMNPQRSTVWXYZ0123'
    const enrolment = { kind: 'enrol', code, host: 'night.example' }
    expect(parsePayload(`https://night.example/#enrol=${code}`)).toEqual(enrolment)
    expect(parsePayload(`HTTPS://NIGHT.EXAMPLE/1428W3D1E8#enrol=${code}`)).toEqual(enrolment)
  })
  test('a rescue code', () => {
    const code = 'ABCDEFGHIJKLMNOPQRSTUVW234'
    expect(parsePayload(`https://night.example/#rescue=${code}`)).toEqual({ kind: 'rescue', code, host: 'night.example' })
  })

  test.each(['https://night.example/1428W3D1E9', '1428W3D1E9', '643961'])('a misread of a tag: %s', (text) => {
    expect(parsePayload(text)).toEqual({ kind: 'foreign', what: 'misread' })
  })

  test.each([
    'https://shop.example/spring-sale',
    'https://night.example/',
    'https://night.example/desk/people',
    'https://user@night.example/1428W3D1E8',
    'https://night.example/1428W3D1E8?next=//evil.example',
    'https://night.example/ILOUILOUIL',
    `https://${'a'.repeat(4000)}.example/1428W3D1E8`,
  ])('a foreign address: %s', (text) => expect(parsePayload(text)).toEqual({ kind: 'foreign', what: 'url' }))

  test.each([
    '',
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    'WIFI:S:school;T:WPA;P:secret;;',
    '1428W3D1E8\u0000',
    'x'.repeat(4096),
  ])('nothing of ours: %s', (text) => expect(parsePayload(text)).toEqual({ kind: 'foreign', what: 'text' }))
})

test('the hash of a tag is the one the server puts into the pack', async () => {
  // hashlib.sha256(b"campus-patrol-tag\0" + school + b"\0" + code).hexdigest()[:32]
  const school = '0193f2c0-7b4a-7d1e-8a55-3f1f7a0c1e11'
  expect(await tagHash(school, '1428W3D1E8')).toBe('7e9640fbdfc801e27bc8e0fe23d7cf86')
  expect(await tagHash(school, '643960')).toBe('d3f6e71bc49b545da03431151d33da11')
})
