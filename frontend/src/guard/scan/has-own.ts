/** The reader compares its settings with Object.hasOwn, which Chrome has since 93 and Safari since 15.4. */
type Maker = { hasOwn?: (object: object, key: PropertyKey) => boolean }

;(Object as Maker).hasOwn ??= (object, key) => Object.prototype.hasOwnProperty.call(object, key)
