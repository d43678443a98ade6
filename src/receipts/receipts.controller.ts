import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { RECEIPT_MEDIA_TYPE, receiptText } from '../../packages/verify/src/receipt.js';
import { ApiApprovalId } from '../approvals/api-approval-id.decorator.js';
import type { Agent } from '../auth/agent.js';
import { CurrentAgent } from '../auth/current-agent.decorator.js';
import { Policy } from '../auth/policy.decorator.js';
import { abortOnClose } from '../http/abort-on-close.js';
import { ApiProblems } from '../http/api-problems.decorator.js';
import { ApprovalIdPipe } from '../http/ids.js';
import { ReceiptDto } from './dto/receipt.dto.js';
import { ReceiptQuery } from './dto/receipt.query.js';
import { ReceiptsMetricsService } from './receipts-metrics.service.js';
import { ReceiptsService } from './receipts.service.js';

@ApiTags('Approvals')
@ApiBearerAuth()
@Controller('approvals')
export class ReceiptsController {
  constructor(
    private readonly receipts: ReceiptsService,
    private readonly metrics: ReceiptsMetricsService,
  ) {}

  @Get(':id/receipt')
  @Policy('approvals.receipt')
  @ApiOperation({
    operationId: 'getApprovalReceipt',
    summary: 'Get the receipt of a decided approval',
    description:
      'Returns a file that proves the decision without the controller: `mesh-verify receipt` verifies it offline, with the public key of the log. A receipt contains all sealed events of the approval and its earlier stages; one made later shows the consumption. Repeat a request that returns 409 `receipt.not_sealed`, or set `wait_seconds`.',
  })
  @ApiApprovalId()
  @ApiExtraModels(ReceiptDto)
  @ApiOkResponse({
    description: 'The receipt.',
    content: { [RECEIPT_MEDIA_TYPE]: { schema: { $ref: getSchemaPath(ReceiptDto) } } },
  })
  @ApiProblems(
    'approval.not_found',
    'receipt.undecided',
    'receipt.not_sealed',
    'receipt.unavailable',
    'audit.pruned',
    'audit.seal_off',
    'audit.unsigned',
  )
  async get(
    @Param('id', ApprovalIdPipe) id: string,
    @Query() query: ReceiptQuery,
    @CurrentAgent() agent: Agent,
    @Res() response: Response,
  ): Promise<void> {
    const receipt = await this.metrics.count(
      this.receipts.get(agent, id, query, abortOnClose(response)),
    );
    const filename = `approval-${id}.receipt.json`;
    response
      .setHeader('Content-Type', RECEIPT_MEDIA_TYPE)
      .setHeader('Content-Disposition', `attachment; filename="${filename}"`)
      .send(Buffer.from(receiptText(receipt)));
  }
}
