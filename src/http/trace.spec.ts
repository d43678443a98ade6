import { describe, expect, it } from '@jest/globals';
import { validate, version } from 'uuid';
import { traceIdOf } from './trace.js';

const TRACE = '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c';
const HEX = '4bf92f3577b34da6a3ce929d0e0e4736';
const FROM_HEX = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('The trace of a request', () => {
  it.each<[what: string, headers: Record<string, string>, trace: string]>([
    ['its X-Trace-Id', { 'x-trace-id': TRACE }, TRACE],
    ['its X-Trace-Id in lower case', { 'x-trace-id': TRACE.toUpperCase() }, TRACE],
    ['its traceparent', { traceparent: `00-${HEX}-${PARENT}-01` }, FROM_HEX],
    ['that of a later version', { traceparent: `cc-${HEX}-${PARENT}-01-what-follows` }, FROM_HEX],
    [
      'X-Trace-Id before traceparent',
      { 'x-trace-id': TRACE, traceparent: `00-${HEX}-${PARENT}-01` },
      TRACE,
    ],
    [
      'traceparent when X-Trace-Id is none',
      { 'x-trace-id': 'mine', traceparent: `00-${HEX}-${PARENT}-00` },
      FROM_HEX,
    ],
  ])('is %s', (_, headers, trace) => {
    expect(traceIdOf(headers)).toBe(trace);
  });

  it.each<[headers: Record<string, string>]>([
    [{}],
    [{ 'x-trace-id': '' }],
    [{ 'x-trace-id': `${TRACE}\n` }],
    [{ 'x-trace-id': `{${TRACE}}` }],
    [{ 'x-trace-id': TRACE.replaceAll('-', '') }],
    [{ 'x-trace-id': `${TRACE}, ${TRACE}` }],
    [{ traceparent: `ff-${HEX}-${PARENT}-01` }],
    [{ traceparent: `00-${'0'.repeat(32)}-${PARENT}-01` }],
    [{ traceparent: `00-${HEX}-${'0'.repeat(16)}-01` }],
    [{ traceparent: `00-${HEX.toUpperCase()}-${PARENT}-01` }],
    [{ traceparent: HEX }],
  ])('is a new one with %j', (headers) => {
    const trace = traceIdOf(headers);

    expect(validate(trace)).toBe(true);
    expect(version(trace)).toBe(7);
    expect(traceIdOf(headers)).not.toBe(trace);
  });
});
