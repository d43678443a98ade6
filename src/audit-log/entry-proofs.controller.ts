import { Controller, Get, Headers, Param, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Response } from 'express';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { EventIdPipe } from '../http/ids.js';
import { TEXT } from './api-audit-log.js';
import { EntryProofDto, toTlogProof } from './dto/entry-proof.dto.js';
import { EntryProofsService } from './entry-proofs.service.js';

@ApiTags('Audit')
@ApiBearerAuth()
@Controller('audit/events')
export class EntryProofsController {
  constructor(private readonly proofs: EntryProofsService) {}

  @Get(':id/proof')
  @Policy('audit.list')
  @ApiOperation({
    operationId: 'getAuditEventProof',
    summary: 'Prove that an audit event is sealed',
    description:
      'Available for the events that `GET /audit/events` shows to the caller. With `Accept: text/plain`, the response is a proof in the form of C2SP tlog-proof.',
  })
  @ApiParam({
    name: 'id',
    description: 'The id of the event.',
    schema: { type: 'string', format: 'uuid', example: '019a1b2c-7777-7f5a-8b6c-7d8e9f0a1b2c' },
  })
  @ApiExtraModels(EntryProofDto)
  @ApiOkResponse({
    description: 'The entry, its inclusion proof, and the signed head that it leads to.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(EntryProofDto) } },
      'text/plain': { schema: { type: 'string' } },
    },
  })
  @ApiProblems('audit.entry_not_found', 'audit.pruned', 'audit.not_sealed', 'audit.seal_off')
  async get(
    @Param('id', EventIdPipe) id: string,
    @CurrentAgent() agent: Agent,
    @Headers('accept') accept: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const proof = await this.proofs.get(agent, id);
    if (accept?.includes('text/plain') === true) {
      response.setHeader('Content-Type', TEXT).send(toTlogProof(proof));
    } else response.json(proof);
  }
}
