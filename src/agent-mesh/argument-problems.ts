import { MeshProblem, type Problem } from './mesh.js';
import type { Members, Tool } from './tool.js';

/** Arguments that a tool refuses before it asks the controller. */
export function invalidArguments(detail: string): MeshProblem {
  return new MeshProblem({ code: 'request.invalid', status: 400, detail });
}

/** A problem that a route found, with the names of the tool's arguments in place of those of its body and query. */
export function inTermsOf({ sentAs = {} }: Tool, args: Members, problem: Problem): Problem {
  const { errors } = problem;
  if (errors === undefined) return problem;
  const named = errors.map(({ pointer, message }) => {
    // A place that is named as the caller named it, by an argument of v0.4, needs no other name.
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

/** The longest of the places that a pointer is in, as the argument that was sent there. */
function argumentOf(pointer: string, sentAs: Readonly<Record<string, string>>): string {
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
