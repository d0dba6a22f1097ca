import { describe, expect, it } from 'vitest'
import { toCsv } from './report'

describe('the import report as CSV', () => {
  it('opens in Excel with its Chinese intact', () => {
    expect(toCsv([['工作表', '行'], ['房间', 12]])).toBe('\ufeff工作表,行\r\n房间,12\r\n')
  })
  it('keeps commas, quotes and line breaks inside their cell', () => {
    expect(toCsv([['a,b', 'say "x"', 'two\nlines']])).toBe('\ufeff"a,b","say ""x""","two\nlines"\r\n')
  })
  it('never hands Excel a formula that came out of the sheet', () => {
    for (const start of ['=', '+', '-', '@', '\t', '\r', '\0']) {
      expect(toCsv([[`${start}cmd|' /C calc'!A0`]]).replace(/^\ufeff"?/, '').startsWith("'")).toBe(true)
    }
    expect(toCsv([[-3]])).toBe('\ufeff-3\r\n')
  })
})
