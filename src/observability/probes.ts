const PROBES = new Set(['/health', '/health/live', '/health/ready', '/metrics', '/status']);

/** Whether a path is asked by those who watch over the service: neither logged nor ever turned away for load. */
export function isProbe(path: string): boolean {
  return PROBES.has(path);
}
