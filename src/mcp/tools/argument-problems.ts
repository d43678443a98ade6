import { MeshError, type MeshProblem } from './mesh-client.js';
import type { Members, Tool } from './tool.js';

/** The error `request.invalid` for arguments that are refused without a request to the controller. */
export function invalidArguments(detail: string): MeshError {
  return new MeshError({ code: 'request.invalid', status: 400, detail });
}

/** Renames the members in the problem of a route to the arguments of the tool. */
export function withArgumentNames(
  { sentAs = {} }: Tool,
  args: Members,
  problem: MeshProblem,
): MeshProblem {
  const { errors } = problem;
  if (errors === undefined) return problem;
  const named = errors.map(({ pointer, message }) => {
    // A deprecated argument (v0.4) has the same name in the route.
    const [root = ''] = pointer.replace(/^[/?]/, '').split('/');
    const argument = argumentOf(pointer, root in args ? {} : sentAs);
    const member = lastOf(pointer);
    const name = lastOf(argument);
    const isRenamed = name !== member && message.startsWith(`${member} `);
    return {
      pointer: argument,
      message: isRenamed ? `${name}${message.slice(member.length)}` : message,
    };
  });
  return { ...problem, errors: named, detail: named.map(({ message }) => message).join('; ') };
}

/** Converts a pointer of the route to one of the tool; the longest matching prefix decides. */
function argumentOf(pointer: string, sentAs: Readonly<Record<string, string | undefined>>): string {
  const slashed = pointer.replace(/^\?/, '/');
  const [place] = Object.keys(sentAs)
    .filter((place) => slashed === place || slashed.startsWith(`${place}/`))
    .sort((a, b) => b.length - a.length);
  if (place === undefined) return slashed;
  const rest = slashed.slice(place.length);
  const argument = sentAs[place] ?? '';
  return `${argument && `/${argument}`}${rest}` || '/';
}

function lastOf(pointer: string): string {
  return pointer.slice(Math.max(pointer.lastIndexOf('/'), pointer.lastIndexOf('?')) + 1);
}
