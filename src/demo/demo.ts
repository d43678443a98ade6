/** `npm run demo`: runs a budget approval against a running controller, with the agents of two roles. */
import { runDemo } from './run-demo.js';

process.exitCode = await runDemo({
  variables: process.env,
  output: process.stdout,
  errors: process.stderr,
});
