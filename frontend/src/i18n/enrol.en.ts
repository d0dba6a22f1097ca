import type { EnrolWords } from './enrol.zh-CN'

export const en: EnrolWords = {
  intro: 'Once only. After that it works without a signal.',
  steps: [
    'Ask your supervisor to open People & phones on the desk, then Phones, and choose Enrol a phone',
    'Scan the code on that screen with this phone (it lasts 10 minutes and works once)',
    'Then pick your name, type your PIN and start',
  ],
  scan: 'Scan the enrolment code',
  name: 'A name for this phone',
  nameHint: 'For instance: Guard room 1',
  defaultName: 'Duty phone',
  ready: 'Enrolment code read',
  confirm: 'Enrol',
  working: 'Enrolling, fetching places and people',
  already: (device) => `This phone is enrolled as "${device}". Enrolling again does not touch saved records.`,
  notOurs: "This is not an enrolment code. Scan the one on the desk's screen",
  noNetwork: "The school's server cannot be reached. Enrolling needs the network this once; connect and try again",
}
