import { outputSchema, inputSchema, text, boolean } from './schemas.js';
import { type Tool, memberText } from './tool.js';
import { pick } from './json-of.js';

export const whoami: Tool = {
  name: 'whoami',
  title: 'Get your subject and roles',
  description:
    'Returns the subject and the roles of your token. Call it once at the start, and when a call is refused because of a role.',
  kind: 'read',
  input: inputSchema({}),
  output: outputSchema({
    subject: text('Your identity, as it appears in claimed_by and decided_by.'),
    roles: {
      type: 'array',
      items: { type: 'string' },
      description: 'The roles that you can act for.',
    },
    acting_role: {
      type: ['string', 'null'],
      description:
        'The role that you act for unless a call names another; null: each call must name one.',
    },
    must_name_role: boolean('Whether you must pass a role to the tools that accept one.'),
    kind: text('human or agent. Some approvals can be decided only by a human.'),
  }),
  async run(mesh) {
    const { body } = await mesh.call('who_am_i');
    const roles = Array.isArray(body.roles) ? body.roles.map(memberText).join(', ') : '';
    return {
      text: `You are ${memberText(body.subject)}, acting for ${roles || 'no role'}.`,
      content: {
        ...pick(body, 'subject', 'roles', 'acting_role', 'kind'),
        must_name_role: body.acting_role === null,
      },
    };
  },
};
