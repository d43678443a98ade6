import { requestTraces } from '../config/tracing-variables.js';

/**
 * Starts the SDK of OpenTelemetry if the standard variables ask for traces; otherwise loads nothing. The main program
 * imports this file first. Other programs can be started with `node --import` and this file.
 */
if (requestTraces()) {
  try {
    const { startSdk } = await import('./telemetry-sdk.js');
    startSdk();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n', 1).join() : String(error);
    process.stderr.write(
      `agent-mesh-controller: No traces are exported: the SDK of OpenTelemetry cannot start; install the optional packages with npm ci, and check the OTEL_ variables. ${reason}\n`,
    );
  }
}
