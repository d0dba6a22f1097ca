import { words } from './i18n'
import { en } from './waiting.en'
import { zh } from './waiting.zh-CN'

/** The words of what waits on the phone in the current language; they come with their screen, after the first paint. */
export const t = words(zh, en)
