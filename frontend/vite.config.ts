import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { floor } from './build/floor.ts'
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

/**
 * `npm run build` builds twice, the desk first (`--mode desk`): in one build the two pages would share chunks, and the
 * guard page would carry what only the desk uses.
 */
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), deskAddresses(), floor(), mode === 'desk' ? null : precache()],
  build: {
    outDir: '../backend/campus_patrol/pwa',
    emptyOutDir: mode === 'desk',
    // Named as targets, Chrome 87 and Safari 15 would have each private field turned into a WeakMap, 5 kB more. They
    // read most of ES2022 as it is; build/floor.ts fails on the rest.
    target: 'es2022',
    cssTarget: ['chrome87', 'safari15'],
    // An inlined asset would be a data: address, which the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One style sheet a page: a screen fetched later must not wait for one of its own.
    cssCodeSplit: false,
    rolldownOptions: { input: mode === 'desk' ? 'desk.html' : 'index.html' },
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
}))
