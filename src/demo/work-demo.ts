/** `npm run demo:work`, with the URL of a controller if it is not here: two workers race for tasks, one is killed, the other finishes. */
import { runWorkDemo } from './run-work-demo.js';

process.exitCode = await runWorkDemo({
  url: process.argv[2],
  output: process.stdout,
  errors: process.stderr,
});
