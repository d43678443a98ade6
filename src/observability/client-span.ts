import { type Attributes, SpanKind } from '@opentelemetry/api';
import { hasTracer, inSpan, setError } from './tracing.js';

/** A request to another service. */
interface ClientRequest {
  readonly method: string;
  /** URL for the span: without a part that is secret. */
  readonly url: string;
  readonly attributes?: Attributes;
}

/** Sends a request in a client span, by the semantic conventions for HTTP. */
export function inClientSpan<T>(
  request: ClientRequest,
  send: () => Promise<T>,
  statusOf: (response: T) => number | undefined,
): Promise<T> {
  if (!hasTracer()) return send();
  const { method } = request;
  const options = { kind: SpanKind.CLIENT, attributes: attributesOf(request) };
  return inSpan(method, options, async (span) => {
    const response = await send();
    const status = statusOf(response);
    if (span && status !== undefined) {
      span.setAttribute('http.response.status_code', status);
      if (status >= 400) setError(span, String(status));
    }
    return response;
  });
}

/** Like `fetch`, in a client span that contains neither the query nor the credentials of the URL. */
export function fetchInSpan(
  url: string | URL,
  init: RequestInit & { readonly method: string },
): Promise<Response> {
  const { origin, pathname } = new URL(url);
  const request = { method: init.method, url: `${origin}${pathname}` };
  return inClientSpan(
    request,
    () => fetch(url, init),
    ({ status }) => status,
  );
}

function attributesOf({ method, url, attributes }: ClientRequest): Attributes {
  const { hostname, port, protocol } = new URL(url);
  return {
    'http.request.method': method,
    'url.full': url,
    'server.address': hostname,
    'server.port': port === '' ? DEFAULT_PORTS[protocol] : Number(port),
    ...attributes,
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
