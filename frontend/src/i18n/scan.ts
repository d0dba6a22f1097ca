import { fetchedWords } from './i18n'
import type { ScanWords } from './scan.zh-CN'

/** The words of the scan screen in the current language. */
export const t = fetchedWords<ScanWords>({
  'zh-CN': () => import('./phone.zh-CN').then(({ scan }) => scan),
  en: () => import('./phone.en').then(({ scan }) => scan),
})
