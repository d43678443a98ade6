import type { IncomingMessage, ServerResponse } from 'node:http';

/** Kind of a request. Requests that only wait for work have a separate limit, so that they do not block the others. */
export type RequestKind = 'working' | 'waiting';

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A request in flight. */
export interface Place extends Exchange {
  readonly kind: RequestKind;
  /** Holder of the place; undefined if it was given back. */
  party: string | undefined;
}

const ENTRY = Symbol('entry');

/** The place of a request, with its index in the list. */
interface Entry {
  readonly place: Place;
  index: number;
}

type Listed = IncomingMessage & { [ENTRY]?: Entry };

/**
 * The places of the requests in flight. The list is an array, and each request refers to its entry, because a Map would
 * keep requests alive: V8 links a table that a Map has replaced to the new one, so a dead table in the old generation
 * holds the requests of all later ones until a full collection.
 */
export class PlaceList {
  private readonly entries: Entry[] = [];

  add(place: Place): void {
    const entry = { place, index: this.entries.length };
    this.entries.push(entry);
    (place.request as Listed)[ENTRY] = entry;
  }

  /** Returns the place of a request; undefined if it has none. */
  of(request: IncomingMessage): Place | undefined {
    return (request as Listed)[ENTRY]?.place;
  }

  remove({ request }: Place): void {
    const entry = (request as Listed)[ENTRY];
    if (entry === undefined) return;
    (request as Listed)[ENTRY] = undefined;
    const last = this.entries.pop();
    if (last === undefined || last === entry) return;
    this.entries[entry.index] = last;
    last.index = entry.index;
  }

  /** The places at this moment. */
  all(): Place[] {
    return this.entries.map(({ place }) => place);
  }
}
