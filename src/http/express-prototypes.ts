import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** The classes that a server is to make its messages of. */
interface Prototypes {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
}

/**
 * Requests and responses that are Express's own from the start. Express sets the prototype of those that it is given,
 * after which V8 knows a shape of its own for each of them: nothing that reads or writes one is ever fast
 * (https://github.com/nodejs/node/issues/37457). With these it has nothing to set.
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
