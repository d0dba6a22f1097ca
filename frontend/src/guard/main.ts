import { mount } from 'svelte'
import '../ui/base.css'
import { startLanguage } from '../i18n/i18n'
import { startUpdates } from '../sw/updates'
import { applyTheme, savedTheme } from '../ui/theme'
import Guard from './Guard.svelte'

startLanguage()
applyTheme(savedTheme())
const target = document.getElementById('app')
if (target) mount(Guard, { target })
startUpdates()
