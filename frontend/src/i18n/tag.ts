import { words } from './i18n'
import { en } from './tag.en'
import { zh } from './tag.zh-CN'

/** The words of placing a tag in the current language; they come with their screen, after the first paint. */
export const t = words(zh, en)
