const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Calls `stop` when the process receives SIGTERM or SIGINT. Returns a function that ends this. Outside Node.js it does nothing. */
export function onShutdown(stop: () => void): () => void {
  if (typeof process === 'undefined') return () => undefined;
  for (const signal of SIGNALS) process.once(signal, stop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
}
