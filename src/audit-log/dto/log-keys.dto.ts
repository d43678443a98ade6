import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ description: 'A key that signs or signed heads of the sealed log.' })
export class LogKeyDto {
  @ApiProperty({
    description: 'Verifier key (C2SP signed-note).',
    example: 'mesh.example.com/audit/log+97774a84+AXWyDGEvvxkDh9GoEVP/ccXrXJtKDCi09mFL0xYXQ1Zp',
  })
  vkey: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'The same key as a JSON Web Key (RFC 8037). `kid` is its thumbprint (RFC 7638).',
    example: {
      kty: 'OKP',
      crv: 'Ed25519',
      x: 'dbIMYS-_GQOH0agRU_9xxetcm0oMKLT2YUvTFhdDVmk',
      kid: 'QbNfZ8d3q1mWZ3nQ5nq4dQh0mZ0nqj3m8xR1c2k9b7E',
    },
  })
  jwk: Record<string, string>;

  @ApiProperty({
    type: 'integer',
    description: 'Size of the first head that it signed.',
    example: 0,
  })
  from_size: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Size of the last head for which it is trusted. Null: it signs now.',
    example: null,
  })
  until_size: number | null;

  @ApiProperty({ description: 'Whether it was revoked.', example: false })
  revoked: boolean;
}

@ApiSchema({ description: 'The keys of the sealed log.' })
export class LogKeysDto {
  @ApiProperty({
    description: 'The name of the log, the first line of each head.',
    example: 'mesh.example.com/audit/log',
  })
  origin: string;

  @ApiProperty({
    type: [LogKeyDto],
    description: 'The keys that sign or have signed heads, the present one first.',
  })
  keys: LogKeyDto[];
}
