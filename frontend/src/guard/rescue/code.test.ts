import { expect, test } from 'vitest'
import { typedCode } from './code'

const CODE = 'ABCDEFGHIJKLMNOPQRSTUVW234'

test('a rescue code is understood as typed from the screen, in groups, in small letters, or as the whole address', () => {
  for (const text of [
    CODE,
    ` ${CODE.toLowerCase()} `,
    CODE.replace(/(.{4})/g, '$1 '),
    CODE.replace(/(.{4})/g, '$1-'),
    `https://night.example/#rescue=${CODE}`,
  ]) {
    expect(typedCode(text), text).toBe(CODE)
  }
})

test('anything else is not', () => {
  for (const text of ['', CODE.slice(1), `${CODE}A`, CODE.replace('A', '1'), `https://night.example/#enrol=${CODE}`]) {
    expect(typedCode(text), text).toBeNull()
  }
})
