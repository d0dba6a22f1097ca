import { beforeAll, describe, expect, test } from 'vitest'
import { setLanguage, startLanguage } from '../../i18n/i18n'
import { zh } from '../../i18n/guard.zh-CN'
import { en } from '../../i18n/guard.en'
import { en as waitingEn } from '../../i18n/waiting.en'
import { zh as waitingZh } from '../../i18n/waiting.zh-CN'
import type { Pack, PackPlace, PackQuestion, RecordView } from '../../outbox'
import { lastWords } from './look'
import { amend, cycle, type Marks, photosOf, readingsOf, togglePhrase } from './marks'
import { lastLook, questionsFor } from './questions'
import { fit } from './shrink'

const question = (key: string, kind: PackQuestion['kind'], zh: string, values: [string, string][]): PackQuestion => ({
  key,
  kind,
  zh,
  en: key,
  normal: values[0]![0],
  values: values.map(([value, zh]) => ({ value, zh, en: value })),
  category: key === 'hot_water' ? 'water' : null,
})

const AC = question('ac', 'ac', '空调', [['off', '已关'], ['on', '未关']])
const LIGHTS = question('lights', 'light', '电灯', [['off', '已关'], ['on', '未关']])
const DRIP = question('dripping', 'leak', '滴漏', [['no', '无滴漏'], ['yes', '有滴漏']])
const HOT = question('hot_water', 'hazard', '热水', [['ok', '正常'], ['fault', '异常']])
const HAZARD = question('hazard', 'hazard', '安全隐患', [['none', '无'], ['found', '有隐患']])

function room(change: Partial<PackPlace> = {}): PackPlace {
  return {
    id: 'p1',
    building: 'b1',
    floor: 3,
    kind: 'room',
    number: '302',
    name: '高一 4 班',
    type: null,
    questions: ['ac', 'lights', 'hazard'],
    last: null,
    ...change,
  }
}

const pack: Pack = {
  cursor: '1',
  made_at: '2026-11-22T12:00:00Z',
  school: { id: 's', name: '学校', zone: 'Asia/Shanghai', language: 'zh-CN' },
  people: [],
  buildings: [],
  places: [],
  tags: [],
  routes: [
    { id: 'r', name: '夜巡', start: '22:30', window: 60, weekdays: [7], questions: ['dripping', 'ac', 'unheard'], stops: ['p1'] },
  ],
  questions: [AC, LIGHTS, DRIP, HOT, HAZARD],
  findings: [],
}

const keys = (place: PackPlace | null, route: string | null) => questionsFor(pack, place, route).map(({ key }) => key)

describe('the questions of a place', () => {
  test('are its own, then those of the route that are not there yet', () => {
    expect(keys(room(), 'r')).toEqual(['ac', 'lights', 'hazard', 'dripping'])
  })
  test('are only its own off the route', () => {
    expect(keys(room({ id: 'elsewhere' }), 'r')).toEqual(['ac', 'lights', 'hazard'])
    expect(keys(room(), null)).toEqual(['ac', 'lights', 'hazard'])
  })
  test('of an unknown tag are enough for any room, as far as the pack explains them', () => {
    expect(keys(null, 'r')).toEqual(['ac', 'lights', 'hazard'])
  })
})

describe('a mark', () => {
  const photo = { sha256: 'a'.repeat(64), size: 3, type: 'image/jpeg' as const, bytes: new ArrayBuffer(3) }

  test('comes with one tap and goes with the next', () => {
    const once = cycle({}, AC)
    expect(once['ac']?.value).toBe('on')
    expect(cycle(once, AC)).toEqual({})
  })
  test('steps through every answer of a question that has three', () => {
    const three = question('x', 'light', '灯', [['off', '灭'], ['some', '部分'], ['all', '全亮']])
    const values = [1, 2, 3].map((taps) => {
      let marks: Marks = {}
      for (let i = 0; i < taps; i++) marks = cycle(marks, three)
      return marks['x']?.value
    })
    expect(values).toEqual(['some', 'all', undefined])
  })
  test('keeps what was added when another question is tapped', () => {
    const marks = cycle(amend(cycle({}, AC), 'ac', { note: '窗边那台' }), LIGHTS)
    expect(marks['ac']?.note).toBe('窗边那台')
  })
  test('says everything in the record, and a normal answer says nothing but itself', () => {
    let marks = cycle({}, AC)
    marks = amend(marks, 'ac', { handled: true, note: ' 靠窗 ', photos: [photo] })
    marks = togglePhrase(togglePhrase(marks, 'ac', '关不掉'), 'ac', '屋里还有人')
    expect(readingsOf([AC, LIGHTS], marks, '；')).toEqual({
      ac: { value: 'on', handled: true, note: '关不掉；屋里还有人；靠窗', photos: [photo.sha256] },
      lights: { value: 'off' },
    })
  })
  test('takes a phrase back with a second tap', () => {
    const marks = togglePhrase(togglePhrase(cycle({}, AC), 'ac', '关不掉'), 'ac', '关不掉')
    expect(marks['ac']?.phrases).toEqual([])
  })
  test('carries the category a question brings, and a hazard its grade', () => {
    const marks = cycle(cycle({}, HOT), HAZARD)
    expect(readingsOf([HOT, HAZARD], marks, '；')).toEqual({
      hot_water: { value: 'fault', category: 'water' },
      hazard: { value: 'found', grade: 'general' },
    })
  })
  test('sends a photo once that stands under two marks', () => {
    let marks = cycle(cycle({}, AC), LIGHTS)
    marks = amend(amend(marks, 'ac', { photos: [photo] }), 'lights', { photos: [photo] })
    expect(photosOf(marks)).toEqual([photo])
  })
})

describe('the last look', () => {
  const now = Date.parse('2026-11-22T15:41:00Z')
  beforeAll(() => startLanguage())

  const words = (at: string, abnormal: string[]) => lastWords({ at, abnormal }, pack, now, 'Asia/Shanghai')

  test('is said in one line', async () => {
    await setLanguage('zh-CN')
    expect(words('2026-11-21T15:41:00Z', ['ac'])).toBe('昨晚 23:41 空调未关')
    expect(words('2026-11-22T15:00:00Z', [])).toBe('今晚 23:00 正常')
    expect(words('2026-11-20T15:41:00Z', ['dripping', 'hazard'])).toBe('11月20日 23:41 有滴漏、有隐患')
    expect(lastWords(null, pack, now, 'Asia/Shanghai')).toBe('还没有看过')
  })
  test('is said in English too', async () => {
    await setLanguage('en')
    expect(words('2026-11-21T15:41:00Z', ['ac'])).toBe('Last night 23:41 ac on')
  })
  test('is this phone’s own when that is newer than the pack', () => {
    const place = room({ last: { at: '2026-11-21T15:00:00Z', abnormal: ['lights'], person_name: null } })
    const own: RecordView = {
      id: '1',
      n: 1,
      kind: 'checkpoint',
      at: '2026-11-22T15:00:00Z',
      person: null,
      tag: null,
      ref: null,
      data: { place: 'p1', readings: { ac: { value: 'on' }, lights: { value: 'off' } } },
      photos: [],
      state: 'waiting',
      code: null,
    }
    expect(lastLook(place, [own], pack)).toEqual({ at: own.at, abnormal: ['ac'] })
    expect(lastLook(place, [], pack)).toBe(place.last)
  })
})

describe('ready phrases', () => {
  test('stand in both languages for the same questions, as many in each', () => {
    const count = (phrases: Record<string, readonly string[]>) =>
      Object.fromEntries(Object.entries(phrases).map(([key, list]) => [key, list.length]))
    expect(count(en.check.phrases)).toEqual(count(zh.check.phrases))
    expect(Object.keys(en.check.handled)).toEqual(Object.keys(zh.check.handled))
    expect(Object.keys(waitingEn.kinds)).toEqual(Object.keys(waitingZh.kinds))
    expect(en.home.reasons.length).toBe(zh.home.reasons.length)
  })
})

describe('a photo', () => {
  test('fits the long side and never grows', () => {
    expect(fit(4000, 3000, 1600)).toEqual({ width: 1600, height: 1200 })
    expect(fit(3000, 4000, 1600)).toEqual({ width: 1200, height: 1600 })
    expect(fit(640, 480, 1600)).toEqual({ width: 640, height: 480 })
    expect(fit(9000, 2, 1600)).toEqual({ width: 1600, height: 1 })
  })
})
