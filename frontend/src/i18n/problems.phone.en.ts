import type { PhoneProblemWords } from './problems.phone.zh-CN'

export const en: PhoneProblemWords = {
  unknown: 'Something went wrong. Please try again',
  offline: 'The server cannot be reached. Check the network and try again',
  not_our_server:
    'Another page stands in between (a network sign-in page, for instance). Sign in to the network first',
  too_many_tries: 'Too many tries. Please wait a little',
  busy: 'The server is busy. Please try again in a moment',
  enrolment_invalid: 'This enrolment code is not valid. Ask your supervisor for a new one',
  enrolment_unknown: 'There is no such enrolment code. Ask your supervisor for a new one',
  enrolment_used: 'This enrolment code was used already. Ask your supervisor for a new one',
  enrolment_expired: 'This enrolment code has expired (it lasts 10 minutes). Ask your supervisor for a new one',
  device_revoked: 'This phone was switched off. Its records are all still here; hand it to your supervisor',
  device_unknown:
    'The server does not know this phone. Its records are all still here; ask your supervisor to enrol it again',
  device_signature:
    'The server could not check the signature of this phone. Its records are all still here; ask your supervisor to enrol it again',
  not_json: 'This record could not be read (not JSON)',
  not_object: 'This record could not be read (not an object)',
  version_unknown: 'The server does not know this version of a record yet',
  kind_unknown: 'The server does not know this kind of record yet',
  shape_invalid: 'This record is incomplete',
  id_conflict: 'Another record with the same number and other content exists',
  chain: 'This record does not follow from the one before',
  fork: 'This phone has two versions of its records; they are being kept apart',
  line_too_long: 'This record is too long',
  photo_hash_differs: 'The photo changed on its way; it will be sent again',
  photo_not_image: 'This is not a photo',
  photo_too_many_pixels: 'The photo is too large',
  photo_damaged: 'The photo was damaged on this phone; the written record is fine',
  photo_lost: 'The photo was not kept (no room, or cleared); the written record is fine',
  photo_refused: 'The photo cannot be sent; the written record is fine',
  other_school: 'This record belongs to another school; it is kept on this phone only',
  too_large: 'Too large: the server did not take it',
}
