import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { type Disclosure, DISCLOSURES } from '../../../packages/verify/src/receipt.js';
import { WaitSeconds } from '../../http/wait-seconds.js';

/** Maximum seconds to wait for the seal. */
const MAX_SECONDS = 20;

/** Query of `GET /approvals/{id}/receipt`. */
export class ReceiptQuery {
  @WaitSeconds('Seconds to wait until the decision is sealed and signed.', { max: MAX_SECONDS })
  wait_seconds?: number;

  @ApiPropertyOptional({
    enum: DISCLOSURES,
    default: 'actors',
    description:
      'The parts of the events that the receipt discloses. `actors`: subjects. `all`: also comments and reasons. `none`: subjects are pseudonyms. The digest of the payload is always disclosed.',
  })
  @IsOptional()
  @IsIn(DISCLOSURES)
  disclose?: Disclosure;
}
