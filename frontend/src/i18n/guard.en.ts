import type { GuardWords } from './guard.zh-CN'

export const en: GuardWords = {
  app: 'Night Patrol',
}
