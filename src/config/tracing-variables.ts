import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

type Variables = Record<string, string | undefined>;

/** Variables that ask for traces. The specification of OpenTelemetry defines them. */
const REQUESTS = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_TRACES_EXPORTER',
];

/** The SDK exports traces only. Metrics are at `/metrics`, and the log is standard output. */
const DEFAULTS: Variables = {
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_NODE_RESOURCE_DETECTORS: 'env',
};

/**
 * Returns whether the variables of OpenTelemetry ask for traces. If so, sets those of the file `.env` and the defaults of
 * the controller in `variables`, where the SDK reads them.
 */
export function requestTraces(variables: Variables = process.env): boolean {
  const all = { ...readEnvFile(), ...withValues(variables) };
  if (all.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if (all.OTEL_TRACES_EXPORTER === 'none') return false;
  if (!REQUESTS.some((name) => all[name])) return false;
  const standard = Object.entries(all).filter(([name]) => name.startsWith('OTEL_'));
  Object.assign(variables, DEFAULTS, Object.fromEntries(standard));
  return true;
}

function readEnvFile(): Variables {
  return existsSync('.env') ? withValues(parseEnv(readFileSync('.env', 'utf8'))) : {};
}

/** An empty variable counts as not set. */
function withValues(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value));
}
