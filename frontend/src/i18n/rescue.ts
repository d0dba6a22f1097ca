import { words } from './i18n'
import { en } from './rescue.en'
import { zh } from './rescue.zh-CN'

/** The words of handing over in the current language; they come with their screen, after the first paint. */
export const t = words(zh, en)
