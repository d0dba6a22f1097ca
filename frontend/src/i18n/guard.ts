import type { GuardWords } from './guard.zh-CN'
import { fetchedWords } from './i18n'
import type { PhoneProblemWords } from './problems.phone.zh-CN'

/** The words of the guard page in the current language. */
export const t = fetchedWords<GuardWords>({
  'zh-CN': () => import('./phone.zh-CN').then(({ guard }) => guard),
  en: () => import('./phone.en').then(({ guard }) => guard),
})

const sentences = fetchedWords<PhoneProblemWords>({
  'zh-CN': () => import('./phone.zh-CN').then(({ problems }) => problems),
  en: () => import('./phone.en').then(({ problems }) => problems),
})

/** The sentence for a code that the phone met; an unknown code gets the general one. */
export function phoneProblem(code: string): string {
  return sentences[code as keyof PhoneProblemWords] ?? sentences.unknown
}
