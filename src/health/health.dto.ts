import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

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
    description: 'State of Redis, an optional cache. The controller works without it.',
    example: 'disabled',
  })
  redis: 'connected' | 'disconnected' | 'disabled';

  @ApiPropertyOptional({
    description:
      'Reason why Redis cannot be used, or refuses some commands: an error code and its meaning. Absent while Redis works.',
    example: 'OOM: the memory of Redis is full',
  })
  redis_reason?: string;

  @ApiPropertyOptional({
    enum: ['available', 'expired', 'never_read'],
    description:
      'Whether tokens can be verified. Present only with an identity provider (`OIDC_JWKS_URL`). `never_read`: the process has not read the signing keys yet and is not ready. `expired`: the identity provider has been unavailable for an hour.',
    example: 'available',
  })
  signing_keys?: 'available' | 'expired' | 'never_read';
}

export class LiveDto {
  @ApiProperty({ enum: ['alive'], example: 'alive' })
  status: 'alive';
}

export class ReadyDto {
  @ApiProperty({ enum: ['ready', 'not_ready'], example: 'ready' })
  status: 'ready' | 'not_ready';
}
