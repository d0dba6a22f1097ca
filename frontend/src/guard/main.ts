import { mount } from 'svelte'
import '../ui/base.css'
import { startLanguage } from '../i18n/i18n'
import { startUpdates } from '../sw/updates'
import { applyTheme, savedTheme } from '../ui/theme'
import Guard from './Guard.svelte'

applyTheme(savedTheme())
void startLanguage().then(() => mount(Guard, { target: document.getElementById('app')! }))
startUpdates()
