import { type ArgumentsHost, Catch, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { AccessDenialsFilter } from '../../audit/access-denials.filter.js';
import { AccessDenialsService } from '../../audit/access-denials.service.js';
import { Environment } from '../../config/environment.js';
import { DomainError } from '../../errors/domain-error.js';
import { publicUrl } from '../../http/public-url.js';
import { METADATA_PATH } from './metadata-path.js';

const CHALLENGE = 'WWW-Authenticate';

/** Adds the URL of the protected-resource metadata to the challenge of a 401 (RFC 9728 section 5.1). */
@Injectable()
@Catch(DomainError)
export class ChallengeFilter extends AccessDenialsFilter {
  constructor(
    accessDenials: AccessDenialsService,
    private readonly environment: Environment,
  ) {
    super(accessDenials);
  }

  override async catch(error: DomainError, host: ArgumentsHost): Promise<void> {
    const challenge = error.extras.headers?.[CHALLENGE];
    const url = publicUrl(this.environment, host.switchToHttp().getRequest<Request>());
    if (challenge === undefined || url === undefined) {
      await super.catch(error, host);
      return;
    }
    const separator = challenge.includes(' ') ? ', ' : ' ';
    const headers = {
      ...error.extras.headers,
      [CHALLENGE]: `${challenge}${separator}resource_metadata="${url}/${METADATA_PATH}/mcp"`,
    };
    await super.catch(
      new DomainError(error.code, error.detail, { ...error.extras, headers }),
      host,
    );
  }
}
