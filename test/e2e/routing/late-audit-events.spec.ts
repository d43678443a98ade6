import { describe } from '@jest/globals';
import { useSharedApp } from '../../support/kit.js';
import { itListsLateEvents } from '../../support/late-events.js';

describe('GET /audit/events, while transactions commit late', () => {
  itListsLateEvents(useSharedApp());
});
