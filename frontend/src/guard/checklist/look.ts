import { clockTime, dayAndTime, pick } from '../../i18n/i18n'
import { t } from '../../i18n/guard'
import type { Pack } from '../../outbox'
import { nightOf, shiftDate } from '../round'
import { abnormalAnswer, type LastLook } from './questions'

/** 今晚 23:41, 昨晚 23:41, or 11月20日 23:41: when an earlier look was, seen from now. */
export function whenWords(at: string, now: number, zone: string): string {
  const night = nightOf(Date.parse(at), zone)
  const tonight = nightOf(now, zone)
  if (night === tonight) return t.check.tonight(clockTime(at, zone))
  if (night === shiftDate(tonight, -1)) return t.check.lastNight(clockTime(at, zone))
  return dayAndTime(at, zone)
}

/** 空调未关, 电灯未关: what was wrong, in the words of the questions. */
export function abnormalWords(keys: readonly string[], pack: Pack): string {
  const said = pack.questions
    .filter(({ key }) => keys.includes(key))
    .map((question) => {
      const answer = abnormalAnswer(question)
      return answer ? t.check.said(pick(question), pick(answer)) : pick(question)
    })
  return said.join(t.check.listJoint)
}

/** The grey line under the place: 昨晚 23:41 空调未关. */
export function lastWords(last: LastLook | null, pack: Pack, now: number, zone: string): string {
  if (!last) return t.check.lastNever
  const when = whenWords(last.at, now, zone)
  const what = abnormalWords(last.abnormal, pack)
  return what ? t.check.lastAbnormal(when, what) : t.check.lastNormal(when)
}
