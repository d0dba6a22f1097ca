import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { precache } from './build/precache.ts'

/** In development every address under /desk is the desk page, as Flask serves it. */
function deskAddresses(): Plugin {
  return {
    name: 'desk-addresses',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        if (request.url && /^\/desk(\/|\?|$)/.test(request.url)) request.url = '/desk.html'
        next()
      })
    },
  }
}

export default defineConfig({
  plugins: [svelte(), deskAddresses(), precache()],
  build: {
    outDir: '../backend/campus_patrol/pwa',
    emptyOutDir: true,
    target: ['chrome87', 'safari15'],
    // An inlined asset would be a data: address, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'desk.html'] },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
  worker: { format: 'es' },
  test: {
    include: ['src/**/*.test.ts', 'build/**/*.test.ts'],
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'http://localhost/' } },
  },
  // Component tests need the browser build of Svelte.
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
})
