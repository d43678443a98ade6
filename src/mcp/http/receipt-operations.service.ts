import { Injectable } from '@nestjs/common';
import { ReceiptQuery } from '../../receipts/dto/receipt.query.js';
import { ReceiptsService } from '../../receipts/receipts.service.js';
import { approvalIdOf, type InProcessOperations, queryAs } from './in-process-operation.js';

/** The operation of the receipt controller, without HTTP. */
@Injectable()
export class ReceiptOperationsService {
  constructor(private readonly receipts: ReceiptsService) {}

  readonly all = {
    get_receipt: {
      status: 200,
      run: async (call) => {
        const query = await queryAs(ReceiptQuery, call);
        return this.receipts.get(call.agent, approvalIdOf(call), query, call.gone);
      },
    },
  } satisfies InProcessOperations;
}
