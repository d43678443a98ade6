import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { eventually } from './eventually.js';

/** The messages of https://github.com/open-telemetry/opentelemetry-proto that carry spans. */
const PROTO = `
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; }
  message InstrumentationScope { string name = 1; string version = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    bytes parent_span_id = 4;
    string name = 5;
    SpanKind kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    repeated Link links = 13;
    Status status = 15;
  }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; StatusCode code = 3; }
  enum SpanKind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; PRODUCER = 4; CONSUMER = 5; }
  enum StatusCode { UNSET = 0; OK = 1; ERROR = 2; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
  }
`;

const REQUEST = protobuf
  .parse(PROTO, { keepCase: true })
  .root.lookupType('ExportTraceServiceRequest');

interface KeyValue {
  key: string;
  value: Record<string, string | number | boolean>;
}

/** An export as `toObject` returns it: bytes in hexadecimal digits, enumerations by name. */
interface Export {
  resource_spans: {
    resource: { attributes: KeyValue[] };
    scope_spans: { scope: { name: string }; spans: EncodedSpan[] }[];
  }[];
}

interface EncodedSpan {
  trace_id: string;
  span_id: string;
  parent_span_id: string;
  name: string;
  kind: string;
  start_time_unix_nano: string;
  end_time_unix_nano: string;
  attributes: KeyValue[];
  links: { trace_id: string; span_id: string }[];
  status: { code: string } | null;
}

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentId: string;
  name: string;
  kind: string;
  status: string;
  seconds: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  resource: Record<string, unknown>;
}

/** An OTLP/HTTP receiver of traces on the loopback interface. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Whether requests get no response, as from a collector that hangs. */
  isHanging = false;

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.receive(request, response));
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    const receiver = new OtlpReceiver(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Waits until the spans contain all of these names. Returns the spans. */
  async spansWith(names: readonly string[], traceId?: string): Promise<ReceivedSpan[]> {
    const read = (): ReceivedSpan[] =>
      this.spans.filter((span) => traceId === undefined || span.traceId === traceId);
    return eventually(read, (spans) =>
      names.every((name) => spans.some((span) => span.name === name)),
    );
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    if (this.isHanging) return;
    if (request.url !== '/v1/traces') {
      response.writeHead(404).end();
      return;
    }
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.spans.push(...decode(bytes));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  }
}

function decode(bytes: Uint8Array): ReceivedSpan[] {
  const { resource_spans } = REQUEST.toObject(REQUEST.decode(bytes), {
    defaults: true,
    enums: String,
    longs: String,
    bytes: String,
  }) as Export;
  return resource_spans.flatMap(({ resource, scope_spans }) =>
    scope_spans.flatMap(({ spans }) =>
      spans.map((span) => toSpan(span, toRecord(resource.attributes))),
    ),
  );
}

function toSpan(span: EncodedSpan, resource: Record<string, unknown>): ReceivedSpan {
  const { links, status, start_time_unix_nano: start, end_time_unix_nano: end } = span;
  return {
    traceId: toHex(span.trace_id),
    spanId: toHex(span.span_id),
    parentId: toHex(span.parent_span_id),
    name: span.name,
    kind: span.kind,
    status: status?.code ?? 'UNSET',
    seconds: Number(BigInt(end) - BigInt(start)) / 1e9,
    attributes: toRecord(span.attributes),
    links: links.map((link) => ({ traceId: toHex(link.trace_id), spanId: toHex(link.span_id) })),
    resource,
  };
}

/** `toObject` writes bytes in base64. */
function toHex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function toRecord(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

/** Integers arrive as text, because they can have 64 bits. */
function valueOf(value: KeyValue['value']): unknown {
  const { int_value } = value;
  return int_value === undefined ? Object.values(value)[0] : Number(int_value);
}
