/** `npm run demo`: plays a budget approval against a running controller, as the agents of two roles. */
import { runDemo } from './run-demo.js';

process.exitCode = await runDemo({
  variables: process.env,
  output: process.stdout,
  errors: process.stderr,
});
