import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'Protected-resource metadata of `/mcp` (RFC 9728 section 2).' })
export class ResourceMetadataDto {
  @ApiProperty({
    description: 'URL of the protected resource. Tokens may name it as their audience.',
    example: 'https://mesh.example.com/mcp',
  })
  resource: string;

  @ApiPropertyOptional({
    type: [String],
    description: 'The issuers of accepted tokens. Absent with development tokens.',
    example: ['https://id.example.com/realms/mesh'],
  })
  authorization_servers?: string[];

  @ApiProperty({
    description: 'How a request presents its token.',
    type: [String],
    example: ['header'],
  })
  bearer_methods_supported: string[];

  @ApiProperty({
    description: 'Name of the resource, for people.',
    example: 'Agent Mesh Controller',
  })
  resource_name: string;
}
