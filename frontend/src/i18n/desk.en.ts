import type { DeskWords } from './desk.zh-CN'

/** 17 min, 2 h 5 min: a length of time in seconds. */
function span(seconds: number): string {
  const whole = Math.abs(Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.round(whole / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} days`
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
}

function ordinal(n: number): string {
  return ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][n - 1] ?? ''
}

export const en: DeskWords = {
  app: 'Campus Patrol',
  desk: 'Desk',

  nav: {
    label: 'Main menu',
    skip: 'Skip to content',
    night: 'Tonight',
    ledger: 'Ledger',
    rounds: 'Rounds',
    campus: 'Campus',
    tags: 'Tags',
    people: 'People & phones',
    peopleShort: 'People',
    notFound: 'There is no such page',
    toNight: 'Back to tonight',
  },

  me: {
    open: 'My settings',
    signOut: 'Sign out',
    otherLanguage: '中文',
    toDark: 'Switch to dark',
    toLight: 'Switch to light',
    dark: 'Dark',
    light: 'Light',
  },

  signIn: {
    title: 'Sign in to the desk',
    motto: 'who went where at night, and what was left on',
    account: 'Account',
    password: 'Password',
    show: 'Show password',
    hide: 'Hide password',
    submit: 'Sign in',
    busy: 'Signing in',
    accountMissing: 'Fill in the account',
    passwordMissing: 'Fill in the password',
    wait: (left: string) => `Too many tries. Try again in ${left}`,
    waitOver: 'You can try again now',
    expired: 'You have been signed out. Sign in again; changes that were not saved must be made again.',
    insecure:
      'This page was not opened over HTTPS, so the browser will not keep a sign-in and you cannot sign in here. Open the address that starts with https://, or use localhost on the server itself.',
    notKept:
      'Account and password are right, but the browser did not keep the sign-in. Open the address that starts with https://, or try another browser.',
    noDesk: 'Your role does not use the desk. Ask the school administrator if you need it.',
    noPermission: 'Your role cannot see this page',
    guard: 'Guards use the home page on their phone',
  },

  common: {
    close: 'Close',
    cancel: 'Cancel',
    save: 'Save',
    saving: 'Saving',
    searchFor: (what: string) => `Search: ${what}`,
    all: 'All',
    retry: 'Try again',
    clearFilters: 'Clear filters',
    loading: 'Loading',
    nothingMatches: 'Nothing matches these filters',
    stale: (time: string) => `Could not update. Below is what was known at ${time}`,
    page: (page: number, pages: number) => `Page ${page} of ${pages}`,
    previousPage: 'Previous page',
    nextPage: 'Next page',
    total: (n: string) => `${n} in all`,
    print: 'Print',
    keys: 'j k move, enter opens, / searches, esc closes',
    seconds: span,
    ago: (seconds: number) => (seconds < 60 ? 'just now' : seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`),
    place: (building: string, floor: number) => `${building}, ${floor < 0 ? `basement ${-floor}` : `floor ${floor}`}`,
    floor: (floor: number) => (floor < 0 ? `Basement ${-floor}` : `Floor ${floor}`),
    unknownPlace: 'Unknown place',
    unknownPerson: 'Somebody not on the list',
    list: (names: readonly string[]) => names.join(', '),
    semicolon: '; ',
    ascending: 'earliest first',
    descending: 'latest first',
    photo: (n: number) => `Photo ${n}`,
    photos: (n: number) => (n === 1 ? '1 photo' : `${n} photos`),
    photoOnTheWay: 'Photo still on the phone; it comes when the phone is online',
    photoMissing: {
      damaged: 'Photo damaged on the phone; it will not come',
      lost: 'Photo not kept (no room, or cleared); it will not come',
      refused: 'Photo could not be opened and was not taken',
    },
  },

  night: {
    tonight: 'Tonight',
    lastNight: 'Last night',
    previous: 'Previous night',
    next: 'Next night',
    nightBefore: 'The night before last',
    choose: 'Choose a night (date and number of checkpoints)',
    toTonight: 'Show tonight',
    option: (day: string, checkpoints: string) => `${day} · ${checkpoints}`,
    notYet: 'No checkpoint tonight yet. This is the latest night.',
    liveAt: (time: string) => `Updated ${time}`,
    lost: 'Connection lost, trying again',
    figures: 'Figures of this night; each one shows only its kind',
    done: 'Visited as planned',
    missed: 'Missed',
    ac: 'AC left on',
    light: 'Lights left on',
    leak: 'Leaks',
    hazard: 'Hazards',
    doubts: 'Doubts',
    abnormal: 'Everything abnormal',
    routes: 'Routes of this night',
    routeTime: (start: string, minutes: number) => `from ${start}, ${minutes} min`,
    since: (start: string) => `from ${start}`,
    notStarted: 'Not started',
    notWalked: 'Not walked',
    voluntary: 'Outside any route',
    searchHint: 'Place, number, note',
    building: 'Building',
    anyBuilding: 'All buildings',
    person: 'Guard',
    anyPerson: 'All guards',
    columns: {
      time: 'Time',
      place: 'Place',
      person: 'Guard',
      readings: 'Readings',
      photos: 'Photos',
      doubts: 'Doubts',
      building: 'Building',
      routes: 'On route',
      last: 'Last visited',
    },
    never: 'Never visited',
    voided: 'Voided',
    printedOnly: (filters: string) => `Only part of the night is listed: ${filters}`,
    newRows: (n: number) => (n === 1 ? '1 new checkpoint' : `${n} new checkpoints`),
    empty: (day: string) => `No checkpoint on ${day}`,
    emptyWhy: 'When a guard scans the tag of a place with an enrolled phone, the checkpoint appears here.',
    emptySetUp: 'There is no place yet. Import the sheet of rooms and water points first, then print tags and enrol phones.',
    enrol: 'Enrol a phone',
    import: 'Import a sheet',
    nothingMissed: 'Nothing missed: every planned place was visited',
    nothingPlanned: 'No route was planned for this night, so nothing could be missed',
  },

  readings: {
    allNormal: 'All normal',
    nothing: 'No readings',
    handled: 'put right',
    abnormal: {
      ac: 'AC left on',
      lights: 'Lights left on',
      doors_windows: 'Door or window open',
      dripping: 'Dripping',
      running: 'Left running',
      hot_water: 'Hot water fault',
      hazard: 'Hazard',
    },
    normal: {
      ac: 'AC off',
      lights: 'Lights off',
      doors_windows: 'Doors, windows shut',
      dripping: 'Not dripping',
      running: 'Not running',
      hot_water: 'Hot water fine',
      hazard: 'No hazard',
    },
  },

  checkpoint: {
    phoneTime: 'Phone time',
    received: 'Reached the server',
    late: (seconds: number) => `${span(seconds)} later`,
    corrected: 'Corrected time',
    correctedWhy: "The phone's clock was off; corrected by the server's",
    person: 'Guard',
    device: 'Phone',
    method: 'How',
    methods: {
      camera: 'Scanned',
      typed: 'Short code typed',
      photo: 'Photo of the code',
      url: "Opened with the phone's camera",
      list: 'Picked from the list',
      nfc: 'Tapped',
    },
    tag: 'Tag',
    took: 'Time taken',
    voided: (time: string) => `The guard voided this checkpoint at ${time}`,
    photos: 'Photos',
    doubts: 'Doubts',
    clear: 'Clear',
    clearing: 'Clearing',
    clearNote: 'Explanation (optional)',
    cleared: (time: string, by: string) => (by ? `Cleared by ${by}, ${time}` : `Cleared ${time}`),
    clearedNote: (note: string) => `Explanation: ${note}`,
    previous: 'Previous',
    next: 'Next',
  },

  doubt: {
    short: {
      tag_unknown: 'Unknown tag',
      tag_blank: 'Blank tag',
      figure_wrong: 'Wrong digits',
      figure_missing: 'No digits given',
      tag_revoked: 'Revoked tag',
      tag_other_school: "Another school's tag",
      typed_code: 'Typed code',
      clock_moved: 'Clock off',
      person_off: 'Person switched off',
      person_unknown: 'Person unknown',
      pin_unverified: 'PIN not checked',
      place_mismatch: 'Place differs',
      no_tag: 'No scan',
    },
    sentence: (kind: string, p: Record<string, unknown>): string => {
      switch (kind) {
        case 'tag_unknown':
          return `The tag read is none the school has made (${p['tag'] ?? '?'})`
        case 'figure_wrong':
          return `The digits given for the door were ${p['said'] ?? '?'}, which is not this week’s (or they were not changed yet)`
        case 'figure_missing':
          return 'The phone was to ask for the digits on the door, and none were given'
        case 'tag_blank':
          return 'The tag is blank: nobody has said yet where it hangs'
        case 'tag_revoked':
          return 'The tag read is an old one that has been revoked'
        case 'tag_other_school':
          return 'The tag read belongs to another school'
        case 'typed_code':
          return 'The short code was typed, not scanned'
        case 'no_tag':
          return 'Nothing was scanned; the place was picked from the list'
        case 'clock_moved': {
          const seconds = Number(p['seconds'] ?? 0)
          if (p['against'] === 'elapsed') return `The phone's clock was changed by ${span(seconds)} during the round`
          return `The phone's clock was ${span(seconds)} ${seconds < 0 ? 'behind' : 'ahead of'} the server's`
        }
        case 'person_off':
          return `${p['name'] ?? 'This person'} was switched off at that time`
        case 'person_unknown':
          return 'The person is not on the list of people'
        case 'pin_unverified':
          return 'The server did not check the PIN: it only shows who picked this name'
        case 'place_mismatch':
          return `The phone named ${p['said'] ?? 'another place'}, which is not where the tag belongs`
        default:
          return 'Please have a look'
      }
    },
  },

  kinds: { ac: 'AC', light: 'Lights', leak: 'Leak', hazard: 'Hazard' },
  categories: {
    fire: 'Fire safety',
    electricity: 'Electricity',
    water: 'Water',
    building: 'Building',
    food: 'Food',
    lab_chemicals: 'Lab chemicals',
    classroom_chemicals: 'Classroom disinfectants',
    school_bus: 'School bus',
    surroundings: 'Around the school',
    crowding: 'Crowding',
    special_equipment: 'Special equipment',
    other: 'Other',
  },
  grades: { general: 'General', major: 'Major' },
  statuses: { open: 'Open', closed: 'Closed' },

  ledger: {
    title: 'Ledger of findings',
    searchHint: 'Number, place, description',
    kind: 'Kind',
    anyKind: 'All kinds',
    grade: 'Grade',
    anyGrade: 'All grades',
    status: 'Status',
    anyStatus: 'Open and closed',
    columns: {
      number: 'Number',
      foundAt: 'Found',
      kind: 'Kind',
      place: 'Place',
      description: 'Description',
      grade: 'Grade',
      photos: 'Photos',
      status: 'Status',
      person: 'Found by',
    },
    handled: 'Put right at once',
    noDescription: 'No description',
    empty: 'The ledger has no findings yet',
    emptyWhy: 'AC or lights left on, leaks and hazards noted on a round come into the ledger by themselves.',
    toNight: 'Show tonight',
    night: 'Night',
    toCheckpoint: 'Show the checkpoint',
  },

  rounds: {
    title: 'Patrol routes',
    columns: { name: 'Route', weekdays: 'Days', start: 'Starts', window: 'Time allowed', questions: 'What to check', stops: 'Stops' },
    minutes: (n: number) => `${n} min`,
    stops: (n: string) => `${n} stops`,
    weekdays: (days: readonly number[]) => (days.length === 7 ? 'Every day' : days.map(ordinal).join(', ')),
    off: 'Switched off',
    tonight: 'Tonight',
    empty: 'There is no patrol route yet',
    emptyWhy: 'Routes stand on the sheet 巡查路线 of the import file: name, start, minutes, days, scope and what to check.',
    import: 'Import a sheet',
    change: 'Routes come from the imported sheet. Change the sheet and import it again; the routes follow.',
    placesOwn: 'The checks listed here are asked all along the route; each place adds its own on the phone, such as dripping and hot water at a tap.',
    toImport: 'Go to import',
    questions: {
      ac: 'AC',
      lights: 'Lights',
      doors_windows: 'Doors, windows',
      dripping: 'Dripping',
      running: 'Left running',
      hot_water: 'Hot water',
      hazard: 'Hazards',
    },
  },

  campus: {
    title: 'Campus',
    import: 'Import a sheet',
    buildings: 'Buildings',
    searchHint: 'Name, number, type',
    kind: 'Kind',
    anyKind: 'All kinds',
    kinds: { room: 'Room', tap: 'Water point', facility: 'Facility' },
    floor: 'Floor',
    anyFloor: 'All floors',
    columns: {
      number: 'Number',
      name: 'Name',
      building: 'Building',
      type: 'Type',
      equipment: 'Equipment',
      tag: 'Short code',
      last: 'Last visited',
    },
    ac: (n: number) => `${n} AC`,
    lights: (n: number) => (n === 1 ? '1 lamp' : `${n} lamps`),
    taps: (n: number) => (n === 1 ? '1 tap' : `${n} taps`),
    hotWater: 'hot water',
    state: 'State',
    allStates: 'In use and switched off',
    off: 'Switched off',
    never: 'Never visited',
    empty: 'There is no place yet',
    emptyWhy: "Import the school's sheet (.xlsx) of rooms, water points and routes; every place gets its tag by itself.",
    edit: 'Edit place',
    form: {
      name: 'Name',
      number: 'Number',
      floor: 'Floor (below ground is negative)',
      type: 'Type',
      acCount: 'AC units',
      lightCount: 'Lamps',
      tapCount: 'Taps',
      valve: 'Where the valve is',
      remark: 'Remark',
      active: 'In use',
      doorFigure: 'Two digits, changed weekly, hang beside the tag',
      doorFigureHint:
        'A photographed copy of a printed code cannot be told from the original; but a copy does not show this week’s digits. On each round the phone asks at one such door, and nobody knows before which. The digits are printed week by week under Tags; hang them by day on Monday.',
      activeHint: 'A place that is switched off leaves the phones; its past records stay',
      renameHint: 'A new name needs no new tag',
    },
    showTag: 'Show its tag',
    noTag: 'No tag',
  },

  import: {
    title: 'Import a sheet',
    drop: 'Drag an .xlsx file here',
    or: 'or',
    choose: 'Choose a file',
    limits: 'Up to 512 kB. Rooms, water points and routes may stand on sheets of one file; any of them may be missing.',
    safe: 'First it is only checked and nothing is written; you decide when you have seen the result.',
    tooLarge: 'The file is larger than 512 kB. Remove pictures and other sheets, then try again.',
    notXlsx: 'Only .xlsx files can be read. Save an old .xls as .xlsx first.',
    checking: (name: string) => `Checking ${name}`,
    importing: (name: string) => `Importing ${name}`,
    dryTitle: (name: string) => `What was found in ${name}`,
    doneTitle: (name: string) => `Imported: ${name}`,
    dryNote: 'Nothing has been written yet.',
    allKnown: 'Everything in this file is already here. There is nothing to import.',
    apply: (n: string) => `Import these ${n}`,
    applyRefused: (n: string) =>
      n === '1' ? '1 row could not be understood and stays out; the others come in.' : `${n} rows could not be understood and stay out; the others come in.`,
    another: 'Another file',
    again: 'Import another file',
    sheets: { rooms: 'Rooms', taps: 'Water points', routes: 'Routes' },
    columns: {
      sheet: 'Sheet',
      row: 'Row',
      cell: 'Cell',
      status: 'Result',
      what: 'Content',
      why: 'Reason',
      new: 'New',
      changed: 'Changed',
      unchanged: 'Unchanged',
      refused: 'Refused',
    },
    statuses: { new: 'New', changed: 'Changed', unchanged: 'Unchanged', refused: 'Refused', ignored: 'Skipped' },
    rows: 'Row by row',
    more: (n: string) => `${n} more rows: download the result to see them`,
    onlyRefused: 'Refused only',
    notes: 'Notes',
    csv: 'Download the result (CSV)',
    csvName: 'import-report',
    fields: {
      building: 'building',
      floor: 'floor',
      number: 'number',
      name: 'name',
      type: 'type',
      grade: 'grade',
      class_name: 'class',
      ac_count: 'AC units',
      ac_power_kw: 'power of one unit',
      light_count: 'lamps',
      tap_count: 'taps',
      has_hot_water: 'hot water',
      valve: 'valve',
      remark: 'remark',
      kind: 'kind',
      start: 'start',
      window: 'time allowed',
      weekdays: 'days',
      scope: 'scope',
      questions: 'what to check',
      stops: 'stops',
    },
    nothing: 'empty',
    change: (field: string, before: string, after: string) => `${field}: ${before} → ${after}`,
    reason: (code: string, p: Record<string, unknown>): string => {
      const value = p['value'] ? `“${p['value']}”` : 'This'
      const allowed = p['allowed'] ? `; write it as ${p['allowed']}` : ''
      switch (code) {
        case 'missing':
          return `The ${en.import.fields[String(p['field'])] ?? 'content'} is missing`
        case 'column_missing':
          return `There is no column ${en.import.fields[String(p['field'])] ?? p['allowed']}, so the sheet was not read`
        case 'duplicate':
          return `Same as row ${p['row']} of sheet ${p['sheet']}`
        case 'not_text':
        case 'number_unreadable':
          return `${value} cannot be a text or number of a place`
        case 'too_long':
          return `${value} is too long (${p['length']} characters, ${p['max']} at most)`
        case 'not_a_count':
          return `${value} is not a count${allowed}`
        case 'not_a_power':
          return `${value} is not a power${allowed}`
        case 'unit_missing':
          return `${value} has no unit${allowed}`
        case 'not_a_floor':
          return `${value} is not a floor${allowed}`
        case 'not_minutes':
          return `${value} is not a length of time${allowed}`
        case 'not_a_time':
          return `${value} is not a time of day${allowed}`
        case 'not_weekdays':
          return `${value} are not days of the week${allowed}`
        case 'not_yes_no':
          return `${value} is neither yes nor no${allowed}`
        case 'not_questions':
          return `${value} holds something nobody can check${allowed}`
        case 'cell_is_date':
          return `Excel took ${value} for a date: make the cell a text and type it again`
        case 'out_of_range':
          return `${value} is out of range${allowed}`
        case 'cell_error':
          return `The cell holds the error ${value}`
        case 'formula_without_value':
          return 'The formula has no result: open the file in Excel and save it once'
        case 'count_merged':
          return `The count stands in the merged cells ${p['range']} and could belong to any of their rows`
        case 'kind_conflict':
          return `This number already belongs to a ${p['kind'] === 'tap' ? 'water point' : 'room'}`
        case 'scope_unknown':
          return `“${p['part']}” in the scope is no building or place here`
        case 'scope_empty':
          return `“${p['part']}” in the scope has no place to visit`
        case 'scope_ambiguous':
          return `“${p['part']}” in the scope is more than one place${allowed}`
        case 'header_again':
          return 'The header once more'
        case 'total_row':
          return 'A row of totals'
        case 'note_row':
          return 'A row with a remark'
        default:
          return 'This row could not be understood'
      }
    },
    note: (code: string, p: Record<string, unknown>): string => {
      const headings = Array.isArray(p['headings']) ? p['headings'].join(', ') : ''
      switch (code) {
        case 'sheet_not_recognised':
          return `This sheet was not recognised and not read${headings ? ` (headings: ${headings})` : ''}`
        case 'sheet_hidden':
          return 'This sheet is hidden and was not read'
        case 'columns_ignored':
          return `Columns not read: ${headings}`
        case 'blank_rows':
          return `${p['count']} blank rows passed over`
        case 'power_unit_by_size':
          return `${p['count']} powers without a unit were taken as W or kW by their size (${p['cell']} for one)`
        case 'places_inactive':
          return `${p['count']} of its places are switched off and do not appear on phones`
        default:
          return code
      }
    },
    toPlaces: 'Show places',
    toTags: 'Print tags',
  },

  tags: {
    title: 'Tags',
    searchHint: 'Short code, place, number',
    state: 'State',
    live: 'In use',
    blank: 'Blank',
    noPlace: 'No place yet',
    revoked: 'Revoked',
    allStates: 'All',
    building: 'Building',
    columns: {
      short: 'Short code',
      place: 'Place',
      building: 'Building',
      printed: 'Printed',
      state: 'State',
      median: 'Read in (median)',
      byHand: 'Typed or photo',
      known: 'Belongs to',
      said: 'Hangs at, says the guard',
      by: 'Who, when',
    },
    notPrinted: 'Not printed yet',
    print: 'Print tags',
    printTitle: 'Print tags',
    printOneTitle: (short: string) => `Print tag ${short}`,
    scope: { unprinted: 'Only those not printed yet' },
    allPrinted: 'Every tag in this choice has been printed',
    output: 'Get',
    outputs: { pdf: 'PDF labels', svg: 'SVG codes', png: 'PNG codes' },
    outputHint: 'Codes only, without words: a file for each place, named by building and number, for a print shop or a layout program. They do not count as printed.',
    outputOneHint: 'The code only, without words, for a print shop or a layout program. It does not count as printed.',
    outputBlankHint: 'Codes only, without words: a file for each, named by short code, for a print shop or a layout program. They do not count as printed.',
    chosen: (n: string) => (n === '1' ? '1 tag' : `${n} tags`),
    paper: 'Paper',
    papers: {
      a4: 'A4, 12 a page',
      a5: 'A5, 4 large labels a page',
      roll40: '40 mm label roll (40×60)',
      roll50: '50 mm label roll (50×70)',
      roll60: '60 mm label roll (60×80)',
      small25: '25 mm small labels, 42 on an A4 page',
    },
    codeSize: (mm: string) => `The code is ${mm} mm wide.`,
    sheetAdvice: 'Print at actual size and cut along the marks. Laminate matt: glossy film throws a torch back. Keep the white rim of the code clear.',
    rollAdvice: 'Set the paper in the printer to the size of the label and do not scale. Use thermal transfer: direct thermal paper fades within months. By a tap take waterproof matt PET labels.',
    longAddress: (characters: string, enough: string, paper: string, read: string, readShort: string) =>
      `With the address of this server a code carries ${characters} characters; up to ${enough} read best. Of the measured dark, tilted and blurred frames ${read} were read at once on “${paper}”, ${readShort} with ${enough} characters. A shorter host name helps; these work as well.`,
    make: { pdf: 'Make the PDF', svg: 'Export SVG', png: 'Export PNG' },
    making: 'Being made; two thousand take about ten seconds. You may close this window: the file is downloaded when it is ready.',
    made: { pdf: 'The PDF has been downloaded. Print it at actual size, not fitted to the page.', svg: 'Downloaded.', png: 'Downloaded.' },
    fileName: 'tags',
    movedTitle: 'Guards say that these tags hang elsewhere',
    unknownPlace: 'No such place',
    unknownTag: 'No such tag',
    moveThere: 'Move it there',
    printBack: 'Print again for the old place',
    leaveIt: 'Leave it',
    figures: 'Door digits',
    figuresWhy: (from, then) =>
      `Hang them by day on Monday: "this week" from ${from}, "next week" from ${then}. Only who hangs them should see this list. To add or remove a door, open the place under Campus.`,
    figuresNone: 'No door has digits yet',
    figuresNoneWhy: 'A printed code can be copied. Open a place under Campus and tick "Two digits, changed weekly, hang beside the tag": phones then ask at one of them, nobody knows which.',
    thisWeek: 'This week',
    nextWeek: 'Next week',
    printPage: 'Print this list',
    worn: 'Hard to scan',
    wornWhy:
      'Of the last 10 scans half took 1.5 s or longer (the time it takes to walk up to the door), or three in ten had to be typed or photographed. Print them again while guards still scan them. From 3 scans on; counted anew after each print.',
    wornNone: 'No tag is hard to scan',
    wornNoneWhy: 'Phones report how long each reading took. Tags that are slow, or often typed, appear here.',
    wornPrintAll: (n) => (n === '1' ? 'Print it again' : `Print these ${n} again`),
    wornPrinted: (n) => (n === '1' ? '1 tag, counted anew.' : `${n} tags, counted anew.`),
    byHand: (n, of) => `${n} of ${of}`,
    readIn: (s) => `${s} s`,
    reprint: 'Print again',
    blankMake: 'Blank tags',
    blankTitle: 'Print blank tags',
    blankWhat:
      'A blank tag has only its code and short code. Put it on the door; on a round a guard scans it, picks the place, and it belongs there. The tag that hung there before stops by itself.',
    blankCount: 'How many',
    blankMade: (n: string) => (n === '1' ? '1 is made. Another paper prints the same one.' : `${n} are made. Another paper prints the same ones, no more.`),
    blankFile: 'blank-tags',
    symbolsName: 'codes',
    count: (n: string) => (n === '1' ? 'About 1 tag' : `About ${n} tags`),
    printRow: 'Print',
    sticker: {
      write: 'Write to an NFC sticker',
      hold: 'Hold the sticker to the back of the phone',
      written: 'Written. Put it up beside the tag',
      failed: 'Not written. Turn NFC on, hold it closer and try again',
    },
    replace: 'Replace tag',
    replaceTitle: 'Replace this tag',
    replaceWhy:
      'The old tag stops at once: the phone asks for the new one, and a checkpoint made with the old is still kept, with a doubt. Print the new one and put it up. When the place needs no tag any more, choose Retire only.',
    retire: 'Retire',
    retireOnly: 'Retire only',
    retireTitle: 'Retire this blank tag',
    retireBlankWhy: 'A blank tag that was lost or misprinted can not be given a place any more.',
    reason: 'Reason',
    reasons: ['Damaged', 'Lost', 'Unreadable', 'Photographed and passed on'],
    reasonMissing: 'Say why',
    replaced: (short: string) => `The new tag is ${short}. Print it and put it up`,
    printThis: 'Print this one',
    empty: 'There is no tag yet',
    emptyWhy: 'Every imported place gets its tag by itself.',
  },

  people: {
    title: 'People and phones',
    tabs: { people: 'People', phones: 'Phones', aside: 'Records put aside' },
    tabsLabel: 'Parts of people and phones',
    add: 'Add a person',
    addTitle: 'Add a person',
    editTitle: 'Edit person',
    searchHint: 'Name, account',
    role: 'Role',
    anyRole: 'All roles',
    roles: {
      guard: 'Guard',
      repairer: 'Repairer',
      inspector: 'Inspector',
      supervisor: 'Supervisor',
      admin: 'Administrator',
      district: 'District officer',
    },
    roleHints: {
      guard: 'patrols with a phone',
      repairer: 'patrols and repairs with a phone',
      inspector: 'spot checks, may look at the desk',
      supervisor: 'sees everything, enrols phones, prints tags',
      admin: 'also manages people',
      district: 'sees figures over several schools',
    },
    columns: { name: 'Name', role: 'Role', account: 'Account', pin: 'PIN', state: 'State', added: 'Added' },
    hasPin: 'Set',
    noPin: 'Not set',
    active: 'On duty',
    off: 'Switched off',
    allStates: 'On duty and switched off',
    name: 'Name',
    nameMissing: 'Fill in the name',
    account: 'Account for the desk',
    accountHint: 'Only for people who use the desk',
    accountNeeded: 'This role uses the desk: fill in an account',
    accountUnfit: 'Use 2–60 letters, digits or _.@-',
    passwordShort: 'A password has at least 8 characters',
    password: 'Password',
    passwordHint: 'Leave it empty and one is made and shown once',
    passwordChange: 'New password (empty: unchanged)',
    pinHint: 'A PIN for patrols is made and shown once after saving',
    activeLabel: 'On duty',
    activeHint: 'Someone switched off cannot sign in and leaves the list on the phones; past records stay',
    resetPin: 'New PIN',
    resetPinAsk: (name: string) => `Give ${name} a new PIN? The old one stops at once.`,
    resetPinDo: 'Make a new PIN',
    once: 'Shown this once. Tell the person now',
    newPin: 'PIN',
    newPassword: 'Password',
    readOnly: 'Only an administrator can change people',
    empty: 'Nobody else is here yet',
    emptyWhy: 'Add guards, repairers and supervisors. A guard gets a 6-digit PIN and picks the name on an enrolled phone.',
    done: 'Done',
  },

  phones: {
    enrol: 'Enrol a phone',
    enrolTitle: 'Enrol a phone',
    enrolWhy: 'Scan the code below with the phone to be enrolled. It works once, for 10 minutes.',
    nameLabel: 'Name of the phone (optional)',
    nameHint: 'For example: East gate 1',
    start: 'Make the code',
    making: 'Making the code',
    qr: 'QR code for enrolling',
    left: (text: string) => `Valid for another ${text}`,
    expired: 'This code has expired',
    renew: 'Make a new one',
    waiting: 'Waiting for the phone to scan',
    used: (name: string) => `“${name}” is enrolled`,
    usedWhy: 'Pick a name on the phone, type the PIN, and the patrol can start.',
    another: 'Enrol another',
    byHand: 'If it cannot scan, open this address in the browser of the phone',
    columns: { name: 'Phone', person: 'Last used by', seen: 'Last contact', waiting: 'Waiting', state: 'State', enrolled: 'Enrolled', app: 'Version' },
    never: 'No contact yet',
    noneWaiting: 'All delivered',
    waitingN: (n: string) => `${n} waiting`,
    unknownWaiting: 'Unknown',
    notPersisted: 'Phone may drop data',
    notPersistedWhy: 'The browser did not promise to keep its data. Add the page to the home screen and open it from there.',
    live: 'In use',
    revoked: 'Revoked',
    enrolledBy: (name: string) => `by ${name}`,
    revoke: 'Revoke',
    revokeTitle: (name: string) => `Revoke “${name}”`,
    revokeWhy: 'The phone can no longer send or fetch anything. Records not yet delivered stay on it and can be exported.',
    revokeWaiting: (n: string) => `It still has ${n} records to deliver. If it can go online, let it finish first.`,
    revokeDo: 'Revoke this phone',
    empty: 'No phone is enrolled yet',
    emptyWhy: 'Each phone used on patrol is enrolled once; after that it works without a signal.',
  },

  aside: {
    why: 'Records the server could not read, or that contradict what it has, are kept here. None is lost and each can be read as it came.',
    columns: { received: 'Received', device: 'Phone', n: 'No.', reason: 'Reason' },
    title: 'Records that cannot be read or that contradict',
    line: 'As it came',
    empty: 'No record was put aside',
    emptyWhy: 'Everything the phones sent could be read.',
  },

  rescues: {
    take: 'Take records from a phone',
    takeTitle: 'Take the records of a phone that is shut out',
    takeWhy: 'For a phone that was revoked or that the server no longer knows: scan the code below with it, and all its records come here without entering the ledger. It lasts 10 minutes and is for one phone.',
    start: 'Make the code',
    qr: 'QR code for handing records over',
    used: (name) => `“${name}” has begun`,
    usedWhy: 'The phone says so when everything is here. The records are listed below, and you decide about them.',
    title: 'Records handed over, for you to decide',
    why: 'They come from a phone that cannot send by itself. Accepted, they count like any others and the history says who accepted them; otherwise they stay here.',
    columns: { received: 'Received', device: 'Phone', person: 'Made by', records: 'Records', made: "The phone's time" },
    records: (n) => (n === '1' ? '1 record' : `${n} records`),
    nobody: 'Unknown',
    accept: 'Accept',
    acceptTitle: (device) => `Accept the records of “${device}”`,
    acceptWhy: (n) =>
      n === '1'
        ? '1 record is written into the log and counts in rounds and ledger like any other. It cannot be taken out again.'
        : `${n} records are written into the log and count in rounds and ledger like any others. They cannot be taken out again.`,
    acceptDo: 'Accept these records',
    accepted: (n, aside) => (aside ? `${n} accepted; ${aside} of them cannot be read and stay among the records put aside` : `${n} accepted`),
  },

  contradictions: {
    title: 'Heads kept on phones that the log contradicts',
    why: 'The server signs a head of the log every day, and phones keep it. It signed these, and its log now says otherwise: records may have been changed or cut off. Keep the phones safe, compare with a backup, and run on the server',
    columns: { noted: 'Noticed', device: 'Phone', head: 'Head kept', what: 'What is wrong' },
    head: (day, n) => `${day}, up to record ${n}`,
    differs: 'The log up to this record is not what it was',
    beyond: 'The log does not have so many records now',
  },

  losses: {
    title: 'Records that may be lost',
    why: 'A phone announced these numbers, never sent them, and went on with a new storage: it may have been cleared, reset or lost. Find the phone and ask who held it. A line goes away by itself when the records arrive.',
    columns: { since: 'Since', device: 'Phone', person: 'Last held by', numbers: 'Numbers' },
    numbers: (from, to) => (from === to ? `${from}` : `${from}–${to}, ${to - from + 1} records`),
    nobody: 'Unknown',
  },
}
