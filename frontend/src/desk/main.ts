import '../ui/base.css'
import './desk.css'
import { mount } from 'svelte'
import { startLanguage } from '../i18n/i18n'
import { applyTheme, savedTheme } from '../ui/theme'
import Desk from './Desk.svelte'

void startLanguage()
applyTheme(savedTheme())
mount(Desk, { target: document.getElementById('app')! })
