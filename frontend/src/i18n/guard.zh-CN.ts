export const zh = {
  app: '夜巡',
}
export type GuardWords = typeof zh
