/** Ends the run with one plain line that scripts can read, after all that the other reporters print. */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
    process.once('exit', () => {
      process.stdout.write(`${numPassedTests} passed, ${failed} failed${skipped}\n`);
    });
  }
}
