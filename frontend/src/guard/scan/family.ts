/** Browsers whose way to the camera permission differs. */
export type Family = 'wechat' | 'safari' | 'chrome' | 'firefox' | 'other'

/** Tell them apart by the user agent: only to word an instruction, never to decide what works. */
export function familyOf(agent: string): Family {
  if (/MicroMessenger/i.test(agent)) return 'wechat'
  if (/Firefox|FxiOS/i.test(agent)) return 'firefox'
  if (/Chrome|CriOS|EdgA|HuaweiBrowser|MiuiBrowser/i.test(agent)) return 'chrome'
  return /Safari/i.test(agent) ? 'safari' : 'other'
}
