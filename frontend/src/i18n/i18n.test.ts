import { beforeEach, describe, expect, test } from 'vitest'
import { bytes, chooseLanguage, clockTime, day, dayAndTime, number, setLanguage } from './i18n'
import { en as deskEn } from './desk.en'
import { zh as deskZh } from './desk.zh-CN'
import { en as enrolEn } from './enrol.en'
import { zh as enrolZh } from './enrol.zh-CN'
import { en as guardEn } from './guard.en'
import { zh as guardZh } from './guard.zh-CN'
import { en as problemsEn } from './problems.en'
import { en as phoneProblemsEn } from './problems.phone.en'
import { zh as phoneProblemsZh } from './problems.phone.zh-CN'
import { zh as problemsZh } from './problems.zh-CN'
import { en as rescueEn } from './rescue.en'
import { zh as rescueZh } from './rescue.zh-CN'
import { en as scanEn } from './scan.en'
import { zh as scanZh } from './scan.zh-CN'
import { en as tagEn } from './tag.en'
import { zh as tagZh } from './tag.zh-CN'
import { en as waitingEn } from './waiting.en'
import { zh as waitingZh } from './waiting.zh-CN'

describe('the language', () => {
  test('is the saved one, else the first the browser asks for that we speak, else Chinese', () => {
    expect(chooseLanguage('en', ['zh-CN'])).toBe('en')
    expect(chooseLanguage(null, ['fr', 'en-GB', 'zh'])).toBe('en')
    expect(chooseLanguage(null, ['zh-Hant-TW', 'en'])).toBe('zh-CN')
    expect(chooseLanguage('tlh', ['fr'])).toBe('zh-CN')
  })
})

describe('times and figures', () => {
  const at = '2026-11-22T15:41:09Z'
  beforeEach(() => setLanguage('zh-CN'))

  test('are those of the school, whatever the phone is set to', () => {
    expect(clockTime(at, 'Asia/Shanghai')).toBe('23:41')
    expect(clockTime('2026-11-22T16:05:00Z', 'Asia/Shanghai')).toBe('00:05')
    expect(day('2026-11-22')).toBe('11月22日 周日')
    expect(dayAndTime(at, 'Asia/Shanghai')).toBe('11月22日 23:41')
  })
  test('are plain in English', async () => {
    await setLanguage('en')
    expect(day('2026-11-22')).toBe('Sun 22 Nov')
    expect(dayAndTime(at, 'Asia/Shanghai')).toBe('22 Nov 23:41')
    expect(number(12345.67, 1)).toBe('12,345.7')
  })
  test('say a size as people do', () => {
    expect(bytes(312_400)).toBe('312 kB')
    expect(bytes(1_440_000)).toBe('1.4 MB')
  })
})

type Saying = (...words: (string | string[])[]) => string

function said(say: Saying, sample: string): string {
  try {
    return String(say(sample, sample, sample, sample))
  } catch {
    // It joins a list.
    return String(say([sample, sample], [sample]))
  }
}

/** Every sentence of a dictionary by its path; a function says one for a figure and one for a Chinese word. */
function sentences(words: object, path = ''): [string, string][] {
  return Object.entries(words).flatMap(([key, value]): [string, string][] => {
    const here = `${path}${key}`
    if (typeof value === 'string') return [[here, value]]
    if (typeof value !== 'function') return sentences(value as object, `${here}.`)
    return ['2', '甲乙'].map((sample) => [here, said(value as Saying, sample)])
  })
}

const CHINESE = { guard: guardZh, scan: scanZh, desk: deskZh, problems: problemsZh, rescue: rescueZh, enrol: enrolZh, tag: tagZh, waiting: waitingZh, phoneProblems: phoneProblemsZh }
const ENGLISH = { guard: guardEn, scan: scanEn, desk: deskEn, problems: problemsEn, rescue: rescueEn, enrol: enrolEn, tag: tagEn, waiting: waitingEn, phoneProblems: phoneProblemsEn }

describe('the dictionaries', () => {
  test('leave no word empty', () => {
    for (const [path, sentence] of [...sentences(CHINESE), ...sentences(ENGLISH)]) {
      expect(sentence.trim(), path).not.toBe('')
    }
  })
  test('have no Chinese left in English, but for the names of the language and of a sheet', () => {
    const chinese = sentences(ENGLISH).filter(([, sentence]) => /[\u3400-\u9fff]/.test(sentence.replace(/[甲乙]/g, '')))
    const names = ['guard.languages.zh-CN', 'desk.me.otherLanguage', 'desk.rounds.emptyWhy']
    expect(chinese.filter(([path]) => !names.includes(path))).toEqual([])
  })
  test('use full-width marks beside Chinese, never shout, and have no 您', () => {
    const wrong = sentences(CHINESE).filter(([, sentence]) =>
      /[\u3400-\u9fff\u300c-\u300f\uff08\uff09] ?[,;:?!()]|[,;:?!()] ?[\u3400-\u9fff\u300c-\u300f]|[!\uff01您]/.test(sentence),
    )
    expect(wrong).toEqual([])
  })
  test('tell a guard the way on the desk by the words that stand there', () => {
    expect(enrolZh.steps[0]).toContain(`「${deskZh.nav.people}」，选「${deskZh.people.tabs.phones}」，点「${deskZh.phones.enrol}」`)
    expect(enrolEn.steps[0]).toContain(
      `open ${deskEn.nav.people} on the desk, then ${deskEn.people.tabs.phones}, and choose ${deskEn.phones.enrol}`,
    )
    expect(rescueZh.steps[0]).toContain(`「${deskZh.nav.people}」，选「${deskZh.people.tabs.aside}」，点「${deskZh.rescues.take}」`)
    expect(rescueEn.steps[0]).toContain(
      `open ${deskEn.nav.people} on the desk, then ${deskEn.people.tabs.aside}, and choose ${deskEn.rescues.take}`,
    )
  })
})
