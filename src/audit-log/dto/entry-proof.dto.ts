import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'A proof that an audit event is in the sealed log.' })
export class EntryProofDto {
  @ApiProperty({
    type: 'integer',
    description: 'Index of the entry in the log, from 0.',
    example: 700,
  })
  seq: number;

  @ApiProperty({
    description: 'The exact text of the entry, whose hash is in the tree.',
    example: '{"approval_id":null,"event_type":"task_routed","facts":{},…,"v":1}',
  })
  leaf: string;

  @ApiProperty({
    type: [String],
    description:
      'The disclosures that open the commitments of the entry: its actor, free text and payload digest (RFC 9901). Empty if the event was erased.',
    example: ['WyJtdXRhRmw4SncwckZab…'],
  })
  open: string[];

  @ApiProperty({
    type: [String],
    description: 'The inclusion proof: hashes in base64 (RFC 6962, section 2.1.1).',
    example: ['ypFPoq4RT1HrPjDuMfqjUC0PHrG/ISn27cXYkqTpQ0Y='],
  })
  proof: string[];

  @ApiProperty({
    description: 'The signed head of the tree that the proof leads to (C2SP tlog-checkpoint).',
    example:
      'mesh.example.com/audit/log\n1033\nypFPoq4RT1HrPjDuMfqjUC0PHrG/ISn27cXYkqTpQ0Y=\n\n— mesh.example.com/audit/log l3dKhA…\n',
  })
  checkpoint: string;
}

/** Returns a proof in the form of C2SP tlog-proof. */
export function toTlogProof({ seq, proof, checkpoint }: EntryProofDto): string {
  const hashes = proof.map((hash) => `${hash}\n`).join('');
  return `c2sp.org/tlog-proof@v1\nindex ${seq}\n${hashes}\n${checkpoint}`;
}
