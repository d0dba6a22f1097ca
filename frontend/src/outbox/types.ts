/** Shapes that pass between the outbox and the screens, and between the phone and the server. */

export type Kind =
  | 'checkpoint'
  | 'round_start'
  | 'round_end'
  | 'finding'
  | 'repair_step'
  | 'spot_check_answer'
  | 'handover'
  | 'notice_read'
  | 'correction'
  | 'tag_placed'
  | 'void'
  | 'sign_in'
  | 'sign_out'
  | 'boot'
  | 'sos'
  | 'parked'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }
export type JsonObject = { readonly [key: string]: Json | undefined }

export interface PhotoRef {
  readonly sha256: string
  readonly size: number
}

/** What a screen hands over; the outbox adds id, time, zone, elapsed and boot. */
export interface NewRecord {
  readonly kind: Kind
  readonly person: string | null
  readonly tag: string | null
  readonly data: JsonObject
  readonly ref?: string | null
}

export type PhotoType = 'image/jpeg' | 'image/png' | 'image/webp'

export interface NewPhoto extends PhotoRef {
  readonly type: PhotoType
  /** Never a Blob: Safari has emptied stored Blobs. */
  readonly bytes: ArrayBuffer
}

export interface Saved {
  readonly id: string
  readonly stream: string
  readonly n: number
  readonly at: string
  /** Photos whose bytes found no room or did not read back: say "photo not saved". */
  readonly photosLost: readonly string[]
}

export interface RecordView {
  readonly id: string
  readonly n: number
  readonly kind: Kind
  readonly at: string
  readonly person: string | null
  readonly tag: string | null
  readonly ref: string | null
  readonly data: JsonObject
  readonly photos: readonly PhotoRef[]
  readonly state: 'waiting' | 'safe' | 'aside'
  readonly code: string | null
}

/** Something the server will not take in: kept here, visible and exportable, never thrown away. */
export interface AsideItem {
  readonly key: string
  readonly what: 'record' | 'photo'
  readonly id: string
  readonly code: string
  readonly at: number
  readonly line: string | null
  readonly sha256: string | null
  /** The server holds the bytes in its quarantine; false when this phone has the only copy. */
  readonly onServer: boolean
  /** Whether sending it once more may help: a newer server, or one with a higher limit, would take it. */
  readonly again: boolean
}

export interface Receipt {
  readonly stream: string
  readonly ack: number
  readonly ack_hash: string
  readonly durable: number
  readonly generation: string
  readonly server_time: string
  readonly signature: string
  /** null when this browser or the enrolment has no key to check it with. */
  readonly verified: boolean | null
  readonly at: number
}

export type StorageReason = 'missing' | 'no_crypto' | 'broken' | 'full' | 'newer_tab'

export type Trouble =
  | { readonly kind: 'storage'; readonly reason: StorageReason; readonly detail: string }
  | { readonly kind: 'signed_out'; readonly code: string; readonly at: number }
  | { readonly kind: 'unsigned'; readonly at: number }
  | { readonly kind: 'log'; readonly day: string; readonly number: number; readonly at: number }
  | {
      readonly kind: 'lost'
      readonly stream: string
      readonly records: number
      readonly at: number
      readonly back?: number
      readonly missing?: number
    }
  | { readonly kind: 'server'; readonly status: number; readonly code: string | null; readonly at: number }

export interface LastTry {
  readonly at: number
  readonly outcome: 'ok' | 'network' | 'portal' | 'busy' | 'refused'
  readonly status: number | null
  readonly code: string | null
}

export interface School {
  readonly id: string
  readonly name: string
  readonly zone: string
  readonly language: string
  readonly is_demo?: boolean
}

export interface Device {
  readonly id: string
  readonly name: string
}

/** The one state the screens show. Every figure in it is the server's or the disk's, never a belief. */
export interface PhoneState {
  readonly ready: boolean
  readonly enrolled: boolean
  readonly device: Device | null
  readonly school: School | null
  readonly waiting: number
  readonly safe: number
  readonly photosWaiting: number
  readonly sending: { readonly done: number; readonly total: number } | null
  readonly safeUntil: number | null
  readonly aside: number
  /** Records given to a supervisor with a rescue code: kept here too, but no longer waiting. */
  readonly handedOver: number
  readonly persisted: boolean | null
  readonly lastTry: LastTry | null
  readonly lastReceipt: Receipt | null
  readonly trouble: Trouble | null
}

export interface PackPerson {
  readonly id: string
  readonly name: string
  readonly role: string
}

export interface PackPlace {
  readonly id: string
  readonly building: string
  readonly floor: number
  readonly kind: 'room' | 'tap' | 'facility'
  readonly number: string | null
  readonly name: string
  readonly type: string | null
  readonly questions: readonly string[]
  /** Two digits hang beside its tag; a pack of an older server does not say. */
  readonly door_figure?: boolean
  readonly last: { readonly at: string; readonly abnormal: readonly string[]; readonly person_name: string | null } | null
}

export interface PackTag {
  /** null: a live one is blank, and whoever hangs it up says where. */
  readonly place: string | null
  /** How the hash of its code begins: enough to know it among the school's, not enough to find the code. */
  readonly hash: string
  readonly short_hash: string
  readonly revoked: boolean
}

export interface PackRoute {
  readonly id: string
  readonly name: string
  readonly start: string
  readonly window: number
  readonly weekdays: readonly number[]
  readonly questions: readonly string[]
  readonly stops: readonly string[]
}

export interface PackQuestion {
  readonly key: string
  readonly kind: 'ac' | 'light' | 'leak' | 'hazard'
  readonly zh: string
  readonly en: string
  readonly normal: string
  readonly values: readonly { readonly value: string; readonly zh: string; readonly en: string }[]
  readonly category: string | null
}

export interface PackFinding {
  readonly id: string
  readonly place: string | null
  readonly kind: 'ac' | 'light' | 'leak' | 'hazard'
  readonly found_at: string
  readonly description: string | null
}

/** What the phone needs to know offline. */
export interface Pack {
  readonly cursor: string
  readonly made_at: string
  readonly school: School
  /** What the one door of a round is chosen by at which the phone asks for its digits. */
  readonly choice_key?: string
  readonly people: readonly PackPerson[]
  readonly buildings: readonly { readonly id: string; readonly name: string }[]
  readonly places: readonly PackPlace[]
  readonly tags: readonly PackTag[]
  readonly routes: readonly PackRoute[]
  readonly questions: readonly PackQuestion[]
  readonly findings: readonly PackFinding[]
}
