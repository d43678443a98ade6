import { describe, expect, it } from '@jest/globals';
import { startupProblem } from './startup-problem.js';

const withCode = (code: string, message = 'said the system'): Error =>
  Object.assign(new Error(message), { code });

describe('Why the controller does not start', () => {
  it.each<[error: unknown, line: string]>([
    [new Error('Configuration: PORT is wrong.'), 'Configuration: PORT is wrong.'],
    [withCode('EADDRINUSE'), 'The port is already in use; set PORT to another. said the system'],
    [withCode('EACCES'), 'This user may not use the port or a folder. said the system'],
    [
      withCode('ECONNREFUSED'),
      'The database does not respond; check DATABASE_URL. said the system',
    ],
    [
      withCode('ENOTFOUND'),
      'The host of the database cannot be resolved; check DATABASE_URL. said the system',
    ],
    [withCode('28P01'), 'The database refuses the password; check DATABASE_URL. said the system'],
    [withCode('3D000'), 'The database named in DATABASE_URL does not exist. said the system'],
    [withCode('42501'), 'The database user lacks a privilege. said the system'],
    [withCode('XX000'), 'said the system'],
    [
      new AggregateError([withCode('ECONNREFUSED', 'one'), new Error('two')]),
      'The database does not respond; check DATABASE_URL. one',
    ],
    [new AggregateError([new Error('one')], 'in all'), 'in all'],
    [new Error('first\n    second\n\nthird'), 'first second third'],
    ['a text', 'a text'],
    [undefined, 'undefined'],
  ])('is one line (%#)', (error, line) => {
    expect(startupProblem(error)).toBe(`agent-mesh-controller: ${line}`);
  });
});
