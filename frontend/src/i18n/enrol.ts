import { en } from './enrol.en'
import { zh } from './enrol.zh-CN'
import { words } from './i18n'

/** The words of enrolling in the current language; they come with their screen, after the first paint. */
export const t = words(zh, en)
