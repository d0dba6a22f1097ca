/** Words of the screens that ask where a tag hangs, and for the digits beside it. */
export const zh = {
  blank: '空白标签',
  moved: '标签不在这里',
  blankWhat: '选它贴在哪个点位，马上登记好；那里的旧标签自动停用',
  movedWhat: (place: string) => `登记的是「${place}」。选它实际贴在哪里，由主管决定换不换`,
  near: '这条路线接下来',
  found: '找到的点位',
  find: '房号或名称',
  findHint: '按房号的数字，例如 321',
  none: '没有这样的点位，少按几个数字试试',
  erase: '删一位',
  skip: '找不到，先打卡',
  figure: '标签旁边的两位数字',
  noFigure: '没有数字，或看不清',
  failed: '没有保存：手机存储出了问题，请再试一次',
}
export type TagWords = typeof zh
