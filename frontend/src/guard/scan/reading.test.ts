import { describe, expect, test } from 'vitest'
import { Gate, choose } from './reading'

const TAG = 'HTTPS://NIGHT.EXAMPLE/1428W3D1E8'
const HOST = 'night.example'

describe('among the codes in one picture', () => {
  test('ours is taken even when a poster was read first', () => {
    const found = choose(['https://poster.example/win', TAG], 'tag', HOST)
    expect(found).toEqual({ is: 'read', tag: '1428W3D1E8', kind: 'code', otherHost: false })
  })

  test('an empty picture is nothing, not a refusal', () => {
    expect(choose([], 'tag', HOST)).toEqual({ is: 'nothing' })
  })

  test('a poster alone is refused', () => {
    expect(choose(['https://poster.example/win'], 'tag', HOST)).toEqual({ is: 'refused', why: 'notOurs' })
  })

  test('an enrolment code on a round, and a tag during enrolment, are told apart from strangers', () => {
    const enrolment = 'https://night.example/#enrol=ABCDEFGHJKMNPQRSTVWXYZ0123'
    expect(choose([enrolment], 'tag', HOST)).toEqual({ is: 'refused', why: 'enrolInstead' })
    expect(choose([TAG], 'enrol', HOST)).toEqual({ is: 'refused', why: 'tagInstead' })
    expect(choose([enrolment], 'enrol', HOST)).toMatchObject({ is: 'read', kind: 'enrol' })
    expect(choose([enrolment], 'rescue', HOST)).toEqual({ is: 'refused', why: 'otherCode' })
    const rescue = enrolment.replace('#enrol', '#rescue')
    expect(choose([rescue], 'rescue', HOST)).toMatchObject({ is: 'read', kind: 'rescue' })
    expect(choose([rescue], 'tag', HOST)).toEqual({ is: 'refused', why: 'enrolInstead' })
  })

  test('the clearest reason wins over a stranger beside it', () => {
    const enrolment = 'https://night.example/#enrol=ABCDEFGHJKMNPQRSTVWXYZ0123'
    expect(choose(['hello', enrolment], 'tag', HOST)).toEqual({ is: 'refused', why: 'enrolInstead' })
  })

  test('a tag that names another host is read, and says so', () => {
    expect(choose([TAG], 'tag', 'other.example')).toMatchObject({ is: 'read', otherHost: true })
  })

  test('a wrong check character is a misread', () => {
    expect(choose(['HTTPS://NIGHT.EXAMPLE/1428W3D1E9'], 'tag', HOST)).toEqual({ is: 'refused', why: 'misread' })
  })
})

describe('the same tag', () => {
  test('is ignored for three seconds and then taken again', () => {
    const gate = new Gate()
    expect(gate.open('A', 1000)).toBe(true)
    gate.hold('A', 1000)
    expect(gate.open('A', 3999)).toBe(false)
    expect(gate.open('A', 4000)).toBe(true)
  })

  test('is ignored for three seconds from the moment the camera looks again', () => {
    const gate = new Gate()
    gate.hold('A', 1000)
    gate.resume(60_000)
    expect(gate.open('A', 61_000)).toBe(false)
    expect(gate.open('A', 63_000)).toBe(true)
  })

  test('does not hold back another', () => {
    const gate = new Gate()
    gate.hold('A', 1000)
    expect(gate.open('B', 1001)).toBe(true)
  })
})
