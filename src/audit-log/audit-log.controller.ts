import { Controller, Get, Header, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { EntryBundle, Tile } from '../../packages/verify/src/tiles.js';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems, ApiPublicProblems } from '../http/api-problems.decorator.js';
import { bytes, IMMUTABLE, INDEX, NOTE, TEXT } from './api-audit-log.js';
import { ConsistencyDto, ConsistencyQuery } from './dto/consistency.dto.js';
import { AuditSealsDto, AuditSealsQuery } from './dto/audit-seals.dto.js';
import { LogKeysDto } from './dto/log-keys.dto.js';
import { EventSealsService } from './event-seals.service.js';
import { LogKeysService } from './log-keys.service.js';
import { SealedLogService } from './sealed-log.service.js';
import { EntriesPathPipe } from './entries-path.pipe.js';
import { TilePathPipe } from './tile-path.pipe.js';

/** The sealed log in the form of C2SP tlog-tiles, and what its verifiers need besides. */
@ApiTags('Audit')
@ApiBearerAuth()
@Controller('audit/log')
export class AuditLogController {
  constructor(
    private readonly log: SealedLogService,
    private readonly keys: LogKeysService,
    private readonly seals: EventSealsService,
  ) {}

  @Get('checkpoint')
  @Policy('audit.log')
  @Header('Content-Type', TEXT)
  @Header('Cache-Control', 'no-cache')
  @ApiOperation({
    operationId: 'getAuditCheckpoint',
    summary: 'Get the newest signed head of the sealed log',
    description:
      'Keep it: a later log that does not extend it was changed. Requires no token if `AUDIT_LOG_PUBLIC` is set.',
  })
  @ApiOkResponse(NOTE)
  @ApiProblems('audit.seal_off', 'audit.unsigned')
  checkpoint(): Promise<string> {
    return this.log.checkpoint();
  }

  @Get('consistency')
  @Policy('audit.log')
  @ApiOperation({
    operationId: 'getAuditConsistency',
    summary: 'Prove that the sealed log extends an earlier head',
    description:
      'A verifier checks the proof between the head that it has kept and a later one: then no entry of the earlier log was changed or removed. Requires no token if `AUDIT_LOG_PUBLIC` is set.',
  })
  @ApiOkResponse({ type: ConsistencyDto, description: 'The proof, and the head that it leads to.' })
  @ApiProblems('audit.seal_off', 'audit.unsigned', 'audit.size_unknown')
  consistency(@Query() { from, to }: ConsistencyQuery): Promise<ConsistencyDto> {
    return this.log.consistency(from, to);
  }

  @Get('keys')
  @Policy('audit.keys')
  @ApiOperation({
    operationId: 'listAuditKeys',
    summary: 'List the public keys of the sealed log',
    description:
      'A verifier receives the key on another way, such as a contract or a DNS record, and compares it with this list.',
    security: [],
  })
  @ApiOkResponse({ type: LogKeysDto, description: 'The keys, the present one first.' })
  @ApiPublicProblems('audit.seal_off')
  listKeys(): Promise<LogKeysDto> {
    return this.keys.list();
  }

  @Get('seals')
  @Policy('audit.list')
  @ApiOperation({
    operationId: 'listAuditSeals',
    summary: 'List which audit events are sealed',
    description:
      'Returns the state of the sealed log, and for each of the events that `GET /audit/events` shows to the caller the index of its entry and the first signed head that covers it. An event is missing until it is sealed, within about a second. It is information, not a proof: `GET /audit/events/{id}/proof` is one.',
  })
  @ApiOkResponse({ type: AuditSealsDto, description: 'The state, and the sealed events.' })
  @ApiProblems()
  listSeals(
    @Query() { event_ids }: AuditSealsQuery,
    @CurrentAgent() agent: Agent,
  ): Promise<AuditSealsDto> {
    return this.seals.get(agent, event_ids ?? []);
  }

  @Get('tile/entries/*path')
  @Policy('audit.entries')
  @ApiOperation({
    operationId: 'getAuditEntries',
    summary: 'Get up to 256 entries of the sealed log',
    description:
      'Each entry follows its length in two bytes (C2SP tlog-tiles). Requires the role `auditor` or `admin`.',
  })
  @ApiParam(INDEX)
  @ApiOkResponse(bytes('The entries.'))
  @ApiProblems('auth.forbidden', 'audit.seal_off', 'audit.size_unknown', 'audit.pruned')
  async entries(
    @Param('path', EntriesPathPipe) bundle: EntryBundle,
    @CurrentAgent() agent: Agent,
    @Res() response: Response,
  ): Promise<void> {
    sendImmutable(response, await this.log.entries(agent, bundle));
  }

  @Get('tile/:level/*path')
  @Policy('audit.log')
  @ApiOperation({
    operationId: 'getAuditTile',
    summary: 'Get a tile of the sealed log',
    description:
      'Up to 256 hashes of 32 bytes (C2SP tlog-tiles). Requires no token if `AUDIT_LOG_PUBLIC` is set.',
  })
  @ApiParam({
    name: 'level',
    description: 'Level of the tile. Level 0 contains the hashes of the entries.',
    schema: { type: 'integer', minimum: 0, maximum: 63, example: 0 },
  })
  @ApiParam(INDEX)
  @ApiOkResponse(bytes('The hashes.'))
  @ApiProblems('audit.seal_off', 'audit.size_unknown')
  async tile(@Param(TilePathPipe) tile: Tile, @Res() response: Response): Promise<void> {
    sendImmutable(response, await this.log.tile(tile));
  }
}

/** Tiles and entries never change, so that clients can keep them. */
function sendImmutable(response: Response, content: Buffer): void {
  response.setHeader('Cache-Control', IMMUTABLE);
  response.type('application/octet-stream').send(content);
}
