/** Ids and the hash chain of PROTOCOL.md: the same bytes give the same hash on the phone and on the server. */
import type { World } from './world'

export const ZERO_HASH = '0'.repeat(64)

const encoder = new TextEncoder()

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** Throws on text that is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text)
  const bytes = new Uint8Array(raw.length)
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i)
  return bytes
}

/** Hash of the bytes as 64 lower-case hex digits; throws in an insecure context, where there is no WebCrypto. */
export async function sha256(world: World, bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): Promise<string> {
  if (world.subtle === null) throw new Error('no WebCrypto: not a secure context')
  return hex(new Uint8Array(await world.subtle.digest('SHA-256', bytes)))
}

/** h[n] of PROTOCOL.md; `line` without its newline. */
export function link(world: World, stream: string, n: number, previous: string, line: string): Promise<string> {
  return sha256(world, utf8(`campus-patrol-1\0${stream}\0${n}\0${previous}\0${line}`))
}

/** 128 random bits; made with the database, so that a wiped database never reuses a number. */
export function newStream(world: World): string {
  return hex(world.random(16))
}

/** UUIDv7 (RFC 9562): 48 bits of milliseconds, then chance. */
export function newId(world: World): string {
  const bytes = world.random(16)
  let rest = Math.max(0, world.now())
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const text = hex(bytes)
  return [8, 12, 16, 20].reduceRight((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, text)
}

/** How the pack names a tag without giving its code away: 32 hex digits of a code or short code as printed. */
export async function tagHash(world: World, school: string, code: string): Promise<string> {
  return (await sha256(world, utf8(`campus-patrol-tag\0${school}\0${code}`))).slice(0, 32)
}
