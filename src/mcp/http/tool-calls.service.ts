import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { type CallId, Deliveries, type Delivery } from '../tools/deliveries.js';
import { WorkNotifierService } from '../../database/work-notifier.service.js';
import { messageOf } from '../../errors/error-text.js';
import { newId } from '../../common/new-id.js';

const TOPIC = 'mcp_call_cancelled';

/**
 * The tool calls in progress. A cancellation is a separate request that can reach another instance, so it is announced to
 * all instances.
 */
@Injectable()
export class ToolCallsService implements OnModuleInit {
  private readonly logger = new Logger(ToolCallsService.name);
  private readonly deliveries = new Deliveries();
  private readonly processId = newId();

  constructor(private readonly workNotifier: WorkNotifierService) {}

  onModuleInit(): void {
    this.workNotifier.onAnnouncement(TOPIC, (text) => {
      const [process, key = '', isUnique] = text.split(' ');
      if (process !== this.processId) this.deliveries.cancel({ key, isUnique: isUnique === '1' });
    });
  }

  /** Begins the delivery of a response. {@link end} it when the response is written or its connection is closed. */
  begin(call: CallId): Delivery {
    return this.deliveries.begin(call);
  }

  end(call: CallId, delivery: Delivery): void {
    this.deliveries.end(call, delivery);
  }

  /** Cancels a call in the instance that serves it. */
  async cancel({ key, isUnique }: CallId): Promise<void> {
    this.deliveries.cancel({ key, isUnique });
    try {
      await this.workNotifier.announce(TOPIC, `${this.processId} ${key} ${isUnique ? 1 : 0}`);
    } catch (error) {
      this.logger.warn(`Cannot announce the cancellation of a tool call: ${messageOf(error)}`);
    }
  }
}
