/** What a good engineer writes by hand where no framework is wanted: Express and pg. */
import express, { type NextFunction, type Request, type Response } from 'express';
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

const app = express();
app.disable('x-powered-by').disable('etag');
app.use(express.json({ limit: '1mb' }));
app.use((request: Request, response: Response, next: NextFunction) => {
  response.locals['caller'] = callerOf(request.headers.authorization ?? '');
  next();
});

app.post('/tasks/route', writing(route));
app.post('/tasks/claim', writing(claim));
app.put('/sessions/:id', writing(transition));
app.get('/sessions/:id', reading(getSession));
app.get('/tasks', reading(inbox));
app.use((error: Error, _request: Request, response: Response, next: NextFunction) => {
  if (response.headersSent) next(error);
  else response.status(statusOf(error)).json({ error: error.message });
});
app.listen(Number(process.env['PORT']), '127.0.0.1');

function reading(handler: Handler) {
  return async (request: Request, response: Response): Promise<void> => {
    send(response, await handler(callIn(request), callerIn(response)));
  };
}

function writing(handler: Handler) {
  return async (request: Request, response: Response): Promise<void> => {
    const key = request.get('idempotency-key');
    send(response, await once(handler, callIn(request), callerIn(response), key));
  };
}

function send(response: Response, { status, body }: Made): void {
  if (typeof body === 'string') response.status(status).type('json').send(body);
  else response.status(status).json(body);
}

function callIn({ params, query, body }: Request): Call {
  return { params: params as Record<string, string>, query, body };
}

function callerIn({ locals }: Response): Caller {
  return (locals as { caller: Caller }).caller;
}
