import { jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express';
import type { Request, RequestHandler, Response } from 'express';
import { DomainError } from '../errors/domain-error.js';
import type { A2aCaller } from './a2a-caller.js';
import type { Binding } from './a2a-failure.js';
import type { Operation } from './a2a-parameters.js';
import { type AgentServices, RoleAgent } from './role-agent.js';

/** A request to an agent, with its caller. */
interface AgentRequest {
  readonly binding: Binding;
  /** The path below the URL of the interface, with the query. */
  readonly url: string;
  readonly caller: A2aCaller;
  readonly operation: Operation;
  readonly parameters: unknown;
}

/** A request as it was before the SDK routed it. */
interface Entered {
  readonly caller: A2aCaller;
  readonly url: string;
  readonly route: unknown;
}

/** An agent and the transport handlers of the SDK for it. */
interface ServedAgent {
  readonly agent: RoleAgent;
  readonly handlers: Readonly<Record<Binding, RequestHandler>>;
}

/** The agents of the roles, behind the transport handlers of the SDK. */
export class AgentHandlers {
  private readonly agents = new Map<string, ServedAgent>();
  private readonly requests = new WeakMap<Request, Entered>();

  constructor(private readonly services: AgentServices) {}

  /**
   * Passes a request on to the handler of a role. Resolves when the response ends.
   *
   * @throws DomainError `request.route_not_found` if the binding has no such operation
   */
  async handle(
    role: string,
    request: Request,
    response: Response,
    { binding, url, caller, operation, parameters }: AgentRequest,
  ): Promise<void> {
    const { agent, handlers } = this.agentOf(role);
    await agent.openStream(operation, parameters, caller);
    // The client can have disconnected meanwhile. Then the event below does not follow.
    if (response.closed) return;
    this.requests.set(request, { caller, url: request.url, route: request.route as unknown });
    request.url = url;
    await new Promise<void>((resolve, reject) => {
      response.once('close', resolve);
      void handlers[binding](request, response, (error?: unknown) => {
        reject(error instanceof Error ? error : noSuchOperation());
      });
    });
  }

  private agentOf(role: string): ServedAgent {
    const known = this.agents.get(role);
    if (known) return known;
    const agent = new RoleAgent(role, this.services);
    const options = {
      requestHandler: agent,
      userBuilder: (request: Request) => this.enter(request),
    };
    const handlers = { jsonrpc: jsonRpcHandler(options), rest: restHandler(options) };
    this.agents.set(role, { agent, handlers });
    return { agent, handlers };
  }

  /** Called by the SDK when it has matched a route of its own. Logs and metrics have the route of the controller. */
  private enter(request: Request): Promise<A2aCaller> {
    const known = this.requests.get(request);
    if (!known) return Promise.reject(new Error('A request has no caller'));
    request.url = known.url;
    request.route = known.route;
    return Promise.resolve(known.caller);
  }
}

export function noSuchOperation(): DomainError {
  return new DomainError(
    'request.route_not_found',
    'The protocol has no operation with this method and path.',
  );
}
