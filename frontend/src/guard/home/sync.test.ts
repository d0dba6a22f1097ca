import { beforeEach, describe, expect, test } from 'vitest'
import { t } from '../../i18n/guard'
import { LANGUAGES, setLanguage } from '../../i18n/i18n'
import type { LastTry, PhoneState, Trouble } from '../../outbox'
import { syncSentence, troubleSentence } from './sync'

const ZONE = 'Asia/Shanghai'
const AT = Date.parse('2026-11-22T15:41:09Z')
const READY: PhoneState = {
  ready: true,
  enrolled: true,
  device: { id: 'd', name: '门卫一号' },
  school: { id: 's', name: '学校', zone: ZONE, language: 'zh-CN' },
  waiting: 0,
  safe: 30,
  photosWaiting: 0,
  sending: null,
  safeUntil: AT,
  aside: 0,
  handedOver: 0,
  persisted: true,
  lastTry: null,
  lastReceipt: null,
  trouble: null,
}

function tried(outcome: LastTry['outcome'], status: number | null = null, code: string | null = null): LastTry {
  return { at: AT, outcome, status, code }
}

const WAITS = { waiting: 12 }
const ZH_WAITS = '12 条在手机里等待，全部已保存'
const EN_WAITS = '12 waiting on this phone, all saved'

/** State of the phone → mood, then sentence and second line in both languages. */
const STATES: Record<string, [Partial<PhoneState>, string, [string, string | null], [string, string | null]]> = {
  'the storage has not been read yet': [{ ready: false, safeUntil: null }, 'waiting', ['正在打开', null], ['Opening', null]],
  'a phone that never sent': [{ safeUntil: null }, 'safe', ['还没有要送的记录', null], ['Nothing to send yet', null]],
  'all delivered': [{}, 'safe', ['全部已送达 23:41', null], ['All delivered 23:41', null]],
  'all delivered, on an evening before': [
    { safeUntil: AT - 24 * 3_600_000 },
    'safe',
    ['全部已送达 11月21日 23:41', null],
    ['All delivered 21 Nov 23:41', null],
  ],
  'all delivered, then the network went': [
    { lastTry: tried('network') },
    'safe',
    ['全部已送达 23:41', null],
    ['All delivered 23:41', null],
  ],
  'all delivered, the rest with a supervisor': [
    { handedOver: 7 },
    'safe',
    ['全部已送达 23:41', null],
    ['All delivered 23:41', null],
  ],
  'waiting, nothing tried yet': [WAITS, 'waiting', [ZH_WAITS, '联网后自动发送'], [EN_WAITS, 'Sent when online']],
  'waiting, no network': [
    { ...WAITS, lastTry: tried('network') },
    'waiting',
    [ZH_WAITS, '联网后自动发送'],
    [EN_WAITS, 'Sent when online'],
  ],
  'waiting again after a server went back in time': [
    { ...WAITS, safe: 18, lastTry: tried('ok', 200) },
    'waiting',
    [ZH_WAITS, '联网后自动发送'],
    [EN_WAITS, 'Sent when online'],
  ],
  'waiting behind a captive portal': [
    { ...WAITS, lastTry: tried('portal', 200) },
    'waiting',
    [ZH_WAITS, '被别的网页挡住，可能要先登录校园网'],
    [EN_WAITS, 'Another page stands in between; sign in to the network?'],
  ],
  'waiting for a busy server': [
    { ...WAITS, lastTry: tried('busy', 503, 'busy') },
    'waiting',
    [ZH_WAITS, '服务器正忙，会自动再试'],
    [EN_WAITS, 'The server is busy; it will try again'],
  ],
  'waiting for a server whose disk is full': [
    { ...WAITS, lastTry: tried('busy', 503, 'storage_failed') },
    'waiting',
    [ZH_WAITS, '服务器存满了，请告诉主管；会自动再试'],
    [EN_WAITS, 'The server is full, tell your supervisor; it will try again'],
  ],
  'refused once, by an old version of the server': [
    { ...WAITS, lastTry: tried('refused', 404, 'not_found') },
    'waiting',
    [ZH_WAITS, '服务器没有收下，会自动再试'],
    [EN_WAITS, 'The server did not take them; it will try again'],
  ],
  'a server that claims more than it was sent': [
    { ...WAITS, lastTry: tried('refused', 200, 'ack_beyond') },
    'waiting',
    [ZH_WAITS, '服务器没有收下，会自动再试'],
    [EN_WAITS, 'The server did not take them; it will try again'],
  ],
  sending: [
    { ...WAITS, sending: { done: 5, total: 12 } },
    'sending',
    ['正在发送 5/12', null],
    ['Sending 5/12', null],
  ],
  'records delivered, photos on their way': [
    { photosWaiting: 2 },
    'waiting',
    ['记录已送达，还有 2 张照片等待发送', '联网后自动发送'],
    ['Records delivered, 2 photos still to send', 'Sent when online'],
  ],
  'one record set aside, the others delivered': [
    { aside: 1 },
    'wrong',
    ['1 条被服务器退回，已另存', '其余已送达 23:41'],
    ['1 refused by the server, kept aside', 'The others delivered 23:41'],
  ],
  'one record set aside, nothing ever confirmed': [
    { aside: 1, safeUntil: null },
    'wrong',
    ['1 条被服务器退回，已另存', null],
    ['1 refused by the server, kept aside', null],
  ],
  'one record set aside, others waiting': [
    { ...WAITS, aside: 1 },
    'waiting',
    [ZH_WAITS, '联网后自动发送'],
    [EN_WAITS, 'Sent when online'],
  ],
}

const TROUBLES: Record<string, [Trouble, string]> = {
  'shut out by the server': [{ kind: 'signed_out', code: 'device_revoked', at: AT }, 'show'],
  'a receipt of another server': [{ kind: 'unsigned', at: AT }, 'show'],
  'a log that contradicts a kept head': [{ kind: 'log', day: '2026-11-21', number: 812, at: AT }, 'show'],
  'data that vanished': [{ kind: 'lost', stream: 'a', records: 4, at: AT }, 'show'],
  'a server that refuses and refuses': [{ kind: 'server', status: 404, code: 'not_found', at: AT }, 'show'],
  'a storage that fails': [{ kind: 'storage', reason: 'broken', detail: '' }, 'storage'],
}

const SHOWN = {
  'zh-CN': { show: '请让主管看这部手机', storage: '现在存不进新记录' },
  en: { show: 'Show this phone to your supervisor', storage: 'No new records can be kept now' },
}

for (const language of LANGUAGES) {
  describe(language, () => {
    beforeEach(() => setLanguage(language))

    test.each(Object.entries(STATES))('%s', (_, [change, mood, zh, en]) => {
      const [sentence, why] = language === 'zh-CN' ? zh : en
      expect(syncSentence({ ...READY, ...change }, ZONE, AT + 60_000)).toEqual({ mood, sentence, why })
    })

    test.each(Object.entries(TROUBLES))('%s, with records waiting and without', (_, [trouble, which]) => {
      const sentence = SHOWN[language][which as 'show' | 'storage']
      const waits = language === 'zh-CN' ? ZH_WAITS : EN_WAITS
      const state = { ...READY, trouble, ready: trouble.kind !== 'storage' }
      expect(syncSentence(state, ZONE, AT)).toEqual({ mood: 'wrong', sentence, why: null })
      expect(syncSentence({ ...state, ...WAITS }, ZONE, AT)).toEqual({
        mood: 'wrong',
        sentence,
        why: trouble.kind === 'storage' ? null : waits,
      })
      expect(troubleSentence(state)).toBeTruthy()
    })

    test('a database that was lost and came back whole is told without asking for the supervisor', () => {
      const lost = { kind: 'lost', stream: 'a', records: 9, at: AT } as const
      const told = (back: number, missing: number) => troubleSentence({ ...READY, trouble: { ...lost, back, missing } })
      const [whole, sent, part] = [told(4, 0), told(0, 0), told(4, 2)]
      expect(whole).toMatch(language === 'zh-CN' ? /4 条未送出的记录已从备份找回$/ : /4 unsent records came back/)
      expect(sent).toMatch(language === 'zh-CN' ? /都已送达$/ : /All records had been sent/)
      expect(part).toMatch(language === 'zh-CN' ? /找回 4 条，还有 2 条没找回，请告诉主管/ : /4 records came back .* 2 still missing/)
      expect(told(0, 9)).toBe(troubleSentence({ ...READY, trouble: lost }))
      const state = { ...READY, ...WAITS, trouble: { ...lost, back: 4, missing: 0 } }
      expect(syncSentence(state, ZONE, AT)).toEqual(syncSentence({ ...READY, ...WAITS }, ZONE, AT))
      expect(syncSentence({ ...state, trouble: { ...lost, back: 4, missing: 2 } }, ZONE, AT).mood).toBe('wrong')
    })

    test('in every mixture of states the line counts right and calls nothing delivered that is not', () => {
      for (const state of mixtures()) {
        const { mood, sentence, why } = syncSentence(state, ZONE, AT)
        const said = `${sentence} ${why ?? ''}`
        const told = JSON.stringify(state)
        expect(said, told).not.toMatch(/undefined|null|NaN/)
        const confirmed = state.waiting === 0 && state.photosWaiting === 0 && !state.trouble && state.safeUntil !== null
        expect(mood === 'safe' && state.safeUntil !== null, told).toBe(confirmed && state.aside === 0 && !state.sending)
        if (!confirmed) expect(said, told).not.toContain(t.sync.delivered('23:41'))
        if (state.waiting > 0 && !state.sending && state.trouble?.kind !== 'storage') {
          expect(said, told).toContain(t.sync.waiting(state.waiting))
        }
      }
    })
  })
}

function* mixtures(): Generator<PhoneState> {
  const outcomes = ['ok', 'network', 'portal', 'busy', 'refused'] as const
  for (const waiting of [0, 3])
    for (const photosWaiting of [0, 2])
      for (const aside of [0, 1])
        for (const safeUntil of [null, AT])
          for (const sending of [null, { done: 1, total: 4 }])
            for (const trouble of [null, ...Object.values(TROUBLES).map(([one]) => one)])
              for (const outcome of outcomes)
                yield { ...READY, waiting, photosWaiting, aside, safeUntil, sending, trouble, lastTry: tried(outcome) }
}
