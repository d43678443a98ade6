import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Protected-resource metadata of `/mcp` (RFC 9728 section 2). */
export class ResourceMetadataDto {
  @ApiProperty({ example: 'https://mesh.example.com/mcp' })
  resource: string;

  @ApiPropertyOptional({
    type: [String],
    description: 'The issuers of accepted tokens. Absent with development tokens.',
    example: ['https://id.example.com/realms/mesh'],
  })
  authorization_servers?: string[];

  @ApiProperty({ type: [String], example: ['header'] })
  bearer_methods_supported: string[];

  @ApiProperty({ example: 'Agent Mesh Controller' })
  resource_name: string;
}
