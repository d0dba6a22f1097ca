/** Words of the screen on which a phone that is not let in hands its records over: few phones ever need them. */
export const zh = {
  title: '转交手机里的记录',
  intro: '服务器不再认这部手机，它自己送不出记录。主管给一个转交码，手机里的记录就能交到服务器，由主管决定是否收入台账。',
  here: (n: number) => `手机里有 ${n} 条还没送达，全部已保存`,
  steps: [
    '请主管在值班台打开「人员与手机」，选「搁置的记录」，点「接收手机里的记录」',
    '用这部手机扫屏幕上的二维码（10 分钟内有效，只给这一部手机用），或照着输入',
    '转交以后记录仍留在手机里，手机可以照常重新登记',
  ],
  scan: '扫转交码',
  typed: '或者输入转交码',
  typedHint: '26 个字母和数字',
  typedWrong: '转交码是 26 个字母和数字，请对照屏幕再看一遍',
  confirm: '转交',
  working: '正在转交',
  done: (n: number, undecided: number) =>
    undecided === 0 ? `${n} 条记录服务器早已收妥` : `已转交：${n} 条都在服务器上了，其中 ${undecided} 条等主管决定`,
  doneHint: '记录也还留在这部手机里。请告诉主管在「搁置的记录」里处理，然后可以重新登记这部手机。',
  nothing: '手机里没有要转交的记录',
  enrol: '登记这部手机',
  notNeeded: '这部手机能照常发送，不需要转交',
  noNetwork: '现在连不上学校的服务器，转交需要网络。记录都还在手机里，请连上后再试',
  refused: {
    rescue_unknown: '没有这个转交码，请让主管重新出一个',
    rescue_used: '这个转交码已经给别的手机用了，请让主管重新出一个',
    rescue_expired: '这个转交码已过期（10 分钟有效），请让主管重新出一个',
    rescue_other_school: '这部手机属于另一所学校，请找那所学校的主管',
    rescue_differs: '记录在路上变了样，服务器没有收。请再试一次',
    storage: '手机的存储读不出来，没有转交成功。请重新打开这个页面再试',
  } as Record<string, string>,
}
export type RescueWords = typeof zh
