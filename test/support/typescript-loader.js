import { fileURLToPath } from 'node:url';
import { transpile } from './transpile.js';

/** Lets plain Node load our TypeScript, for what runs before Jest does. See https://nodejs.org/docs/latest-v20.x/api/module.html#customization-hooks */
export async function resolve(specifier, context, nextResolve) {
  const isOurs = specifier.startsWith('.') && !context.parentURL?.includes('/node_modules/');
  if (!isOurs || !specifier.endsWith('.js')) return nextResolve(specifier, context);
  return nextResolve(specifier.replace(/\.js$/, '.ts'), context).catch(() =>
    nextResolve(specifier, context),
  );
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  return { format: 'module', source: await transpile(fileURLToPath(url)), shortCircuit: true };
}
