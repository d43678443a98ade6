import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { WholeNumber } from '../../common/whole-number.js';

/** Largest size in a query: ten digits. */
const MAX_SIZE = 9_999_999_999;

export class ConsistencyQuery {
  @ApiProperty({
    type: 'integer',
    minimum: 0,
    maximum: MAX_SIZE,
    description: 'Size of the head that you have.',
    example: 1,
  })
  @WholeNumber(0, MAX_SIZE)
  from: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: MAX_SIZE,
    description: 'Size of a later head. Default: the newest head.',
  })
  @IsOptional()
  @WholeNumber(0, MAX_SIZE)
  to?: number;
}

@ApiSchema({ description: 'A proof that one head of the sealed log extends another (RFC 6962).' })
export class ConsistencyDto {
  @ApiProperty({ type: 'integer', description: 'Size of the earlier log.', example: 519 })
  from: number;

  @ApiProperty({ type: 'integer', description: 'Size of the later log.', example: 1033 })
  to: number;

  @ApiProperty({
    type: [String],
    description: 'Hashes in base64 (RFC 6962, section 2.1.2).',
    example: ['ypFPoq4RT1HrPjDuMfqjUC0PHrG/ISn27cXYkqTpQ0Y='],
  })
  proof: string[];

  @ApiProperty({
    description: 'The signed head of the size `to`, or the next larger one (C2SP tlog-checkpoint).',
    example:
      'mesh.example.com/audit/log\n1033\nypFPoq4RT1HrPjDuMfqjUC0PHrG/ISn27cXYkqTpQ0Y=\n\n— mesh.example.com/audit/log l3dKhA…\n',
  })
  checkpoint: string;
}
