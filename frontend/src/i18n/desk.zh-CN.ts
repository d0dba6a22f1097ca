/** The words of the desk page. Functions take the figures or names that stand inside the sentence. */

/** 17 分钟, 2 小时 5 分: a length of time in seconds, as people say it. */
function span(seconds: number): string {
  const whole = Math.abs(Math.round(seconds))
  if (whole < 60) return `${whole} 秒`
  const minutes = Math.round(whole / 60)
  if (minutes < 60) return `${minutes} 分钟`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} 天`
  return minutes % 60 ? `${hours} 小时 ${minutes % 60} 分` : `${hours} 小时`
}

export const zh = {
  app: '夜巡',
  desk: '值班台',

  nav: {
    label: '主菜单',
    skip: '跳到正文',
    night: '今夜',
    ledger: '台账',
    rounds: '巡查',
    campus: '校园',
    tags: '标签',
    people: '人员与手机',
    peopleShort: '人员',
    notFound: '没有这个页面',
    toNight: '回到今夜',
  },

  me: {
    open: '我的设置',
    signOut: '退出登录',
    otherLanguage: 'English',
    toDark: '换成深色',
    toLight: '换成浅色',
    dark: '深色',
    light: '浅色',
  },

  signIn: {
    title: '登录值班台',
    motto: '夜里谁去过、什么没关，一眼看清',
    account: '账号',
    password: '密码',
    show: '显示密码',
    hide: '隐藏密码',
    submit: '登录',
    busy: '正在登录',
    accountMissing: '请填账号',
    passwordMissing: '请填密码',
    wait: (left: string) => `试得太多了，请等 ${left} 再试`,
    waitOver: '现在可以再试了',
    expired: '登录已失效，请重新登录。没有保存的改动需要重做。',
    insecure:
      '这个页面不是通过 HTTPS 打开的，浏览器不会保存登录，所以登录不了。请用 https:// 开头的地址打开，或在服务器本机用 localhost 打开。',
    notKept: '账号和密码都对，但浏览器没有保存登录。请用 https:// 开头的地址打开，或换一个浏览器。',
    noDesk: '你的岗位不使用值班台。需要权限请找学校管理员。',
    noPermission: '你的岗位看不到这一页',
    guard: '巡查人员请用手机打开首页',
  },

  common: {
    close: '关闭',
    cancel: '取消',
    save: '保存',
    saving: '正在保存',
    searchFor: (what: string) => `搜索：${what}`,
    all: '全部',
    retry: '再试一次',
    clearFilters: '清除筛选',
    loading: '正在读取',
    nothingMatches: '没有符合筛选条件的内容',
    stale: (time: string) => `没能更新，下面是 ${time} 的内容`,
    page: (page: number, pages: number) => `第 ${page} 页，共 ${pages} 页`,
    previousPage: '上一页',
    nextPage: '下一页',
    total: (n: string) => `共 ${n} 条`,
    print: '打印',
    keys: 'j k 上下移动，回车打开，/ 搜索，Esc 关闭',
    seconds: span,
    ago: (seconds: number) => (seconds < 60 ? '刚刚' : seconds < 3600 ? `${Math.floor(seconds / 60)} 分钟前` : `${Math.floor(seconds / 3600)} 小时前`),
    place: (building: string, floor: number) => `${building} ${floor < 0 ? `负${-floor}` : floor}层`,
    floor: (floor: number) => (floor < 0 ? `负${-floor}层` : `${floor}层`),
    unknownPlace: '未知点位',
    unknownPerson: '未登记的人',
    list: (names: readonly string[]) => names.join('、'),
    semicolon: '；',
    ascending: '从早到晚',
    descending: '从晚到早',
    photo: (n: number) => `照片 ${n}`,
    photos: (n: number) => `${n} 张照片`,
    photoOnTheWay: '照片还在手机里，联网后自动送达',
    photoMissing: {
      damaged: '照片在手机里损坏了，送不来了',
      lost: '照片没有存下（手机空间不够或已清理），送不来了',
      refused: '照片打不开，没有收下',
    },
  },

  night: {
    tonight: '今夜',
    lastNight: '昨夜',
    previous: '前一夜',
    next: '后一夜',
    nightBefore: '前夜',
    choose: '选择夜晚（日期和打卡次数）',
    toTonight: '看今夜',
    option: (day: string, checkpoints: string) => `${day} · ${checkpoints} 次`,
    notYet: '今夜还没有打卡，先显示最近一夜。',
    liveAt: (time: string) => `${time} 已更新`,
    lost: '与服务器断开，正在重连',
    figures: '这一夜的数字，点一下只看这一类',
    done: '计划内已巡',
    missed: '漏查',
    ac: '空调未关',
    light: '电灯未关',
    leak: '跑冒滴漏',
    hazard: '隐患',
    doubts: '存疑',
    abnormal: '所有异常',
    routes: '当夜路线',
    routeTime: (start: string, minutes: number) => `${start} 起，${minutes} 分钟`,
    since: (start: string) => `${start} 起`,
    notStarted: '还没开始',
    notWalked: '未巡',
    voluntary: '路线外巡查',
    searchHint: '点位、编号、备注',
    building: '楼栋',
    anyBuilding: '全部楼栋',
    person: '巡查人',
    anyPerson: '全部巡查人',
    columns: {
      time: '时间',
      place: '点位',
      person: '巡查人',
      readings: '读数',
      photos: '照片',
      doubts: '存疑',
      building: '楼栋',
      routes: '所在路线',
      last: '上次巡查',
    },
    never: '从未巡查',
    voided: '已作废',
    printedOnly: (filters: string) => `只列出这一部分：${filters}`,
    newRows: (n: number) => `新到 ${n} 条打卡`,
    empty: (day: string) => `${day} 没有打卡`,
    emptyWhy: '巡查人员用登记过的手机扫点位上的标签，打卡就会出现在这里。',
    emptySetUp: '还没有点位。先把房间和用水点的表格导入，再打印标签、登记手机。',
    enrol: '登记手机',
    import: '导入表格',
    nothingMissed: '没有漏查，计划内的点位都到了',
    nothingPlanned: '这一夜没有安排路线，所以没有漏查可言',
  },

  readings: {
    allNormal: '全部正常',
    nothing: '没有读数',
    handled: '当场处理',
    abnormal: {
      ac: '空调未关',
      lights: '电灯未关',
      doors_windows: '门窗未关',
      dripping: '滴漏',
      running: '长流水',
      hot_water: '热水异常',
      hazard: '有隐患',
    } as Record<string, string>,
    normal: {
      ac: '空调已关',
      lights: '电灯已关',
      doors_windows: '门窗已关',
      dripping: '无滴漏',
      running: '无长流水',
      hot_water: '热水正常',
      hazard: '无隐患',
    } as Record<string, string>,
  },

  checkpoint: {
    phoneTime: '手机时间',
    received: '服务器收到',
    late: (seconds: number) => `晚 ${span(seconds)}`,
    corrected: '校正后时间',
    correctedWhy: '手机时钟有偏差，按服务器时间校正',
    person: '巡查人',
    device: '手机',
    method: '方式',
    methods: {
      camera: '扫码',
      typed: '手输短码',
      photo: '拍照识码',
      url: '手机相机打开',
      list: '从列表选',
      nfc: '碰一碰',
    } as Record<string, string>,
    tag: '标签',
    took: '填写用时',
    voided: (time: string) => `这条打卡在 ${time} 被巡查人作废`,
    photos: '照片',
    doubts: '存疑',
    clear: '消除',
    clearing: '正在消除',
    clearNote: '说明（可不填）',
    cleared: (time: string, by: string) => (by ? `${by} 于 ${time} 消除` : `已于 ${time} 消除`),
    clearedNote: (note: string) => `说明：${note}`,
    previous: '上一条',
    next: '下一条',
  },

  doubt: {
    short: {
      tag_unknown: '标签不认识',
      tag_blank: '标签没登记点位',
      figure_wrong: '门上数字不对',
      figure_missing: '没报门上数字',
      tag_revoked: '标签已停用',
      tag_other_school: '外校标签',
      typed_code: '手输短码',
      clock_moved: '时钟不准',
      person_off: '人员已停用',
      person_unknown: '人员不认识',
      pin_unverified: 'PIN 未核对',
      place_mismatch: '点位不符',
      no_tag: '没有扫码',
    } as Record<string, string>,
    sentence: (kind: string, p: Record<string, unknown>): string => {
      switch (kind) {
        case 'tag_unknown':
          return `扫到的标签不是学校发出的（${p['tag'] ?? '?'}）`
        case 'figure_wrong':
          return `报的门上数字是 ${p['said'] ?? '?'}，和这周的不一样（也可能是还没换）`
        case 'figure_missing':
          return '手机该问门上的两位数字，没有报，或说没看到'
        case 'tag_blank':
          return '扫到的是空白标签，还没有登记在哪个点位'
        case 'tag_revoked':
          return '扫到的是已经停用的旧标签'
        case 'tag_other_school':
          return '扫到的是别的学校的标签'
        case 'typed_code':
          return '短码是手输的，没有扫码'
        case 'no_tag':
          return '没有扫码，点位是从列表里选的'
        case 'clock_moved': {
          const seconds = Number(p['seconds'] ?? 0)
          if (p['against'] === 'elapsed') return `巡查途中手机时间被改动了 ${span(seconds)}`
          return `手机时间比服务器${seconds < 0 ? '慢' : '快'} ${span(seconds)}`
        }
        case 'person_off':
          return `打卡时${p['name'] ?? '这个人'}已被停用`
        case 'person_unknown':
          return '打卡的人不在人员名单里'
        case 'pin_unverified':
          return 'PIN 没有经服务器核对，只能说明是谁选了自己的名字'
        case 'place_mismatch':
          return `手机上写的点位是${p['said'] ?? '别处'}，与标签所在点位不符`
        default:
          return '需要看一下'
      }
    },
  },

  kinds: { ac: '空调', light: '电灯', leak: '漏水', hazard: '隐患' } as Record<string, string>,
  categories: {
    fire: '消防',
    electricity: '用电',
    water: '用水',
    building: '房屋设施',
    food: '食品',
    lab_chemicals: '实验室危化品',
    classroom_chemicals: '教室消毒用品',
    school_bus: '校车',
    surroundings: '校园周边',
    crowding: '拥挤踩踏',
    special_equipment: '特种设备',
    other: '其他',
  } as Record<string, string>,
  grades: { general: '一般', major: '重大' } as Record<string, string>,
  statuses: { open: '未销号', closed: '已销号' } as Record<string, string>,

  ledger: {
    title: '隐患台账',
    searchHint: '编号、点位、描述',
    kind: '类别',
    anyKind: '全部类别',
    grade: '级别',
    anyGrade: '全部级别',
    status: '状态',
    anyStatus: '全部状态',
    columns: {
      number: '编号',
      foundAt: '发现时间',
      kind: '类别',
      place: '点位',
      description: '描述',
      grade: '级别',
      photos: '照片',
      status: '状态',
      person: '发现人',
    },
    handled: '当场处理',
    noDescription: '没有文字描述',
    empty: '台账里还没有发现',
    emptyWhy: '巡查时记下的空调未关、电灯未关、漏水和隐患会自动进入台账。',
    toNight: '看今夜',
    night: '巡查之夜',
    toCheckpoint: '看这次打卡',
  },

  rounds: {
    title: '巡查路线',
    columns: { name: '路线', weekdays: '星期', start: '开始', window: '时限', questions: '检查内容', stops: '站点' },
    minutes: (n: number) => `${n} 分钟`,
    stops: (n: string) => `${n} 站`,
    weekdays: (days: readonly number[]) =>
      days.length === 7 ? '每天' : `周${days.map((day) => '一二三四五六日'.charAt(day - 1)).join('')}`,
    off: '已停用',
    tonight: '今夜有',
    empty: '还没有巡查路线',
    emptyWhy: '路线写在导入表格的「巡查路线」一页：名称、开始时间、时限、星期、范围和检查内容。',
    import: '导入表格',
    change: '路线从表格导入。改好表格再导入一次，路线会随之更新。',
    placesOwn: '检查内容是整条路线统一要看的；各点位自己的项目（如用水点的滴漏、热水），手机到了点位会一并列出。',
    toImport: '去导入',
    questions: {
      ac: '空调',
      lights: '电灯',
      doors_windows: '门窗',
      dripping: '滴漏',
      running: '长流水',
      hot_water: '热水',
      hazard: '隐患',
    } as Record<string, string>,
  },

  campus: {
    title: '校园',
    import: '导入表格',
    buildings: '楼栋',
    searchHint: '名称、编号、类型',
    kind: '种类',
    anyKind: '全部种类',
    kinds: { room: '房间', tap: '用水点', facility: '设施' } as Record<string, string>,
    floor: '楼层',
    anyFloor: '全部楼层',
    columns: {
      number: '编号',
      name: '名称',
      building: '楼栋',
      type: '类型',
      equipment: '设备',
      tag: '短码',
      last: '上次巡查',
    },
    ac: (n: number) => `空调 ${n} 台`,
    lights: (n: number) => `灯 ${n} 盏`,
    taps: (n: number) => `龙头 ${n} 个`,
    hotWater: '有热水',
    state: '状态',
    allStates: '在用和停用',
    off: '已停用',
    never: '从未巡查',
    empty: '还没有点位',
    emptyWhy: '把学校的房间、用水点和路线表格（.xlsx）导入，每个点位会自动得到一张标签。',
    edit: '修改点位',
    form: {
      name: '名称',
      number: '编号',
      floor: '楼层（负数为地下）',
      type: '类型',
      acCount: '空调台数',
      lightCount: '灯数',
      tapCount: '龙头数',
      valve: '阀门位置',
      remark: '备注',
      active: '在用',
      doorFigure: '标签旁挂每周一换的两位数字',
      doorFigureHint:
        '印出来的码被拍照复印，和原来的分不出来；复印件上没有这周的数字。手机每次巡查只在其中一处问，事先谁也不知道是哪里。数字在「标签」页按周打印，周一白天换好。',
      activeHint: '停用的点位不再出现在手机上，过去的记录都保留',
      renameHint: '改名不需要重新打印标签',
    },
    showTag: '看标签',
    noTag: '没有标签',
  },

  import: {
    title: '导入表格',
    drop: '把 .xlsx 文件拖到这里',
    or: '或',
    choose: '选择文件',
    limits: '不超过 512 kB。房间、用水点、巡查路线三页都可以放在一个文件里，缺哪页都行。',
    safe: '先只检查、不写入，看过结果再决定。',
    tooLarge: '文件超过 512 kB。删去图片和多余的页再试。',
    notXlsx: '只认 .xlsx 文件。旧的 .xls 请先另存为 .xlsx。',
    checking: (name: string) => `正在检查 ${name}`,
    importing: (name: string) => `正在导入 ${name}`,
    dryTitle: (name: string) => `检查结果：${name}`,
    doneTitle: (name: string) => `已导入：${name}`,
    dryNote: '还没有写入任何内容。',
    allKnown: '表格里的内容都已经在系统里，不需要导入。',
    apply: (n: string) => `导入这 ${n} 条`,
    applyRefused: (n: string) => `有 ${n} 行读不懂，不会导入；其余照常。`,
    another: '换一个文件',
    again: '再导入一个',
    sheets: { rooms: '房间', taps: '用水点', routes: '巡查路线' } as Record<string, string>,
    columns: {
      sheet: '工作表',
      row: '行',
      cell: '单元格',
      status: '结果',
      what: '内容',
      why: '原因',
      new: '新增',
      changed: '变更',
      unchanged: '不变',
      refused: '拒绝',
    },
    statuses: { new: '新增', changed: '变更', unchanged: '不变', refused: '拒绝', ignored: '跳过' } as Record<string, string>,
    rows: '逐行结果',
    more: (n: string) => `还有 ${n} 行，请下载结果查看`,
    onlyRefused: '只看拒绝',
    notes: '说明',
    csv: '下载结果（CSV）',
    csvName: '导入结果',
    fields: {
      building: '楼栋',
      floor: '楼层',
      number: '编号',
      name: '名称',
      type: '类型',
      grade: '年级',
      class_name: '班级',
      ac_count: '空调台数',
      ac_power_kw: '单台功率',
      light_count: '灯数',
      tap_count: '龙头数',
      has_hot_water: '有热水',
      valve: '阀门位置',
      remark: '备注',
      kind: '种类',
      start: '开始时间',
      window: '时限',
      weekdays: '星期',
      scope: '范围',
      questions: '检查内容',
      stops: '站点数',
    } as Record<string, string>,
    nothing: '空',
    change: (field: string, before: string, after: string) => `${field}：${before} → ${after}`,
    reason: (code: string, p: Record<string, unknown>): string => {
      const value = p['value'] ? `「${p['value']}」` : ''
      const allowed = p['allowed'] ? `，可以写：${p['allowed']}` : ''
      switch (code) {
        case 'missing':
          return `缺${zh.import.fields[String(p['field'])] ?? '必填内容'}`
        case 'column_missing':
          return `没有「${p['allowed']}」这一列，整页没有读`
        case 'duplicate':
          return `与「${p['sheet']}」第 ${p['row']} 行重复`
        case 'not_text':
        case 'number_unreadable':
          return `${value}不能当作文字或编号`
        case 'too_long':
          return `${value}太长（${p['length']} 字，最多 ${p['max']} 字）`
        case 'not_a_count':
          return `${value}不是数量${allowed}`
        case 'not_a_power':
          return `${value}不是功率${allowed}`
        case 'unit_missing':
          return `${value}看不出单位${allowed}`
        case 'not_a_floor':
          return `${value}不是楼层${allowed}`
        case 'not_minutes':
          return `${value}不是时长${allowed}`
        case 'not_a_time':
          return `${value}不是钟点${allowed}`
        case 'not_weekdays':
          return `${value}不是星期${allowed}`
        case 'not_yes_no':
          return `${value}看不出是或否${allowed}`
        case 'not_questions':
          return `${value}里有不认识的检查内容${allowed}`
        case 'cell_is_date':
          return `${value}被 Excel 当成了日期，请把单元格改成文本再填`
        case 'out_of_range':
          return `${value}超出范围${allowed}`
        case 'cell_error':
          return `单元格里是错误值${value}`
        case 'formula_without_value':
          return '公式没有算出结果，请在 Excel 里打开并保存一次'
        case 'count_merged':
          return `数量写在合并单元格 ${p['range']} 里，分不清属于哪一行`
        case 'kind_conflict':
          return `这个编号已经是${p['kind'] === 'tap' ? '用水点' : '房间'}`
        case 'scope_unknown':
          return `范围里的「${p['part']}」对不上任何楼栋或点位`
        case 'scope_empty':
          return `范围里的「${p['part']}」没有可巡查的点位`
        case 'scope_ambiguous':
          return `范围里的「${p['part']}」不止一处${allowed}`
        case 'header_again':
          return '又一行表头'
        case 'total_row':
          return '合计行'
        case 'note_row':
          return '说明行'
        default:
          return '这一行读不懂'
      }
    },
    note: (code: string, p: Record<string, unknown>): string => {
      const headings = Array.isArray(p['headings']) ? p['headings'].join('、') : ''
      switch (code) {
        case 'sheet_not_recognised':
          return `没有认出这一页，整页未读${headings ? `（表头：${headings}）` : ''}`
        case 'sheet_hidden':
          return '隐藏的工作表，没有读'
        case 'columns_ignored':
          return `不认识的列未读：${headings}`
        case 'blank_rows':
          return `跳过 ${p['count']} 个空行`
        case 'power_unit_by_size':
          return `有 ${p['count']} 个功率没写单位，按大小当作瓦或千瓦（例如 ${p['cell']}）`
        case 'places_inactive':
          return `其中 ${p['count']} 个点位已停用，不会出现在手机上`
        default:
          return code
      }
    },
    toPlaces: '看点位',
    toTags: '打印标签',
  },

  tags: {
    title: '标签',
    searchHint: '短码、点位、编号',
    state: '状态',
    live: '在用',
    blank: '空白',
    noPlace: '还没有点位',
    revoked: '已停用',
    allStates: '全部',
    building: '楼栋',
    columns: {
      short: '短码',
      place: '点位',
      building: '楼栋',
      printed: '打印',
      state: '状态',
      median: '读码（中位）',
      byHand: '手输或拍照',
      known: '登记在',
      said: '保安说在',
      by: '谁、何时',
    },
    notPrinted: '还没打印',
    print: '打印标签',
    printTitle: '打印标签',
    printOneTitle: (short: string) => `打印标签 ${short}`,
    scope: { unprinted: '只要还没打印过的' },
    allPrinted: '这个范围里的标签都打印过了',
    output: '得到',
    outputs: { pdf: 'PDF 标签', svg: 'SVG 图形', png: 'PNG 图片' },
    outputHint: '只有二维码，没有文字，每个点位一个文件，按楼栋和编号命名，给印刷厂或排版软件用。导出不算已打印。',
    outputOneHint: '只有二维码，没有文字，给印刷厂或排版软件用。导出不算已打印。',
    outputBlankHint: '只有二维码，没有文字，按短码命名，一张一个文件，给印刷厂或排版软件用。导出不算已打印。',
    chosen: (n: string) => `共 ${n} 张标签`,
    paper: '纸张',
    papers: {
      a4: 'A4，每页 12 张',
      a5: 'A5，每页 4 张大标签',
      roll40: '40 毫米标签卷（40×60）',
      roll50: '50 毫米标签卷（50×70）',
      roll60: '60 毫米标签卷（60×80）',
      small25: '25 毫米小标签，A4 每页 42 张',
    } as Record<string, string>,
    codeSize: (mm: string) => `码宽 ${mm} 毫米。`,
    sheetAdvice: '按「实际大小」打印，沿裁切标记裁开；覆膜用哑光膜，亮光膜在手电下会反光。码四周的白边不要遮挡。',
    rollAdvice: '打印机的纸张设成标签的尺寸，不要缩放。用热转印标签，热敏纸几个月就会褪色；洗手台旁用防水的 PET 哑光标签。',
    longAddress: (characters: string, enough: string, paper: string, read: string, readShort: string) =>
      `现在的访问地址让每个码有 ${characters} 个字符，${enough} 个以内最好认。实测的昏暗、倾斜、模糊画面，印在「${paper}」上一次读出 ${read}，${enough} 个字符时是 ${readShort}。有短一点的域名更好；不改也能用。`,
    make: { pdf: '生成 PDF', svg: '导出 SVG', png: '导出 PNG' },
    making: '正在生成，两千张约十秒。可以关掉这个窗口，做好后自动下载。',
    made: { pdf: 'PDF 已下载。打印时选「实际大小」，不要缩放。', svg: '已下载。', png: '已下载。' },
    fileName: '标签',
    movedTitle: '保安说这些标签不在登记的点位',
    unknownPlace: '没有这个点位',
    unknownTag: '没有这张标签',
    moveThere: '改到那里',
    printBack: '重印贴回原处',
    leaveIt: '不改',
    figures: '门上数字',
    figuresWhy: (from: string, then: string) =>
      `周一白天换好：${from} 起用「本周」，${then} 起用「下周」。只有换数字的人该看到这张表。要增减点位，在「校园」里打开点位勾选。`,
    figuresNone: '还没有点位挂数字',
    figuresNoneWhy: '印出来的码可以被复印。在「校园」里打开一个点位，勾选“标签旁挂每周一换的两位数字”，手机就会不定在哪一处问。',
    thisWeek: '本周',
    nextWeek: '下周',
    printPage: '打印这张表',
    worn: '难扫的',
    wornWhy:
      '最近 10 次里，一半以上要 1.5 秒才读出来（走到门口的时间），或十次有三次只能手输、拍照。趁保安还愿意扫，先重印换上；至少 3 次才算，重印后重新统计。',
    wornNone: '没有难扫的标签',
    wornNoneWhy: '手机会报告每次读码用了多久。读得慢、常要手输的标签会出现在这里。',
    wornPrintAll: (n: string) => `重印这 ${n} 张`,
    wornPrinted: (n: string) => `${n} 张，换上后重新统计。`,
    byHand: (n: string, of: string) => `${of} 次里 ${n} 次`,
    readIn: (s: string) => `${s} 秒`,
    reprint: '重印',
    blankMake: '空白标签',
    blankTitle: '打印空白标签',
    blankWhat:
      '空白标签只有二维码和短码。先贴到门上，保安巡查时扫一下、选点位，这张标签就登记好了；那个点位原来的标签自动停用。',
    blankCount: '张数',
    blankMade: (n: string) => `已做好 ${n} 张。换一种纸再生成，还是这几张，不会多做。`,
    blankFile: '空白标签',
    symbolsName: '二维码',
    count: (n: string) => `约 ${n} 张标签`,
    printRow: '打印',
    sticker: {
      write: '写到 NFC 贴',
      hold: '把 NFC 贴靠近手机背面',
      written: '写好了，贴到标签旁边',
      failed: '没有写成。请打开手机的 NFC，靠近后再试一次',
    },
    replace: '换新标签',
    replaceTitle: '换一张新标签',
    replaceWhy:
      '旧标签立即停用；以后有人扫到旧标签，手机会请他扫新标签，打卡照收，但会记为存疑。新标签要打印后贴上。点位不再需要标签时，选「只停用」。',
    retire: '停用',
    retireOnly: '只停用',
    retireTitle: '停用这张空白标签',
    retireBlankWhy: '丢了或印坏了的空白标签，停用后不能再登记到点位。',
    reason: '原因',
    reasons: ['破损', '丢失', '看不清', '被人拍照外传'],
    reasonMissing: '请写明原因',
    replaced: (short: string) => `新标签是 ${short}，请打印后贴上`,
    printThis: '打印这张',
    empty: '还没有标签',
    emptyWhy: '导入点位后，每个点位自动有一张标签。',
  },

  people: {
    title: '人员与手机',
    tabs: { people: '人员', phones: '手机', aside: '搁置的记录' },
    tabsLabel: '人员与手机的分页',
    add: '添加人员',
    addTitle: '添加人员',
    editTitle: '修改人员',
    searchHint: '姓名、账号',
    role: '岗位',
    anyRole: '全部岗位',
    roles: {
      guard: '保安',
      repairer: '水电工',
      inspector: '检查员',
      supervisor: '主管',
      admin: '管理员',
      district: '区县管理',
    } as Record<string, string>,
    roleHints: {
      guard: '用手机巡查',
      repairer: '用手机巡查和处理水电',
      inspector: '抽查，可以看值班台',
      supervisor: '看全部、登记手机、打印标签',
      admin: '再加上管理人员',
      district: '看多所学校的汇总',
    } as Record<string, string>,
    columns: { name: '姓名', role: '岗位', account: '账号', pin: 'PIN', state: '状态', added: '添加于' },
    hasPin: '已设',
    noPin: '未设',
    active: '在岗',
    off: '已停用',
    allStates: '在岗和停用',
    name: '姓名',
    nameMissing: '请填姓名',
    account: '值班台账号',
    accountHint: '要用值班台的人才需要',
    accountNeeded: '这个岗位要用值班台，请填账号',
    accountUnfit: '用 2–60 个字母、数字或 _.@-',
    passwordShort: '密码至少 8 个字符',
    password: '密码',
    passwordHint: '留空则自动生成，只显示一次',
    passwordChange: '新密码（留空则不变）',
    pinHint: '巡查 PIN 自动生成，保存后显示一次',
    activeLabel: '在岗',
    activeHint: '停用后不能登录，也不再出现在手机的名单里；过去的记录都保留',
    resetPin: '重设 PIN',
    resetPinAsk: (name: string) => `给${name}换一个新的 PIN？旧的马上失效。`,
    resetPinDo: '换新 PIN',
    once: '只显示这一次，请现在告诉本人',
    newPin: 'PIN',
    newPassword: '密码',
    readOnly: '只有管理员能修改人员',
    empty: '还没有其他人员',
    emptyWhy: '添加保安、水电工和主管；保安会得到一个 6 位 PIN，在登记过的手机上选自己的名字使用。',
    done: '知道了',
  },

  phones: {
    enrol: '登记手机',
    enrolTitle: '登记一部手机',
    enrolWhy: '用要登记的手机扫下面的二维码。二维码只能用一次，10 分钟内有效。',
    nameLabel: '给手机起个名字（可不填）',
    nameHint: '例如：东门保安室 1 号机',
    start: '生成二维码',
    making: '正在生成',
    qr: '登记用的二维码',
    left: (text: string) => `还有 ${text}有效`,
    expired: '二维码已过期',
    renew: '重新生成',
    waiting: '等待手机扫码',
    used: (name: string) => `「${name}」已登记`,
    usedWhy: '在手机上选择姓名、输入 PIN 就可以开始巡查。',
    another: '再登记一部',
    byHand: '扫不了时，在手机浏览器里打开这个地址',
    columns: { name: '手机', person: '最近使用', seen: '最后联系', waiting: '待送', state: '状态', enrolled: '登记', app: '版本' },
    never: '还没联系过',
    noneWaiting: '全部已送达',
    waitingN: (n: string) => `${n} 条待送`,
    unknownWaiting: '未知',
    notPersisted: '手机可能清掉数据',
    notPersistedWhy: '浏览器没有答应长期保存数据。请把网页添加到主屏幕，并从那里打开。',
    live: '在用',
    revoked: '已停用',
    enrolledBy: (name: string) => `由${name}登记`,
    revoke: '停用',
    revokeTitle: (name: string) => `停用「${name}」`,
    revokeWhy: '这部手机立即不能再上传或下载。手机里还没送达的记录会留在手机里，可以导出。',
    revokeWaiting: (n: string) => `它还有 ${n} 条记录没有送达。能联网的话，先让它送完再停用。`,
    revokeDo: '停用这部手机',
    empty: '还没有登记手机',
    emptyWhy: '每部巡查用的手机登记一次，之后没有信号也能打卡。',
  },

  aside: {
    why: '服务器读不懂、或与已有内容矛盾的记录放在这里，一条不丢，原文可看。',
    columns: { received: '收到', device: '手机', n: '序号', reason: '原因' },
    title: '读不懂或有矛盾的记录',
    line: '原文',
    empty: '没有搁置的记录',
    emptyWhy: '手机送来的记录都读懂了。',
  },

  rescues: {
    take: '接收手机里的记录',
    takeTitle: '接收停用手机里的记录',
    takeWhy: '手机被停用、或服务器不再认它时，用它扫下面的二维码，里面的记录会全部交到这里，先不进台账。10 分钟内有效，只给一部手机用。',
    start: '生成转交码',
    qr: '转交记录用的二维码',
    used: (name: string) => `「${name}」已开始转交`,
    usedWhy: '手机上显示「已转交」就是交完了。记录列在下面，由你决定是否收入。',
    title: '转交来的记录，等你决定',
    why: '这些记录来自不能自己发送的手机。收入后和平常送达的一样处理，历史里会写明是谁收的；不收就一直留在这里。',
    columns: { received: '收到', device: '手机', person: '使用人', records: '记录', made: '手机上的时间' },
    records: (n: string) => `${n} 条`,
    nobody: '未知',
    accept: '收入',
    acceptTitle: (device: string) => `收入「${device}」转交的记录`,
    acceptWhy: (n: string) => `${n} 条记录会写进日志，和平常送达的一样进入巡查和台账。写进去就不能再拿出来。`,
    acceptDo: '收入这些记录',
    accepted: (n: string, aside: number) => (aside ? `已收入 ${n} 条，其中 ${aside} 条读不懂，仍列在搁置的记录里` : `已收入 ${n} 条`),
  },

  contradictions: {
    title: '手机留存的账首与总账对不上',
    why: '服务器每天给总账签一个账首，手机各自留存。下面的账首是本服务器签过的，现在的总账却对不上：记录可能被人改过或截掉。请保管好这些手机，与备份核对，并在服务器上运行',
    columns: { noted: '发现于', device: '手机', head: '留存的账首', what: '哪里不对' },
    head: (day: string, n: string) => `${day}，到第 ${n} 条`,
    differs: '到这一条为止的内容与当时不同',
    beyond: '总账现在没有这么多条',
  },

  losses: {
    title: '可能丢失的记录',
    why: '手机报过这些序号，却没有送来，之后换了新的存储：可能被清空、刷机或弄丢了。请尽快找到这部手机和当时的使用人核对。记录送到后，这里会自动消失。',
    columns: { since: '发现于', device: '手机', person: '最后使用', numbers: '序号' },
    numbers: (from: number, to: number) => (from === to ? `${from}` : `${from}–${to}，共 ${to - from + 1} 条`),
    nobody: '未知',
  },
}
export type DeskWords = typeof zh
