/** Everything the guard page says, as one file to fetch. */
export { zh as guard } from './guard.zh-CN'
export { zh as problems } from './problems.phone.zh-CN'
export { zh as scan } from './scan.zh-CN'
