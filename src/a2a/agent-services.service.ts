import { Injectable } from '@nestjs/common';
import { AgentCardsService } from './agent-cards.service.js';
import { CancellationsService } from './cancellations.service.js';
import { MessagesService } from './messages.service.js';
import { PushConfigsService } from './push-configs.service.js';
import type { AgentServices } from './role-agent.js';
import { TaskListsService } from './task-lists.service.js';
import { TaskReaderService } from './task-reader.service.js';
import { TaskStreamsService } from './task-streams.service.js';
import { TaskWaitsService } from './task-waits.service.js';

/** The services that the agents of all roles use. */
@Injectable()
export class AgentServicesService implements AgentServices {
  constructor(
    readonly cards: AgentCardsService,
    readonly messages: MessagesService,
    readonly reader: TaskReaderService,
    readonly waits: TaskWaitsService,
    readonly lists: TaskListsService,
    readonly cancellations: CancellationsService,
    readonly streams: TaskStreamsService,
    readonly pushConfigs: PushConfigsService,
  ) {}
}
