import type { RescueWords } from './rescue.zh-CN'

const s = (n: number) => (n === 1 ? '' : 's')

export const en: RescueWords = {
  title: "Give this phone's records",
  intro:
    'The server no longer knows this phone, so it cannot send by itself. With a rescue code its records go to the server, and your supervisor decides about them.',
  here: (n) => `${n} record${s(n)} not delivered yet, all saved on this phone`,
  steps: [
    'Ask your supervisor to open People & phones on the desk, then Records put aside, and choose Take records from a phone',
    'Scan the code on that screen with this phone (it lasts 10 minutes and is for one phone), or type it',
    'The records stay on this phone too, and it can be enrolled again as usual',
  ],
  scan: 'Scan the rescue code',
  typed: 'Or type the rescue code',
  typedHint: '26 letters and digits',
  typedWrong: 'A rescue code has 26 letters and digits. Compare it with the screen',
  confirm: 'Give the records',
  working: 'Sending to the server',
  done: (n, undecided) =>
    undecided === 0
      ? `The server had all ${n} record${s(n)} already`
      : `Given: ${n} record${s(n)} on the server, ${undecided} of them for your supervisor to decide about`,
  doneHint:
    'They are still on this phone too. Tell your supervisor to look at Records put aside; then this phone can be enrolled again.',
  nothing: 'There are no records on this phone to give',
  enrol: 'Enrol this phone',
  notNeeded: 'This phone can send as usual; nothing needs to be given',
  noNetwork:
    "The school's server cannot be reached, and this needs the network. All records are still on the phone; connect and try again",
  refused: {
    rescue_unknown: 'There is no such rescue code. Ask your supervisor for a new one',
    rescue_used: 'This rescue code was used by another phone. Ask your supervisor for a new one',
    rescue_expired: 'This rescue code has expired (it lasts 10 minutes). Ask your supervisor for a new one',
    rescue_other_school: 'This phone belongs to another school. Ask the supervisor there',
    rescue_differs: 'The records changed on their way and were not taken. Try again',
    storage: "The phone's storage does not answer; nothing was given. Open this page again and retry",
  },
}
