import { TestEnvironment } from 'jest-environment-node';
import { patience } from './patience.js';

/** The environment of Node, in which the time limit of each test and hook grows with the slowness of the machine. */
export default class PatientEnvironment extends TestEnvironment {
  limits = new WeakMap();

  handleTestEvent(event, { testTimeout }) {
    if (event.name === 'test_fn_start') this.extend(event.test, testTimeout);
    if (event.name === 'hook_start') this.extend(event.hook, testTimeout);
  }

  /** A hook runs once for each test, so its own limit is kept. */
  extend(timed, testTimeout) {
    const limit = this.limits.get(timed) ?? timed.timeout ?? testTimeout;
    this.limits.set(timed, limit);
    timed.timeout = limit * patience();
  }
}
