import { mount } from 'svelte'
import '../ui/base.css'
import { startLanguage } from '../i18n/i18n'
import { startUpdates } from '../sw/updates'
import { applyTheme, savedTheme } from '../ui/theme'
import Guard from './Guard.svelte'

applyTheme(savedTheme())
const target = document.getElementById('app')!
startLanguage().then(
  () => mount(Guard, { target }),
  () => {
    // The words are a file of their own: without them there is nothing to say this with.
    target.textContent = '页面没有取全，请连上网再打开。Part of the page is missing: connect and open it again.'
  },
)
startUpdates()
