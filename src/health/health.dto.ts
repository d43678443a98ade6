import { ApiProperty } from '@nestjs/swagger';

export class StatusDto {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  status: 'ok';

  @ApiProperty({ example: '0.4.0' })
  version: string;
}

export class HealthDto {
  @ApiProperty({ enum: ['healthy', 'degraded'], example: 'healthy' })
  status: 'healthy' | 'degraded';

  @ApiProperty({ example: '0.4.0' })
  version: string;

  @ApiProperty({ enum: ['connected', 'disconnected'], example: 'connected' })
  database: 'connected' | 'disconnected';

  @ApiProperty({
    enum: ['connected', 'disconnected', 'disabled'],
    description: 'Only a fast path depends on it.',
    example: 'disabled',
  })
  redis: 'connected' | 'disconnected' | 'disabled';
}

export class LiveDto {
  @ApiProperty({ enum: ['alive'], example: 'alive' })
  status: 'alive';
}

export class ReadyDto {
  @ApiProperty({ enum: ['ready', 'not_ready'], example: 'ready' })
  status: 'ready' | 'not_ready';
}
