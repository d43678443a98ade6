import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { AUDIT_LOG_STATES, type AuditLogState } from '../audit-log/audit-log-state.service.js';
import { KEYS_PROBLEMS, type KeysProblem } from '../auth/keys-problem.js';
import { DATABASE_REASONS, type DatabaseReason } from '../database/database-reason.js';
import {
  READ_REPLICA_STATES,
  type ReadReplicaState,
} from '../database/replica/read-replica.service.js';
import { VERSION } from '../version.js';

@ApiSchema({ description: 'The version of a controller that responds.' })
export class ServiceStatusDto {
  @ApiProperty({ description: 'Always `ok`.', enum: ['ok'], example: 'ok' })
  status: 'ok';

  @ApiProperty({ description: 'Version of the controller.', example: VERSION })
  version: string;
}

@ApiSchema({ description: 'The health of an instance and its dependencies.' })
export class HealthDto {
  @ApiProperty({
    description: '`degraded` if a dependency is unavailable.',
    enum: ['healthy', 'degraded'],
    example: 'healthy',
  })
  status: 'healthy' | 'degraded';

  @ApiProperty({ description: 'Version of the controller.', example: VERSION })
  version: string;

  @ApiProperty({
    description: 'State of PostgreSQL.',
    enum: ['connected', 'disconnected'],
    example: 'connected',
  })
  database: 'connected' | 'disconnected';

  @ApiPropertyOptional({
    enum: DATABASE_REASONS,
    description:
      'Why the database cannot serve requests, so that the instance is not ready. Absent if it can. `read_only`, `disk_full`, `commits_hang` (a synchronous standby is missing, or the storage does not respond), `writes_fail`: the database responds but takes no writes.',
    example: 'read_only',
  })
  database_reason?: DatabaseReason;

  @ApiPropertyOptional({
    enum: ['polling'],
    description:
      'Present while no notifications of other instances arrive, because the connection for LISTEN is not open or a pooler does not pass them on. Waiting requests then poll once a second.',
    example: 'polling',
  })
  notifications?: 'polling';

  @ApiPropertyOptional({
    enum: READ_REPLICA_STATES,
    description:
      'State of the read replica (`DATABASE_READ_URL`). Present only with one. It does not affect readiness. `lagging`: it does not catch up within `DATABASE_READ_MAX_LAG_MS`. `lagging` and `unavailable`: the primary serves lists; the log has the reason.',
    example: 'ok',
  })
  read_replica?: ReadReplicaState;

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

  @ApiProperty({
    enum: AUDIT_LOG_STATES,
    description:
      'State of the sealed audit log. It does not affect `status` and readiness. `unsigned`: events are sealed, but no signing key is configured. `lagging`: events have waited for their seal for more than 30 seconds. `diverged`: the log contradicts a published head, so nothing is signed. `off`: this instance does not seal.',
    example: 'sealing',
  })
  audit_log: AuditLogState;

  @ApiPropertyOptional({
    enum: ['available', 'expired', 'never_read'],
    description:
      'Whether tokens can be verified. Present only with an identity provider (`OIDC_JWKS_URL`). `never_read`: the process has not read the signing keys yet and is not ready. `expired`: the identity provider has been unavailable for an hour.',
    example: 'available',
  })
  signing_keys?: 'available' | 'expired' | 'never_read';

  @ApiPropertyOptional({
    enum: KEYS_PROBLEMS,
    description:
      'Why the latest read of the signing keys failed. Absent if it succeeded. `bad_response`: the URL did not return a key set. `certificate_untrusted`: set `NODE_EXTRA_CA_CERTS` to the file of a private certificate authority.',
    example: 'unreachable',
  })
  signing_keys_reason?: KeysProblem;
}

@ApiSchema({ description: 'The response of the liveness probe.' })
export class LivenessDto {
  @ApiProperty({ description: 'Always `alive`.', enum: ['alive'], example: 'alive' })
  status: 'alive';
}

@ApiSchema({ description: 'The response of the readiness probe.' })
export class ReadinessDto {
  @ApiProperty({
    description: 'Whether the process accepts requests.',
    enum: ['ready', 'not_ready'],
    example: 'ready',
  })
  status: 'ready' | 'not_ready';
}
