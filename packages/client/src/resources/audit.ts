import type { RequestOptions } from '../http.js';
import { List } from '../pages.js';
import type { AuditEvent, AuditFilter, AuditPage, AuditSeals, ReportedEvent } from '../types.js';
import { Resource, segment } from './resource.js';

/** The audit log. */
export class Audit extends Resource {
  /** Lists the events that the caller can read, oldest first. */
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

  /** Returns the state of the sealed log, and the entries of at most 100 events. */
  seals(eventIds: readonly string[] = [], options: RequestOptions = {}): Promise<AuditSeals> {
    const query = { event_ids: eventIds.length === 0 ? undefined : eventIds.join(',') };
    return this.read('/audit/log/seals', { ...options, query });
  }

  /** Opens the proof that an event is sealed, in the form of C2SP tlog-proof. */
  proof(eventId: string, options: RequestOptions = {}): Promise<Response> {
    return this.http.open({
      ...options,
      method: 'GET',
      path: `/audit/events/${segment(eventId)}/proof`,
      headers: { accept: 'text/plain' },
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
