import { en } from './guard.en'
import { zh } from './guard.zh-CN'
import { words } from './i18n'

/** The words of the guard page in the current language. */
export const t = words(zh, en)
