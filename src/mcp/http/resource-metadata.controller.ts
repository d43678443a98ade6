import { Controller, Get, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Policy } from '../../auth/policy.decorator.js';
import { Environment } from '../../config/environment.js';
import { InvalidInputError } from '../../errors/domain-error.js';
import { ApiPublicProblems } from '../../http/api-problems.decorator.js';
import { publicUrl } from '../../http/public-url.js';
import { METADATA_PATH } from './metadata-path.js';
import { ResourceMetadataDto } from './resource-metadata.dto.js';

/** The metadata by which an MCP client finds the authorization server, at both paths that clients try. */
@ApiTags('MCP')
@Policy('mcp.discover')
@ApiPublicProblems('request.rate_limited', 'server.overloaded')
@Controller(METADATA_PATH)
export class ResourceMetadataController {
  constructor(private readonly environment: Environment) {}

  @Get()
  @ApiOperation({
    operationId: 'getResourceMetadata',
    summary: 'Get the protected-resource metadata (RFC 9728)',
    security: [],
    description:
      'Returns the metadata by which an MCP client finds the authorization server of the controller. The client then gets a token there and sends it to `POST /mcp`.',
  })
  @ApiOkResponse({ type: ResourceMetadataDto, description: 'The metadata of the resource.' })
  ofController(@Req() request: Request): ResourceMetadataDto {
    return this.metadata(request);
  }

  @Get('mcp')
  @ApiOperation({
    operationId: 'getMcpResourceMetadata',
    summary: 'Get the protected-resource metadata of /mcp (RFC 9728)',
    security: [],
    description:
      'Returns the metadata by which an MCP client finds the authorization server of `/mcp`, at the path that RFC 9728 derives from its URL. The client then gets a token there and sends it to `POST /mcp`.',
  })
  @ApiOkResponse({ type: ResourceMetadataDto, description: 'The metadata of the resource.' })
  ofMcp(@Req() request: Request): ResourceMetadataDto {
    return this.metadata(request);
  }

  private metadata(request: Request): ResourceMetadataDto {
    const { OIDC_ISSUER_URL } = this.environment;
    const url = publicUrl(this.environment, request);
    if (url === undefined)
      throw new InvalidInputError([
        { pointer: 'Host', message: 'Host must be a valid host: PUBLIC_URL is not set' },
      ]);
    return {
      resource: `${url}/mcp`,
      ...(OIDC_ISSUER_URL.length > 0 && { authorization_servers: [...OIDC_ISSUER_URL] }),
      bearer_methods_supported: ['header'],
      resource_name: 'Agent Mesh Controller',
    };
  }
}
