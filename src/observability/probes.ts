const PROBES = new Set(['/health', '/health/live', '/health/ready', '/metrics', '/status']);

/** Whether a path is a probe for monitoring. Probes are not logged, rate-limited or rejected under load. */
export function isProbe(path: string): boolean {
  return PROBES.has(path);
}
