import { beforeEach, describe, expect, test } from 'vitest'
import { bytes, chooseLanguage, clockTime, day, dayAndTime, number, setLanguage } from './i18n'
import { en as guardEn } from './guard.en'
import { zh as guardZh } from './guard.zh-CN'
import { en as problemsEn } from './problems.en'
import { zh as problemsZh } from './problems.zh-CN'

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

/** Every word of a dictionary by its path; a function is called with figures. */
function sentences(words: object, path = ''): [string, string][] {
  return Object.entries(words).flatMap(([key, value]): [string, string][] => {
    const here = `${path}${key}`
    if (typeof value === 'string') return [[here, value]]
    if (typeof value === 'function') return [[here, String((value as (...args: string[]) => string)('2', '3'))]]
    return sentences(value as object, `${here}.`)
  })
}

describe('the dictionaries', () => {
  test('leave no word empty', () => {
    for (const words of [guardZh, guardEn, problemsZh, problemsEn]) {
      for (const [path, sentence] of sentences(words)) expect(sentence.trim(), path).not.toBe('')
    }
  })
  test('have no Chinese left in English, but for the name of the language', () => {
    const chinese = [...sentences(guardEn), ...sentences(problemsEn)].filter(([, sentence]) => /[\u3400-\u9fff]/.test(sentence))
    expect(chinese.map(([path]) => path)).toEqual(['languages.zh-CN'])
  })
  test('use Chinese punctuation in Chinese, never shout, and have no 您', () => {
    const wrong = [...sentences(guardZh), ...sentences(problemsZh)].filter(([, sentence]) =>
      /[\u3400-\u9fff][,;:?!]|[!\uff01您]/.test(sentence),
    )
    expect(wrong).toEqual([])
  })
})
