/** `npm run demo:work`, with CONTROLLER_URL if the controller is not here: two workers race for tasks, one is killed, the other finishes. */
import { runWorkDemo } from './run-work-demo.js';

process.exitCode = await runWorkDemo({
  url: process.argv[2] ?? process.env.CONTROLLER_URL,
  output: process.stdout,
  errors: process.stderr,
});
