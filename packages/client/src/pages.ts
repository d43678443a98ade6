import type { Http, Query, RequestOptions } from './http.js';

/** A page of a list. */
export interface Page {
  /** The cursor of the next page; null on the last page. */
  readonly next_cursor: string | null;
}

/** A list that is read page by page while it is iterated. */
export class List<T, P extends Page> implements AsyncIterable<T> {
  /** @internal Lists come from methods such as {@link Tasks.list}. */
  constructor(
    private readonly http: Http,
    private readonly path: string,
    private readonly query: Query,
    private readonly itemsOf: (page: P) => readonly T[],
    private readonly options: RequestOptions,
  ) {}

  /** Returns one page: the first, or the one at a cursor. */
  async page(cursor?: string): Promise<P> {
    const { body } = await this.http.send({
      ...this.options,
      method: 'GET',
      path: this.path,
      query: { ...this.query, cursor },
    });
    return body as P;
  }

  /** Yields the pages. A page can be empty although more follow. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.page(cursor);
      yield page;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Yields the items of all pages. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* this.itemsOf(page);
  }

  /** Returns all items, or the first `limit` of them. */
  async all(limit = Infinity): Promise<T[]> {
    const items: T[] = [];
    if (limit <= 0) return items;
    for await (const item of this) if (items.push(item) >= limit) break;
    return items;
  }
}
