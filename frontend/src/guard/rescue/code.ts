import { parsePayload } from '../scan/payload'

/** 128 bits in base32, as the desk shows them. */
const CODE = /^[A-Z2-7]{26}$/

/** The rescue code in what somebody typed or pasted: the code itself, in groups or not, or the whole address. */
export function typedCode(text: string): string | null {
  const payload = parsePayload(text)
  if (payload.kind === 'rescue') return payload.code
  const bare = text.normalize('NFKC').replace(/[\s\-\u2010-\u2015\u2212]/g, '').toUpperCase()
  return CODE.test(bare) ? bare : null
}
