/** The language on the screen. In a file of its own: runes live in .svelte.ts; i18n.ts stays plain. */
export const current: { language: 'zh-CN' | 'en' } = $state({ language: 'zh-CN' })
