// `npm run client:types`: generates src/generated/types.gen.ts from docs/openapi.json. Pass another folder as the argument.
import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { createClient } from '@hey-api/openapi-ts';

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));

await createClient({
  input: pathOf('../../docs/openapi.json'),
  output: {
    path: process.argv[2] ?? pathOf('src/generated'),
    entryFile: false,
    postProcess: [],
  },
  plugins: ['@hey-api/typescript'],
  logs: { level: 'error', file: false },
});
