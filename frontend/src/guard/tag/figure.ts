/**
 * The door at which this phone asks for the two digits beside the tag, once on a round: the place with the least
 * SHA-256 of key, phone, night, route and place, each after a NUL. The server chooses in the same way, so that a phone
 * that never asks is noticed; nobody knows the door before the round.
 */
export async function askedAt(
  choice: string,
  device: string,
  night: string,
  route: string,
  places: readonly string[],
): Promise<string | null> {
  let least = ''
  let chosen: string | null = null
  for (const place of places) {
    const text = [choice, device, night, route, place].join('\0')
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
    const rank = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
    if (chosen === null || rank < least) [least, chosen] = [rank, place]
  }
  return chosen
}
