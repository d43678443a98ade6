import 'reflect-metadata';
import { startTestApp } from './app.js';
import { type Faults, withFaults } from './controller-faults.js';

/** What `controller-process.ts` starts this program with, as JSON. */
export interface ChildOptions extends Faults {
  databaseUrl: string;
  env: Record<string, string>;
}

const { databaseUrl, env, ...faults } = JSON.parse(process.argv[2] ?? '') as ChildOptions;
const mesh = await startTestApp({
  databaseUrl,
  env,
  logs: env.LOG_LEVEL !== undefined,
  override: (builder) => withFaults(builder, faults),
});
process.once('SIGTERM', () => {
  void mesh.close().finally(() => process.exit(0));
});
// Whoever started it is gone.
process.once('disconnect', () => process.exit(1));
process.send?.({ url: mesh.url });
