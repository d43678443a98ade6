import { Injectable, type PipeTransform } from '@nestjs/common';
import { NAME, toNfc } from '../common/names.js';
import { InvalidInputError } from '../errors/domain-error.js';

/** Parses a role name in the path, and converts it to NFC. */
@Injectable()
export class RolePipe implements PipeTransform<string, string> {
  transform(value: string): string {
    const role = toNfc(value);
    if (NAME.test(role)) return role;
    throw new InvalidInputError([
      {
        pointer: '/role',
        message:
          'The role in the path must be a role name: 1 to 50 printable characters, without a comma and without white space around them',
      },
    ]);
  }
}
