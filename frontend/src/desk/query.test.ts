import { describe, expect, it } from 'vitest'
import { changed, filled, number, readQuery, text, word, writeQuery } from './query'

const shape = { night: text, only: word('', 'ac', 'leak'), sort: word('-at', 'at'), page: number(), open: text }

describe('filters in the address bar', () => {
  it('an empty address means every default', () => {
    expect(readQuery('', shape)).toEqual({ night: '', only: '', sort: '-at', page: 1, open: '' })
  })

  it('what is written is read back the same, Chinese text included', () => {
    const values = { night: '2026-11-22', only: 'leak', sort: 'at', page: 3, open: '洗手台 & 3' }
    expect(readQuery(writeQuery(values, shape), shape)).toEqual(values)
  })

  it('only what differs from the default is written', () => {
    expect(writeQuery({ night: '', only: 'ac', sort: '-at', page: 1, open: '' }, shape)).toBe('?only=ac')
    expect(writeQuery(readQuery('', shape), shape)).toBe('')
  })

  it('words and numbers nobody offered count as the default', () => {
    expect(readQuery('?only=cats&page=-2&sort=constructor', shape)).toEqual(readQuery('', shape))
    expect(readQuery('?page=1e9', shape).page).toBe(1)
    expect(readQuery('?page=00', shape).page).toBe(1)
  })

  it('text is trimmed and cut so that a pasted page cannot become a request', () => {
    expect(readQuery('?night=' + 'x'.repeat(5000), shape).night).toHaveLength(200)
    expect(readQuery('?night=%20a%20', shape).night).toBe('a')
  })

  it('a changed filter goes back to the first page and closes the drawer', () => {
    const before = { night: '', only: '', sort: '-at', page: 4, open: 'x' }
    expect(changed(before, { only: 'ac' })).toEqual({ night: '', only: 'ac', sort: '-at', page: 1, open: '' })
  })

  it('turning a page keeps the filters, opening a row keeps the page', () => {
    const before = { night: 'n', only: 'ac', sort: 'at', page: 2, open: '' }
    expect(changed(before, { page: 3 })).toEqual({ ...before, page: 3 })
    expect(changed(before, { open: 'row' })).toEqual({ ...before, open: 'row' })
  })

  it('"any" is not sent to the server, but false and 0 are', () => {
    expect(filled({ kind: '', page: 2, active: false, floor: 0, search: undefined })).toEqual({ page: 2, active: false, floor: 0 })
  })
})
