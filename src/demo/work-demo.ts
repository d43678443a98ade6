/**
 * `npm run demo:work`: two workers claim tasks, one is killed, and the other completes its task. CONTROLLER_URL names a
 * controller on another machine or port.
 */
import { runWorkDemo } from './run-work-demo.js';

process.exitCode = await runWorkDemo({
  url: process.argv[2] ?? process.env.CONTROLLER_URL,
  output: process.stdout,
  errors: process.stderr,
});
