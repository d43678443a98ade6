/** The same by hand with Fastify, whose cost per request is about as low as that of a framework gets. */
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import {
  type Call,
  type Caller,
  callerOf,
  claim,
  getSession,
  type Handler,
  inbox,
  type Made,
  once,
  route,
  statusOf,
  transition,
} from './hand-written-work.js';

const app = fastify({ bodyLimit: 2 ** 20 });
app.setErrorHandler<Error>((error, _request, reply) =>
  reply.status(statusOf(error)).send({ error: error.message }),
);
app.get('/status', () => ({ status: 'up' }));
app.post('/tasks/route', writing(route));
app.post('/tasks/claim', writing(claim));
app.put('/sessions/:id', writing(transition));
app.get('/sessions/:id', reading(getSession));
app.get('/tasks', reading(inbox));
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });

function reading(handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    send(reply, await handler(callIn(request), callerIn(request)));
}

function writing(handler: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const key = request.headers['idempotency-key'];
    const name = typeof key === 'string' ? key : undefined;
    return send(reply, await once(handler, callIn(request), callerIn(request), name));
  };
}

function send(reply: FastifyReply, { status, body }: Made): FastifyReply {
  if (typeof body === 'string') reply.type('application/json; charset=utf-8');
  return reply.status(status).send(body);
}

function callIn({ params, query, body }: FastifyRequest): Call {
  return {
    params: params as Record<string, string>,
    query: query as Record<string, unknown>,
    body,
  };
}

function callerIn({ headers }: FastifyRequest): Caller {
  return callerOf(headers.authorization ?? '');
}
