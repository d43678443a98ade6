import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { PageDto } from '../../http/page.dto.js';
import { SessionDto } from './session.dto.js';

@ApiSchema({ description: 'A page of a list of sessions, numbered or after a cursor.' })
export class SessionPageDto extends PageDto {
  @ApiProperty({ type: [SessionDto], description: 'Sessions, newest first.' })
  sessions: SessionDto[];

  @ApiProperty({
    type: 'integer',
    required: false,
    maximum: 10_000,
    description:
      'Number of sessions on all numbered pages, at most 10,000. Absent if the request has a `cursor`.',
    example: 1,
  })
  total?: number;

  @ApiProperty({
    required: false,
    description:
      'Whether `total` is exact: `false` if there are more sessions. Absent if the request has a `cursor`.',
    example: true,
  })
  total_is_exact?: boolean;

  @ApiProperty({
    type: 'integer',
    required: false,
    description: 'Number of this page, from 1. Absent if the request has a `cursor`.',
    example: 1,
  })
  page?: number;
}
