import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  type Evidence,
  type Receipt,
  RECEIPT_FORMAT,
} from '../../../packages/verify/src/receipt.js';

@ApiSchema({ description: 'An event of a receipt, with its proof.' })
class EvidenceDto implements Evidence {
  @ApiProperty({
    type: 'integer',
    description: 'Index of the entry in the sealed log.',
    example: 1126,
  })
  index: number;

  @ApiProperty({ description: 'The exact text of the entry: canonical JSON (RFC 8785).' })
  leaf: string;

  @ApiProperty({
    type: [String],
    description: 'Disclosures that open commitments of the entry (RFC 9901).',
  })
  open: string[];

  @ApiProperty({
    type: [String],
    description: 'The inclusion proof of the entry (RFC 6962), in base64.',
  })
  proof: string[];
}

@ApiSchema({ description: 'A file that proves a decision offline.' })
export class ReceiptDto implements Receipt {
  @ApiProperty({
    enum: [RECEIPT_FORMAT],
    description: 'Name and version of the format.',
    example: RECEIPT_FORMAT,
  })
  format: typeof RECEIPT_FORMAT;

  @ApiProperty({
    description:
      'The approval as the log states it: a compact JWS (RFC 7515), signed with Ed25519.',
  })
  statement: string;

  @ApiProperty({ description: 'The signed head of the log (C2SP tlog-checkpoint).' })
  checkpoint: string;

  @ApiProperty({ type: [EvidenceDto], description: 'The sealed events of the approval.' })
  evidence: EvidenceDto[];
}
