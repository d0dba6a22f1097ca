import type { ScanWords } from './scan.zh-CN'

export const en: ScanWords = {
  title: 'Scan',
  hint: { tag: 'Hold the tag inside the square', enrol: 'Point at the code on the computer', rescue: 'Point at the code on the computer' },
  dark: 'Too dark to read. Choose Torch to light the tag',
  starting: 'Opening the camera. If asked, choose Allow',
  photoWait: 'Looking at the photo',

  close: 'Close',
  torch: 'Torch',
  torchOn: 'Torch off',
  type: 'Type number',
  photo: 'From photo',
  nfc: 'NFC',
  nfcOff: 'Cannot read NFC stickers. Turn NFC on in the phone\u2019s settings and allow it here',
  lens: 'Lens',
  retry: 'Try again',
  camera: 'Camera',

  refused: {
    notOurs: 'Not a patrol tag. Scan the tag on the door',
    misread: 'The tag is not clear. Wipe it and come closer',
    enrolInstead: 'That code is for adding a phone. On a round, scan the tag on the door',
    tagInstead: 'That is a door tag. Scan the code on the supervisor’s computer',
    otherCode: 'That is another kind of code. Ask your supervisor for the right one',
  },
  photoNothing: 'No tag found in the photo. Let the tag fill half of it, without glare',
  photoUnreadable: 'This file cannot be opened. Choose a photo',
  decoderFailed: 'The code reader did not load. Type the number for now, and try again once online',

  trouble: {
    none: 'No camera found',
    refused: 'The browser may not use the camera',
    busy: 'The camera does not open; another app may be using it',
    insecure: 'This address does not begin with https, so the browser keeps the camera closed',
  },
  remedy: {
    none: 'Type the six digits on the tag, or choose a photo of it.',
    busy: 'Close the app that uses the camera and try again. You can type the number meanwhile.',
    insecure: 'Ask the administrator for the address that begins with https and open that one.',
  },
  remedyEnrol: {
    none: 'Scan the code on the computer with the phone’s own camera, then open the address it shows.',
    busy: 'Close the app that uses the camera and try again.',
  },
  allow: {
    wechat: 'WeChat cannot open the camera here. Tap ··· at the top right and choose Open in browser.',
    safari: 'Tap AA left of the address, choose Website Settings, set Camera to Allow, then try again.',
    chrome: 'Tap the icon left of the address, choose Permissions, turn Camera on, then try again.',
    firefox: 'Tap the lock left of the address, clear the blocked camera permission, then try again.',
    other: 'Allow the camera in the browser’s site settings, then try again.',
  },

  typedTitle: 'Six digits on the tag',
  typedHint: 'In large type under the code',
  typedOrRoom: 'Printed under the QR code\nIf the tag is gone, type the room, such as 321',
  typedSoFar: (digits) => (digits ? `Typed ${digits.split('').join(' ')}` : 'Nothing typed yet'),
  typedWrong: 'That number is not right. Compare it with the tag and type it again',
  erase: 'Erase',
}
