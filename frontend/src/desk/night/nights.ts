/** Night arithmetic. A night is named by the date of its evening, YYYY-MM-DD, and lasts from noon to noon in the school's zone. */

const oneDay = 86_400_000

interface LocalTime {
  date: string
  hour: number
}

function localTime(at: Date, zone: string): LocalTime {
  const parts: Record<string, string> = {}
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23',
  })
  for (const part of format.formatToParts(at)) parts[part.type] = part.value
  return { date: `${parts['year']}-${parts['month']}-${parts['day']}`, hour: Number(parts['hour']) }
}

/** A calendar date moved by whole days. */
export function shifted(night: string, days: number): string {
  return new Date(Date.parse(`${night}T00:00:00Z`) + days * oneDay).toISOString().slice(0, 10)
}

/** The night an instant belongs to: 00:40 on the 23rd is still the night of the 22nd. */
export function nightOf(at: Date, zone: string): string {
  const { date, hour } = localTime(at, zone)
  return hour < 12 ? shifted(date, -1) : date
}

/** True for a real calendar date written YYYY-MM-DD. */
export function isNight(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** The night to open when none was asked for: tonight once it has a record, before that the last night that has one.
 *  `recorded` = nights with checkpoints, newest first. */
export function nightToShow(now: Date, zone: string, recorded: readonly string[]): string {
  const tonight = nightOf(now, zone)
  return recorded.find((night) => night <= tonight) ?? tonight
}

/** How many nights ago, 0 for tonight; negative for one to come. */
export function nightsAgo(night: string, now: Date, zone: string): number {
  return Math.round((Date.parse(`${nightOf(now, zone)}T00:00:00Z`) - Date.parse(`${night}T00:00:00Z`)) / oneDay)
}
