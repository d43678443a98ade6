import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';

export class ConsumeApprovalDto {
  @ApiProperty({
    description: 'SHA-256 of what is about to be done, in the canonical JSON of RFC 8785, as hex.',
    pattern: '^[0-9a-f]{64}$',
    example: '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  })
  @Matches(/^[0-9a-f]{64}$/, { message: 'digest must be a SHA-256 as 64 lower-case hex digits' })
  digest: string;
}
