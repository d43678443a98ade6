import { ApiProperty } from '@nestjs/swagger';
import type { Agent, AgentKind } from './agent.js';
import { defaultActingRole, namedRoles } from './roles.js';

/** What the controller makes of the caller's token. */
export class WhoAmIDto {
  @ApiProperty({
    type: String,
    description:
      'Issuer and `sub` of the token, as they appear in created_by, claimed_by and decided_by.',
    example: 'https://id.example.com/realms/mesh#7f3c2a9e-finance-agent',
  })
  readonly subject: string;

  @ApiProperty({
    type: [String],
    description: 'The org roles the caller may act for.',
    example: ['finance', 'manager'],
  })
  readonly roles: readonly string[];

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The role acted for when a request names none; null: requests have to name one.',
    example: 'finance',
  })
  readonly acting_role: string | null;

  @ApiProperty({
    enum: ['human', 'agent'],
    description: 'human: the claims of the token meet `HUMAN_CLAIMS`.',
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
