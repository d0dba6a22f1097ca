/** The other ways in, and what to do about a camera that does not open. */
export { default as Trouble } from './Trouble.svelte'
export * as nfc from './nfc'
export { default as TypedNumber } from './TypedNumber.svelte'
