import type { AgentCard, AgentSkill, SecurityRequirement, SecurityScheme } from '@a2a-js/sdk';
import type { CardSkill, CardTexts } from '../config/a2a-cards.js';
import { VERSION } from '../version.js';
import { DEFAULT_TASK_TYPE } from './a2a-message.js';

const INPUT_MODES = ['text/plain', 'application/json'];
const OUTPUT_MODES = ['application/json', 'text/plain'];
const PROTOCOL_VERSION = '1.0';

/** The path of the HTTP+JSON interface below that of the agent. */
export const REST_PATH = 'v1';

/** The facts of an agent card. */
export interface CardFacts {
  readonly role: string;
  /** URL of the agent, which is that of its JSON-RPC interface. */
  readonly url: string;
  readonly issuers: readonly string[];
  readonly texts: CardTexts;
  /** Whether the card has all skills. */
  readonly isExtended: boolean;
  /** Whether the agent sends push notifications. */
  readonly pushNotifications: boolean;
}

/** Returns the agent card of a role, without signatures. */
export function agentCard({
  role,
  url,
  issuers,
  texts,
  isExtended,
  pushNotifications,
}: CardFacts): AgentCard {
  const skills = texts.skills.filter(({ extended }) => isExtended || !extended);
  const schemes = securitySchemes(issuers);
  return {
    name: texts.name ?? role,
    description:
      texts.description ??
      `The role ${role} of an organization. A message becomes a task, which an agent or a person of the role works on.`,
    supportedInterfaces: [
      { url, protocolBinding: 'JSONRPC', protocolVersion: PROTOCOL_VERSION, tenant: '' },
      {
        url: `${url}/${REST_PATH}`,
        protocolBinding: 'HTTP+JSON',
        protocolVersion: PROTOCOL_VERSION,
        tenant: '',
      },
    ],
    provider: undefined,
    version: VERSION,
    capabilities: {
      streaming: true,
      pushNotifications,
      extendedAgentCard: true,
      extensions: [],
    },
    securitySchemes: schemes,
    securityRequirements: Object.keys(schemes).map(requirement),
    defaultInputModes: INPUT_MODES,
    defaultOutputModes: OUTPUT_MODES,
    skills: skills.length > 0 ? skills.map(toSkill) : [toSkill(defaultSkill(role))],
    signatures: [],
  };
}

/** A token of one of the issuers, or any token that the controller accepts. */
function securitySchemes(issuers: readonly string[]): Record<string, SecurityScheme> {
  const oidc = issuers.map((issuer, index): [string, SecurityScheme] => [
    index === 0 ? 'oidc' : `oidc${index + 1}`,
    {
      scheme: {
        $case: 'openIdConnectSecurityScheme',
        value: {
          description: '',
          openIdConnectUrl: `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`,
        },
      },
    },
  ]);
  const bearer: SecurityScheme = {
    scheme: {
      $case: 'httpAuthSecurityScheme',
      value: {
        description: 'A bearer token with at least one role.',
        scheme: 'bearer',
        bearerFormat: 'JWT',
      },
    },
  };
  return { ...Object.fromEntries(oidc), bearer };
}

function requirement(name: string): SecurityRequirement {
  return { schemes: { [name]: { list: [] } } };
}

function defaultSkill(role: string): CardSkill {
  return {
    id: DEFAULT_TASK_TYPE,
    name: 'Task',
    description: `Any work for the role ${role}.`,
    tags: ['task'],
    examples: [],
    extended: false,
  };
}

function toSkill({ id, name, description, tags, examples }: CardSkill): AgentSkill {
  return {
    id,
    name,
    description,
    tags: tags.length > 0 ? [...tags] : [id],
    examples: [...examples],
    inputModes: [],
    outputModes: [],
    securityRequirements: [],
  };
}
