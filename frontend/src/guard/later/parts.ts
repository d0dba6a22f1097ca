/** The screens that nobody needs before the first paint, as one file. */
export { default as Enrol } from '../enrol/Enrol.svelte'
export { default as EndRound } from '../home/EndRound.svelte'
export { default as More } from '../home/More.svelte'
export { default as NoStorage } from '../NoStorage.svelte'
export { default as PlaceTag } from '../tag/PlaceTag.svelte'
export { default as Rescue } from '../rescue/Rescue.svelte'
export { default as RoutePicker } from '../home/RoutePicker.svelte'
export { default as Waiting } from '../waiting/Waiting.svelte'
