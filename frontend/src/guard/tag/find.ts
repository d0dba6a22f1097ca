import type { PackPlace } from '../../outbox'

/** How well a place's digits answer those asked for: less is better, null is no answer. */
function fit(digits: string, place: PackPlace): number | null {
  const number = (place.number ?? '').replace(/\D/g, '')
  if (number === digits) return 0
  if (number.endsWith(digits)) return 1
  if (number.startsWith(digits)) return 2
  if (number.includes(digits)) return 3
  if (place.name.replace(/\D/g, '').includes(digits)) return 4
  let from = 0
  for (const digit of digits) {
    from = number.indexOf(digit, from) + 1
    if (from === 0) return null
  }
  return 5
}

/**
 * The places that a guard may mean, the likeliest first: "321" and "3 2 1" find A321 before B1321, and both before a
 * number that has the digits with others between; letters and Chinese must stand in the number, the name or the
 * building's name.
 *
 * @param near ids of places a guard is likely to stand at, which come first among equals, and alone for no question
 */
export function findPlaces(
  places: readonly PackPlace[],
  buildings: ReadonlyMap<string, string>,
  asked: string,
  near: readonly string[],
): PackPlace[] {
  const text = asked.normalize('NFKC').toUpperCase()
  const words = text.match(/[^\s\d\-]+/g) ?? []
  const digits = text.replace(/\D/g, '')
  const rank = new Map(near.map((id, position) => [id, position]))
  if (words.length === 0 && digits === '') {
    return near.flatMap((id) => places.find((place) => place.id === id) ?? [])
  }
  return places
    .flatMap((place) => {
      const said = `${place.number ?? ''} ${place.name} ${buildings.get(place.building) ?? ''}`.toUpperCase()
      const score = words.every((word) => said.includes(word)) ? (digits === '' ? 0 : fit(digits, place)) : null
      return score === null ? [] : [{ place, score, rank: rank.get(place.id) ?? near.length }]
    })
    .sort((a, b) => a.score - b.score || a.rank - b.rank)
    .map(({ place }) => place)
}
