import type { TagWords } from './tag.zh-CN'

export const en: TagWords = {
  blank: 'Blank tag',
  moved: 'This tag hangs elsewhere',
  blankWhat: 'Pick the place it hangs on and it is enrolled; the tag that was there stops by itself',
  movedWhat: (place) => `It belongs to ${place}. Pick where it really hangs; your supervisor decides what to do`,
  near: 'Next on this route',
  found: 'Places found',
  find: 'Number or name',
  findHint: 'Digits of the room, such as 321',
  none: 'No such place; try fewer digits',
  erase: 'Erase one',
  skip: 'Not in the list, record anyway',
  figure: 'The two digits beside the tag',
  noFigure: 'None there, or unreadable',
  failed: 'Not saved: the storage of this phone failed. Try again',
}
