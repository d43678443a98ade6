import type { OpenAPIObject } from '@nestjs/swagger';

export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** An operation of the API document, with its path. */
export interface PathOperation {
  path: string;
  operation: Operation;
}

/** Returns the operations of all paths. */
export function operationsOf({ paths }: OpenAPIObject): PathOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ path, operation }] : [];
    }),
  );
}
