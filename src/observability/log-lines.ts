import { isRecord } from '../common/is-record.js';
import { oneLine } from '../common/one-line.js';

/** A JSON Web Token. A log must not contain one, not even in the error text of a library. */
const TOKEN = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** Formats a line of pino as JSON, for production. Readers of logs end a line at more characters than JSON escapes. */
export function jsonLine(json: string): string {
  return oneLine(withoutTokens(json.trimEnd()));
}

interface LogEntry {
  level: string;
  timestamp: number;
  context?: string;
  message: unknown;
  stack?: string;
  trace_id?: string;
}

/** Formats a line of pino as text, for development. Further lines are indented, so that no value can forge an entry. */
export function textLine(json: string): string {
  const entry = JSON.parse(withoutTokens(json)) as LogEntry;
  const time = new Date(entry.timestamp).toISOString().slice(11, 23);
  const trace = entry.trace_id && `trace_id=${entry.trace_id}`;
  const text = [textOf(entry.message), trace].filter(Boolean).join(' ');
  const lines = [text, entry.stack].filter(Boolean).join('\n').split('\n').map(oneLine);
  const start = `${time} ${entry.level.toUpperCase().padEnd(5)} [${entry.context ?? 'Controller'}]`;
  return `${start} ${lines.join('\n    ')}`;
}

/** Members as `name=value`. The entry itself has the trace id. */
function textOf(message: unknown): string {
  if (!isRecord(message)) return String(message);
  return Object.entries(message)
    .filter(([name]) => name !== 'trace_id')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

function withoutTokens(line: string): string {
  return line.includes('eyJ') ? line.replace(TOKEN, '[token]') : line;
}
