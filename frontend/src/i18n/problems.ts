import { words } from './i18n'
import { en } from './problems.en'
import { type ProblemWords, zh } from './problems.zh-CN'

const sentences = words(zh, en)

/** The sentence for a problem code in the current language; an unknown code gets the general one. */
export function problemSentence(code: string): string {
  return code in zh ? sentences[code as keyof ProblemWords] : sentences.unknown
}
