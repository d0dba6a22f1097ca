/** What a scanned, typed or opened text means. Pure; a text that is none of ours is never shown as a link. */

export type Payload =
  | { readonly kind: 'code'; readonly code: string; readonly host: string | null }
  | { readonly kind: 'short'; readonly short: string }
  | { readonly kind: 'enrol' | 'rescue'; readonly code: string; readonly host: string }
  | { readonly kind: 'foreign'; readonly what: 'url' | 'text' | 'misread' }

const TAG_URL = /^https?:\/\/([^/?#\s@\\]{1,255})\/([0-9a-z]{10})\/?$/i
const DESK_URL = /^https?:\/\/([^/?#\s@\\]{1,255})\/(?:[0-9a-z]{10})?#(enrol|rescue)=([0-9a-z]{16,64})$/i
const CODE = /^[0-9A-HJKMNP-TV-Z]{10}$/
const SHORT = /^[0-9]{6}$/
const CHECK_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** No payload of ours comes near this; a QR symbol may hold 4 kB of anything. */
const LONGEST = 400

/** Recognise a text as a tag's code, a tag's short number, a one-time code of the desk, or nothing of ours. */
export function parsePayload(text: string): Payload {
  if (text.length > LONGEST) return { kind: 'foreign', what: /^\s*https?:/i.test(text) ? 'url' : 'text' }
  const trimmed = text.normalize('NFKC').trim()

  const desk = DESK_URL.exec(trimmed)
  if (desk) {
    const kind = desk[2]!.toLowerCase() as 'enrol' | 'rescue'
    return { kind, code: desk[3]!, host: desk[1]!.toLowerCase() }
  }

  const tag = TAG_URL.exec(trimmed)
  if (tag) {
    const code = tag[2]!.toUpperCase()
    if (checkCode(code)) return { kind: 'code', code, host: tag[1]!.toLowerCase() }
    // Ten characters of our alphabet with a wrong check character are a misread of one of ours far more
    // often than a foreign address; the next camera frame settles it.
    return { kind: 'foreign', what: CODE.test(code) ? 'misread' : 'url' }
  }
  if (/^https?:/i.test(trimmed)) return { kind: 'foreign', what: 'url' }

  const bare = trimmed.toUpperCase()
  if (checkCode(bare)) return { kind: 'code', code: bare, host: null }
  const digits = trimmed.replace(/[\s\-\u2010-\u2015\u2212]/g, '')
  if (checkShort(digits)) return { kind: 'short', short: digits }
  return { kind: 'foreign', what: CODE.test(bare) || SHORT.test(digits) ? 'misread' : 'text' }
}

/** Whether these are 10 characters of our alphabet whose last one is the ISO/IEC 7064 MOD 37,36 check character. */
export function checkCode(code: string): boolean {
  return CODE.test(code) && hybridCheck(code, 36)
}

/** Whether these are 6 digits whose last one is the ISO/IEC 7064 MOD 11,10 check digit. */
export function checkShort(short: string): boolean {
  return SHORT.test(short) && hybridCheck(short, 10)
}

/** ISO/IEC 7064 hybrid system MOD m+1,m, check character included. */
function hybridCheck(text: string, m: number): boolean {
  let product = m
  for (const character of text.slice(0, -1)) {
    const sum = (product + CHECK_ALPHABET.indexOf(character)) % m || m
    product = (sum * 2) % (m + 1)
  }
  return (product + CHECK_ALPHABET.indexOf(text.slice(-1))) % m === 1
}

/**
 * The hash whose beginning lists a tag in the offline pack: phones never hold the codes themselves.
 * Lower hex of the first 16 bytes of SHA-256("campus-patrol-tag" NUL school NUL code or short number).
 */
export async function tagHash(schoolId: string, codeOrShort: string): Promise<string> {
  const bytes = new TextEncoder().encode(`campus-patrol-tag\0${schoolId}\0${codeOrShort}`)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).subarray(0, 16)
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
