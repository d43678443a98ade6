import { register } from 'node:module';

// For `node --import`: what is started with it may be TypeScript, and import TypeScript.
register('./typescript-loader.js', import.meta.url);
