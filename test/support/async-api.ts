import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const ID = 'asyncapi.json';

/** Compares messages with the AsyncAPI document. */
export class AsyncApi {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });

  constructor(document: object) {
    addFormats.default(this.ajv);
    this.ajv.addSchema(document, ID);
  }

  /** Returns the problems of a payload, or of headers, of a message of the document. */
  problemsOf(message: string, value: unknown, part: 'payload' | 'headers' = 'payload'): string[] {
    const validate = this.ajv.getSchema(`${ID}#/components/messages/${message}/${part}`);
    if (!validate) throw new Error(`The document has no ${part} of ${message}.`);
    void validate(value);
    return (validate.errors ?? []).map(
      ({ instancePath, message: text }) => `${instancePath} ${text}`,
    );
  }
}
