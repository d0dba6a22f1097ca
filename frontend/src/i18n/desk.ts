import { en } from './desk.en'
import { zh } from './desk.zh-CN'
import { words } from './i18n'

/** The words of the desk page in the current language. */
export const t = words(zh, en)
