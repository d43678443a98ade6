import type { OpenAPIObject } from '@nestjs/swagger';

export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** An operation of the API document, with its method and path. */
export interface PathOperation {
  method: (typeof METHODS)[number];
  path: string;
  operation: Operation;
}

/** Returns the operations of all paths. */
export function operationsOf({ paths }: OpenAPIObject): PathOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method, path, operation }] : [];
    }),
  );
}
