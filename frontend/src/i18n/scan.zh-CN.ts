import type { CameraTrouble } from '../guard/scan/camera.svelte'
import type { Refusal } from '../guard/scan/reading'
import type { Family } from '../guard/scan/family'

/** The words of the scan screen. */
export const zh = {
  title: '扫码',
  hint: { tag: '把标签放进方框', enrol: '对准电脑上的登记码', rescue: '对准电脑上的转交码' },
  dark: '太暗了，点“手电”照亮标签',
  starting: '正在打开相机，如有询问请点“允许”',
  photoWait: '正在看照片',

  close: '关闭',
  torch: '手电',
  torchOn: '关手电',
  type: '输入号码',
  photo: '照片识别',
  nfc: 'NFC',
  nfcOff: '读不了 NFC 贴。请在手机设置里打开 NFC，并允许浏览器使用',
  lens: '换镜头',
  retry: '再试一次',
  camera: '回到相机',

  refused: {
    notOurs: '这不是巡查标签，请扫门上的标签',
    misread: '标签没有看清，请擦一擦、靠近一点再拍',
    enrolInstead: '这是电脑上给手机用的码，巡查请扫门上的标签',
    tagInstead: '这是点位标签，请扫主管电脑上的码',
    otherCode: '主管打开的是另一种码，请让主管换一个',
  } satisfies Record<Refusal, string>,
  photoNothing: '照片里没有找到标签。请让标签占画面一半，避开反光',
  photoUnreadable: '这个文件打不开，请选一张照片',
  decoderFailed: '读码程序没有载好。可以先输入号码，连上网后再试一次',

  trouble: {
    none: '没有找到相机',
    refused: '浏览器没有得到相机权限',
    busy: '相机打不开，可能正被别的应用占用',
    insecure: '这个网址不是 https 开头，浏览器不开相机',
  } satisfies Record<CameraTrouble, string>,
  remedy: {
    none: '可以输入标签上的六位数字，或选一张标签的照片。',
    busy: '请关掉正在用相机的应用，再试一次。也可以先输入号码。',
    insecure: '请让管理员给出 https 开头的网址，用它重新打开。',
  },
  remedyEnrol: {
    none: '请用手机自带的相机扫电脑上的码，再打开出现的网址。',
    busy: '请关掉正在用相机的应用，再试一次。',
  },
  allow: {
    wechat: '微信里开不了相机。请点右上角“…”，选“在浏览器打开”。',
    safari: '请点地址栏左边的“大小”，选“网站设置”，把“相机”改成“允许”，再试一次。',
    chrome: '请点地址栏左边的图标，选“权限”，打开“相机”，再试一次。',
    firefox: '请点地址栏左边的锁形图标，清除被拦的相机权限，再试一次。',
    other: '请在浏览器的网站设置里允许使用相机，再试一次。',
  } satisfies Record<Family, string>,

  typedTitle: '标签上的六位数字',
  typedHint: '印在二维码下面，大号字',
  typedOrRoom: '印在二维码下面\n标签不见了就输房号，如 321',
  typedSoFar: (digits: string) => (digits ? `已输入 ${digits.split('').join(' ')}` : '还没有输入'),
  typedWrong: '号码不对，请对照标签再输一遍',
  erase: '删一位',
}
export type ScanWords = typeof zh
