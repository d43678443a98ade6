import type { Transport } from '@modelcontextprotocol/server';
import { withArguments } from '../../../src/mcp/tools/arguments.js';
import { cancelledRequest } from '../../../src/mcp/tools/cancelled-request.js';
import { type CallId, Deliveries, type Delivery } from '../../../src/mcp/tools/deliveries.js';
import type { ToolCallRunner } from '../../../src/mcp/tools/mesh-server.js';

/**
 * The calls of the single client of a stdio server. The SDK aborts a call that is in progress. A cancellation that arrives
 * after the response is detected by inspecting each message.
 */
export class StdioCalls implements ToolCallRunner {
  private readonly deliveries = new Deliveries();

  watch(transport: Transport): void {
    const handle = transport.onmessage;
    transport.onmessage = (message, extra) => {
      const cancelled = cancelledRequest(message);
      if (cancelled !== undefined) this.deliveries.cancel(callId(cancelled));
      handle?.(withArguments(message), extra);
    };
  }

  async run<T>(
    { id, signal }: Parameters<ToolCallRunner['run']>[0],
    call: (delivery: Delivery) => Promise<T>,
  ): Promise<T> {
    const delivery = this.deliveries.begin(callId(id));
    const lose = (): void => {
      delivery.lose();
    };
    signal.addEventListener('abort', lose);
    if (signal.aborted) lose();
    try {
      return await call(delivery);
    } finally {
      signal.removeEventListener('abort', lose);
      this.deliveries.end(callId(id), delivery);
    }
  }
}

function callId(id: string | number): CallId {
  return { key: JSON.stringify(id), isUnique: true };
}
