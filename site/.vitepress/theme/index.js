// Without the fonts that VitePress brings: those of the system do.
import DefaultTheme from 'vitepress/theme-without-fonts'
import './site.css'

export default DefaultTheme
