import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Relative URLs, because PUBLIC_URL can have a path. No polyfill, because it would be an inline script.
export default defineConfig({
  base: './',
  plugins: [react()],
  // The client is built from its source, so that no order of builds exists.
  resolve: { tsconfigPaths: true },
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    // The texts of the licences of the bundled packages, which their licences require.
    license: { fileName: 'licences.md' },
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
