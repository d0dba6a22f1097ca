import type { ProblemWords } from './problems.zh-CN'

export const en: ProblemWords = {
  unknown: 'Something went wrong. Please try again',
  offline: 'The server cannot be reached. Check the network and try again',
  not_our_server: 'Another page stands in between (a network sign-in page, for instance). Sign in to the network first',

  signed_out: 'You are signed out. Please sign in again',
  wrong_password: 'The account or the password is wrong',
  too_many_tries: 'Too many tries. Please wait a little',
  not_permitted: 'Your role may not do this',
  cross_site: 'This request came from another site and was refused',
  not_found: 'Not found. It may have been removed',
  method_not_allowed: 'The server does not do this',
  invalid: 'Some of this is not right. See the marked fields',
  too_large: 'Too large: the server did not take it',
  busy: 'The server is busy. Please try again in a moment',
  server_error: 'The server failed. Nothing is lost; please try again in a moment',

  account_taken: 'Someone already has this account name',
  password_too_short: 'The password is too short',
  pin_invalid: 'A PIN is 6 digits',

  enrolment_invalid: 'This enrolment code is not valid. Ask your supervisor for a new one',
  enrolment_unknown: 'There is no such enrolment code. Ask your supervisor for a new one',
  enrolment_used: 'This enrolment code was used already. Ask your supervisor for a new one',
  enrolment_expired: 'This enrolment code has expired (it lasts 10 minutes). Ask your supervisor for a new one',
  wrong_pin: 'The PIN is wrong',
  device_revoked: 'This phone was switched off. Its records are all still here; hand it to your supervisor',
  device_unknown: 'The server does not know this phone. Its records are all still here; ask your supervisor to enrol it again',

  gap: 'The server misses earlier records; they are being sent again',
  fork: 'This phone has two versions of its records; they are being kept apart',
  encoding_refused: 'Compressed content is not accepted',
  sync_header_invalid: 'The sync request could not be read',

  not_json: 'This record could not be read (not JSON)',
  not_object: 'This record could not be read (not an object)',
  version_unknown: 'The server does not know this version of a record yet',
  kind_unknown: 'The server does not know this kind of record yet',
  shape_invalid: 'This record is incomplete',
  id_conflict: 'Another record with the same number and other content exists',
  chain: 'This record does not follow from the one before',
  line_too_long: 'This record is too long',

  photo_hash_differs: 'The photo changed on its way; it will be sent again',
  photo_not_image: 'This is not a photo',
  photo_too_many_pixels: 'The photo is too large',

  sheet_unreadable: 'This file could not be opened. Save it as .xlsx and try again',
  place_unknown: 'There is no such place',
  tag_unknown: 'There is no such tag',
  tag_already_replaced: 'This tag was replaced already; its place has a new one',
  no_shorts_left: 'The school has used up its short codes',
  nothing_to_print: 'No tag fits this choice',
  label_font_missing: 'The server lacks the font for labels. Ask whoever runs it to install it again',
}
