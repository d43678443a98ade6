import type { RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type { AuditEvent, AuditFilter, AuditPage, ReportedEvent } from '../types.js';
import { Resource } from './resource.js';

export class Audit extends Resource {
  events(filter: AuditFilter = {}, options: RequestOptions = {}): List<AuditEvent, AuditPage> {
    return new List(this.http, '/audit/events', { ...filter }, ({ events }) => events, options);
  }

  /** Opens an export: one JSON event a line, with a last line that has their count and digest. */
  export(
    filter: Omit<AuditFilter, 'page_size'> = {},
    options: RequestOptions = {},
  ): Promise<Response> {
    return this.http.open({
      ...options,
      method: 'GET',
      path: '/audit/events',
      query: { ...filter },
      headers: { accept: 'application/x-ndjson' },
    });
  }

  /** Reports 1 to 1,000 events of other systems. */
  ingest(
    events: ReportedEvent | readonly ReportedEvent[],
    options?: RequestOptions,
  ): Promise<unknown> {
    return this.write('/audit/ingest', events, options);
  }
}
