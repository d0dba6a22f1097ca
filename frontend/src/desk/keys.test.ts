import { describe, expect, it } from 'vitest'
import { meaning, moved, type Stroke } from './keys'

const stroke = (key: string, more: Partial<Stroke> = {}): Stroke => ({
  key, ctrlKey: false, metaKey: false, altKey: false, typing: false, onControl: false, ...more,
})

describe('keys in a list', () => {
  it('j and k walk, enter opens, / searches, escape closes', () => {
    expect(['j', 'k', 'Enter', '/', 'Escape'].map((key) => meaning(stroke(key)))).toEqual([
      'next', 'previous', 'open', 'search', 'close',
    ])
  })

  it('letters typed into a field stay letters, escape still leaves it', () => {
    expect(meaning(stroke('j', { typing: true }))).toBeNull()
    expect(meaning(stroke('/', { typing: true }))).toBeNull()
    expect(meaning(stroke('Escape', { typing: true }))).toBe('close')
  })

  it('shortcuts of the browser are left alone', () => {
    expect(meaning(stroke('j', { ctrlKey: true }))).toBeNull()
    expect(meaning(stroke('k', { metaKey: true }))).toBeNull()
  })

  it('enter on a button presses that button', () => {
    expect(meaning(stroke('Enter', { onControl: true }))).toBeNull()
  })
})

describe('the current row', () => {
  const ids = ['a', 'b', 'c']
  it('starts at the first row, whichever way the first step goes', () => {
    expect(moved(ids, null, 'next')).toBe('a')
    expect(moved(ids, null, 'previous')).toBe('a')
  })
  it('stops at both ends', () => {
    expect(moved(ids, 'c', 'next')).toBe('c')
    expect(moved(ids, 'a', 'previous')).toBe('a')
  })
  it('stays on its row when new rows come in above it', () => {
    expect(moved(['new', ...ids], 'b', null)).toBe('b')
    expect(moved(['new', ...ids], 'b', 'previous')).toBe('a')
  })
  it('is nothing when the list is empty or its row has gone', () => {
    expect(moved([], 'a', 'next')).toBeNull()
    expect(moved(ids, 'gone', null)).toBeNull()
    expect(moved(ids, 'gone', 'next')).toBe('a')
  })
})
