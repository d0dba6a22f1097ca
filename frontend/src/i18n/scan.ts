import { words } from './i18n'
import { en } from './scan.en'
import { zh } from './scan.zh-CN'

/** The words of the scan screen in the current language. */
export const t = words(zh, en)
