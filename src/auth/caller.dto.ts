import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { Agent, AgentKind } from './agent.js';
import { defaultActingRole, namedRoles } from './roles.js';

@ApiSchema({ description: 'The caller, as identified by its token.' })
export class CallerDto {
  @ApiProperty({
    type: String,
    description:
      '`iss#sub` of the token, as it appears in `created_by`, `claimed_by` and `decided_by`.',
    example: 'https://id.example.com/realms/mesh#7f3c2a9e-finance-agent',
  })
  readonly subject: string;

  @ApiProperty({
    type: [String],
    description: 'The roles that the caller can act for.',
    example: ['finance', 'manager'],
  })
  readonly roles: readonly string[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The acting role of requests that name none. Null: each request must name one.',
    example: 'finance',
  })
  readonly acting_role: string | null;

  @ApiProperty({
    enum: ['human', 'agent'],
    description: '`human` if the claims of the token meet `HUMAN_CLAIMS`, else `agent`.',
    example: 'agent',
  })
  readonly kind: AgentKind;

  constructor(agent: Agent) {
    this.subject = agent.subject;
    this.roles = namedRoles(agent);
    this.acting_role = defaultActingRole(agent) ?? null;
    this.kind = agent.kind;
  }
}
