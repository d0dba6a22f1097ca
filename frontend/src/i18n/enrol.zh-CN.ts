/** Words of the screen on which a phone is enrolled: once in its life. */
export const zh = {
  intro: '登记一次，以后没有信号也能用。',
  steps: [
    '请主管在值班台打开「人员与手机」，选「手机」，点「登记手机」',
    '用这部手机扫屏幕上的二维码（10 分钟内有效，只能用一次）',
    '之后选自己的名字，输入 PIN 就能巡查',
  ],
  scan: '扫登记码',
  name: '给这部手机起个名字',
  nameHint: '例如：保安室 1 号',
  defaultName: '值班手机',
  ready: '已读到登记码',
  confirm: '登记',
  working: '正在登记，下载点位和名单',
  already: (device: string) => `这部手机已登记为「${device}」。重新登记不会动已保存的记录。`,
  notOurs: '这不是登记码。请扫值班台屏幕上的二维码',
  noNetwork: '现在连不上学校的服务器。登记这一次需要网络，请连上后再试',
}
export type EnrolWords = typeof zh
