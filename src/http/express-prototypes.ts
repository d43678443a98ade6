import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** The message classes of a server. */
interface Prototypes {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
}

/**
 * Returns message classes that already have the prototypes of Express. Otherwise Express changes the prototype of each
 * message, V8 gives each of them its own hidden class, and every access to them is slow
 * (https://github.com/nodejs/node/issues/37457).
 */
export function expressPrototypes(app: Express): Prototypes {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse<R extends IncomingMessage> extends ServerResponse<R> {}
  app.request = chainPrototype(app.request, ExpressRequest.prototype);
  app.response = chainPrototype(app.response, ExpressResponse.prototype);
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse };
}

function chainPrototype<T extends object>(base: T, prototype: object): T {
  return Object.setPrototypeOf(prototype, base) as T;
}
