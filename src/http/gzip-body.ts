import { promisify, types } from 'node:util';
import { gunzip } from 'node:zlib';
import express, { type RequestHandler } from 'express';
import { DomainError } from '../errors/domain-error.js';

const unzip = promisify(gunzip);

/**
 * Reads a JSON body that is compressed with gzip. Compressed and decompressed it can have `limit` bytes; the
 * decompression stops there.
 *
 * @param parse parses the decompressed body
 */
export function readGzip(limit: number, parse: (body: Buffer) => unknown): RequestHandler {
  const readCompressed = express.raw({ limit, inflate: false, type: () => true });
  return (request, response, next) => {
    request.headers['content-encoding'] = 'identity';
    readCompressed(request, response, (error?: unknown) => {
      if (error !== undefined) {
        next(error);
        return;
      }
      const compressed: unknown = request.body;
      void decompress(compressed, limit)
        .then(parse)
        .then((body) => {
          request.body = body;
          next();
        }, next);
    });
  };
}

async function decompress(compressed: unknown, maxOutputLength: number): Promise<Buffer> {
  if (!Buffer.isBuffer(compressed)) throw invalid();
  try {
    return await unzip(compressed, { maxOutputLength });
  } catch (error) {
    const isTooLarge =
      types.isNativeError(error) && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge() : invalid();
  }
}

function invalid(): DomainError {
  return new DomainError('request.malformed', 'The body is not valid gzip.');
}

function tooLarge(): DomainError {
  return new DomainError('request.too_large', 'The decompressed body must not exceed 1 MiB.');
}
