import { expect, test } from 'vitest'
import type { PackPlace } from '../../outbox'
import { findPlaces } from './find'

const place = (number: string, name: string, building = 'b1'): PackPlace => ({
  id: number,
  building,
  floor: 3,
  kind: 'room',
  number,
  name,
  type: null,
  questions: [],
  last: null,
})

const BUILDINGS = new Map([
  ['b1', '明德楼'],
  ['b2', '致远楼'],
])
const PLACES = [
  place('A101', '七（1）班'),
  place('A213', '七（2）班'),
  place('A321', '七（3）班'),
  place('A3201', '物理实验室'),
  place('B1321', '语音室', 'b2'),
  place('B321', '美术室', 'b2'),
  place('A1-水东', '一层东侧洗手台'),
]
const found = (asked: string, near: string[] = []) => findPlaces(PLACES, BUILDINGS, asked, near).map(({ id }) => id)

test('the digits of a room find it first, however they are typed', () => {
  for (const asked of ['321', '3 2 1', '３２１', '3-2-1']) {
    expect(found(asked)).toEqual(['A321', 'B321', 'B1321', 'A3201'])
  }
})
test('what lies next on the route comes before what fits as well', () => {
  expect(found('321', ['B321']).slice(0, 2)).toEqual(['B321', 'A321'])
  // But not before what fits better.
  expect(found('321', ['B1321'])[0]).toBe('A321')
})
test('half a number finds all that may be meant, and a wrong one nothing', () => {
  expect(found('21')).toContain('A213')
  expect(found('999')).toEqual([])
})
test('letters and Chinese are looked for in number, name and building', () => {
  expect(found('a321')).toEqual(['A321', 'A3201'])
  expect(found('致远 321')).toEqual(['B321', 'B1321'])
  expect(found('水东')).toEqual(['A1-水东'])
  expect(found('实验室')).toEqual(['A3201'])
})
test('without a question only the likely places are shown, in their order', () => {
  expect(found('', ['B321', 'gone', 'A101'])).toEqual(['B321', 'A101'])
  expect(found('  ')).toEqual([])
})
