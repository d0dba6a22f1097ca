/** Everything the guard page says, as one file to fetch. */
export { en as guard } from './guard.en'
export { en as problems } from './problems.phone.en'
export { en as scan } from './scan.en'
