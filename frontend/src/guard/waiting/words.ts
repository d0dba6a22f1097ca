import { abnormalWords } from '../checklist/look'
import { checkpointData } from '../round'
import { t as guard } from '../../i18n/guard'
import { t } from '../../i18n/waiting'
import type { Pack, RecordView } from '../../outbox'

/** One line for a record in a list: the place and what was seen there, or what kind of record it is. */
export function recordWords(record: RecordView, pack: Pack | null): { title: string; detail: string } {
  const kind = t.kinds[record.kind] ?? record.kind
  if (record.kind !== 'checkpoint' || !pack) return { title: kind, detail: '' }
  const { place, readings } = checkpointData(record)
  const title = pack.places.find(({ id }) => id === place)?.name ?? guard.check.unknown
  const abnormal = pack.questions
    .filter(({ key, normal }) => readings[key] && readings[key].value !== normal)
    .map(({ key }) => key)
  const seen = abnormalWords(abnormal, pack) || t.allNormal
  const photos = record.photos.length ? ` · ${t.withPhotos(record.photos.length)}` : ''
  return { title, detail: seen + photos }
}
