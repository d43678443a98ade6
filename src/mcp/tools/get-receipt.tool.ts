import { DISCLOSURES } from '../../../packages/verify/src/receipt.js';
import type { ReceiptQuery } from '../../receipts/dto/receipt.query.js';
import { APPROVAL_ID } from './approval-result.js';
import { asQuery, pickGiven } from './json-of.js';
import { inputSchema, integer, object, outputSchema, text } from './schemas.js';
import { memberText, type Tool } from './tool.js';

/** Seconds to wait for the seal, unless the arguments contain another number. */
const WAIT_SECONDS = 10;

export const getReceipt: Tool = {
  name: 'get_receipt',
  title: 'Get the receipt of a decided approval',
  description:
    'Returns a receipt: a signed file that proves the decision, its votes and the digest of the payload without this system. Hand it to the party that asks for proof, for example an auditor or a counterparty, unchanged and as a JSON file; mesh-verify verifies it offline. Only approved and rejected approvals have a receipt. Get it after consume_approval if it should show the consumption.',
  kind: 'read',
  input: inputSchema(
    {
      approval_id: APPROVAL_ID,
      wait_seconds: integer(
        `Maximum time to wait until the decision is sealed, in seconds; default ${WAIT_SECONDS}.`,
        0,
        20,
      ),
      disclose: text(
        'actors: the receipt shows subjects (default). all: also comments and reasons. none: subjects are pseudonyms.',
        { enum: [...DISCLOSURES] },
      ),
    },
    ['approval_id'],
  ),
  output: outputSchema({
    receipt: object('The receipt: format, statement, checkpoint, evidence.'),
  }),
  async run(mesh, args) {
    const given = pickGiven<ReceiptQuery>(args, 'wait_seconds', 'disclose');
    const { body } = await mesh.call('get_receipt', {
      id: memberText(args.approval_id),
      query: asQuery<ReceiptQuery>({ wait_seconds: WAIT_SECONDS, ...given }),
    });
    return {
      text: 'The member receipt is the file. Keep all of its members and values unchanged.',
      content: { receipt: body },
    };
  },
};
