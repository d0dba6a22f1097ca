interface ScriptUrlPolicy {
  createScriptURL(url: string): unknown
}
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): ScriptUrlPolicy
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('campus-patrol', {
  createScriptURL(url) {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError('script of another origin')
    return url
  },
})

/** A worker's address in the form that the page's `require-trusted-types-for 'script'` accepts: own origin only. */
export function scriptUrl(url: string): string {
  // The DOM takes a TrustedScriptURL wherever its types say string.
  return (policy ? policy.createScriptURL(url) : url) as string
}
