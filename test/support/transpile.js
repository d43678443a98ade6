import { readFile } from 'node:fs/promises';
import { transform } from '@swc/core';

/** Turns a file of our TypeScript into what Node runs. */
export async function transpile(file) {
  const { code } = await transform(await readFile(file, 'utf8'), {
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  return code;
}
