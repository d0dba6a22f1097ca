/** What the DOM's types do not know yet: https://w3c.github.io/web-nfc/ */
interface Message {
  readonly records: readonly { readonly recordType: string; readonly encoding?: string; readonly data?: DataView }[]
}
interface Reader extends EventTarget {
  scan(options: { signal: AbortSignal }): Promise<void>
}
type Browser = { NDEFReader?: new () => Reader }

/** Whether this browser can read NFC stickers at all: today Chrome on Android. */
export function hasNfc(): boolean {
  return 'NDEFReader' in window
}

/** Whether it may without asking, so that it can begin without a touch. */
export async function mayNfc(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: 'nfc' as PermissionName })).state === 'granted'
  } catch {
    return false
  }
}

/**
 * Hand over the addresses and texts of every sticker that is held to the phone, until the signal aborts.
 * Rejects when the guard or the phone says no.
 */
export async function listen(onread: (texts: string[]) => void, signal: AbortSignal): Promise<void> {
  const reader = new (window as Browser).NDEFReader!()
  reader.addEventListener(
    'reading',
    (event) => onread(textsOf((event as Event & { message: Message }).message)),
    { signal },
  )
  await reader.scan({ signal })
}

function textsOf({ records }: Message): string[] {
  return records
    .filter(({ recordType, data }) => data && (recordType === 'url' || recordType === 'absolute-url' || recordType === 'text'))
    .map(({ data, encoding }) => new TextDecoder(encoding ?? 'utf-8').decode(data))
}
