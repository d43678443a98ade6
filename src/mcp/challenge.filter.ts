import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { ProblemFilter } from '../errors/problem.filter.js';
import { METADATA_PATH, publicUrl } from './public-url.js';

const CHALLENGE = 'WWW-Authenticate';

/** Tells a client that lacks a token where it learns who gives it one (RFC 9728 section 5.1). */
@Injectable()
@Catch(DomainError)
export class ChallengeFilter extends ProblemFilter {
  constructor(private readonly environment: Environment) {
    super();
  }

  override catch(error: DomainError, host: ArgumentsHost): void {
    const challenge = error.extras.headers?.[CHALLENGE];
    const url = publicUrl(this.environment, host.switchToHttp().getRequest<Request>());
    if (challenge === undefined || url === undefined) {
      super.catch(error, host);
      return;
    }
    const separator = challenge.includes(' ') ? ', ' : ' ';
    const headers = {
      ...error.extras.headers,
      [CHALLENGE]: `${challenge}${separator}resource_metadata="${url}/${METADATA_PATH}/mcp"`,
    };
    super.catch(new DomainError(error.code, error.detail, { ...error.extras, headers }), host);
  }
}
