import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';

export class ConsumeApprovalDto {
  @ApiProperty({
    description:
      'SHA-256 of the payload of your action in canonical JSON (RFC 8785), in hexadecimal. It must match the approved payload.',
    pattern: '^[0-9a-f]{64}$',
    example: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  })
  @Matches(/^[0-9a-f]{64}$/, {
    message: 'digest must be a SHA-256 digest of 64 lowercase hexadecimal digits',
  })
  digest: string;
}
