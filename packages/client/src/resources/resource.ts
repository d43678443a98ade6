import type { Http, Method, MeshRequest, RequestOptions } from '../http.js';

/** Options of a change of a resource that has a version. */
export interface WriteOptions extends RequestOptions {
  /** The version that the resource has to have; otherwise the response is 412. */
  readonly ifVersion?: number | undefined;
}

/** Base of the groups of operations: sends a request and returns the body of the response. */
export abstract class Resource {
  constructor(protected readonly http: Http) {}

  protected read<T>(path: string, options: Partial<MeshRequest> = {}): Promise<T> {
    return this.call('GET', path, undefined, options);
  }

  protected write<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.call('POST', path, body, options);
  }

  protected async call<T>(
    method: Method,
    path: string,
    body: unknown,
    options: Partial<MeshRequest> = {},
  ): Promise<T> {
    const response = await this.http.send({ ...options, method, path, body });
    // The types are generated from the OpenAPI document that the tests of the controller compare with its responses.
    return response.body as T;
  }
}

/** Encodes an id as one segment of a path. */
export function segment(id: string | number): string {
  return encodeURIComponent(id);
}
