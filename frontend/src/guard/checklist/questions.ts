import type { Pack, PackPlace, PackQuestion, RecordView } from '../../outbox'
import { checkpointData, standing } from '../round'

/** What is asked at a place that this phone does not know: enough for any room. */
const UNKNOWN_PLACE = ['ac', 'lights', 'running', 'hazard']

/**
 * The questions of a place on a route: the place's own, then those the route adds, each once and in the pack's order
 * of the place. A key that the pack does not explain is left out: there would be no words for it.
 */
export function questionsFor(pack: Pack, place: PackPlace | null, routeId: string | null): PackQuestion[] {
  const route = pack.routes.find(({ id }) => id === routeId)
  const onRoute = place && route?.stops.includes(place.id) ? route.questions : []
  const keys = [...(place?.questions ?? UNKNOWN_PLACE), ...onRoute]
  const known = new Map(pack.questions.map((question) => [question.key, question]))
  return [...new Set(keys)].flatMap((key) => known.get(key) ?? [])
}

/** What the place looked like last time: by this phone when that is newer than what the pack says. */
export interface LastLook {
  readonly at: string
  readonly abnormal: readonly string[]
}

export function lastLook(place: PackPlace, records: readonly RecordView[], pack: Pack): LastLook | null {
  const own = standing(records).filter((record) => checkpointData(record).place === place.id)
  const newest = own[own.length - 1]
  if (!newest || (place.last && Date.parse(place.last.at) >= Date.parse(newest.at))) return place.last
  const normal = new Map(pack.questions.map(({ key, normal }) => [key, normal]))
  const { readings } = checkpointData(newest)
  return {
    at: newest.at,
    abnormal: Object.keys(readings).filter((key) => readings[key]?.value !== normal.get(key)),
  }
}

/** The answer that stands for "something is wrong" in a sentence about an earlier look. */
export function abnormalAnswer(question: PackQuestion): { zh: string; en: string } | null {
  return question.values.find(({ value }) => value !== question.normal) ?? null
}
