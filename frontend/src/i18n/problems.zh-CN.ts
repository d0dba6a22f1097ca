/** One sentence for each problem code of the server: what happened, then what to do. Shared by both pages. */
export const zh = {
  unknown: '出了点问题，请再试一次',
  offline: '现在连不上服务器，请检查网络后再试',
  not_our_server: '网络里有别的页面挡在中间（例如校园网登录页），请先登录网络',

  signed_out: '登录已失效，请重新登录',
  wrong_password: '账号或密码不对',
  too_many_tries: '试得太多了，请过一会儿再试',
  not_permitted: '你的岗位没有这项权限',
  cross_site: '这个请求来自别的网站，已拒绝',
  not_found: '没有找到，可能已被删除',
  method_not_allowed: '服务器不支持这个操作',
  invalid: '有些内容填得不对，请看标红的地方',
  too_large: '内容太大，服务器没有收下',
  busy: '服务器正忙，请过一会儿再试',
  server_error: '服务器出错，内容没有丢，请过一会儿再试',

  account_taken: '这个账号已经有人用了',
  password_too_short: '密码太短',
  pin_invalid: 'PIN 是 6 位数字',

  enrolment_invalid: '这个入网码无效，请让主管重新出一个',
  enrolment_unknown: '没有这个入网码，请让主管重新出一个',
  enrolment_used: '这个入网码已经用过，请让主管重新出一个',
  enrolment_expired: '这个入网码已过期（10 分钟有效），请让主管重新出一个',
  wrong_pin: 'PIN 不对',
  device_revoked: '这部手机已被停用。记录都还在手机里，请把它交给主管',
  device_unknown: '服务器不认识这部手机。记录都还在手机里，请让主管重新登记',

  gap: '服务器缺前面的记录，正在补发',
  fork: '这部手机的记录有两个版本，正在分开保存',
  encoding_refused: '不接受压缩过的内容',
  sync_header_invalid: '同步请求读不懂',

  not_json: '这条记录读不懂（不是 JSON）',
  not_object: '这条记录读不懂（不是一个对象）',
  version_unknown: '这条记录的版本服务器还不认识',
  kind_unknown: '这种记录服务器还不认识',
  shape_invalid: '这条记录的内容不完整',
  id_conflict: '同一编号已有另一条内容不同的记录',
  chain: '这条记录与前一条对不上',
  line_too_long: '这条记录太长',

  photo_hash_differs: '照片在路上变了样，会自动重发',
  photo_not_image: '这不是照片',
  photo_too_many_pixels: '照片太大',

  sheet_unreadable: '这个文件打不开，请另存为 .xlsx 再试',
  place_unknown: '没有这个点位',
  tag_unknown: '没有这张标签',
  tag_already_replaced: '标签已经更换过，这个点位有新标签了',
  no_shorts_left: '学校的短码已经用完',
  nothing_to_print: '没有符合条件的标签可打印',
  label_font_missing: '服务器缺少打印标签用的字体，请联系管理员重新安装',
}
export type ProblemWords = typeof zh
