import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { fieldProblem, Problem, shortened } from './problem.js';

export const BODY_BYTES_MAX = 1024 * 1024;

/** Deeper than any message here; far deeper ones would overflow the stack of whatever walks them. */
const NESTING_MAX = 32;

/** What a client may go on sending after its body was refused, so that it gets to read the answer. */
const DRAINED_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Reads JSON bodies up to 1 MiB. Our own reader because a refusal must be problem+json with the place of the fault, and
 * because the limit must hold before anything is parsed. The application is created with `bodyParser: false`.
 */
@Injectable()
export class JsonBody implements NestMiddleware {
  async use(request: Request, _response: Response, next: NextFunction): Promise<void> {
    if (request.method !== 'POST') return next();
    const type = request.headers['content-type'] ?? '';
    if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type))
      throw new Problem(415, 'Unsupported media type', `Content-Type: ${shortened(type)} is not application/json`);
    if (request.headers['content-encoding'] !== undefined)
      throw new Problem(415, 'Unsupported media type', 'Content-Encoding: only plain bodies are read');
    request.body = parsed(await readBody(request));
    next();
  }
}

const readBody = (request: Request): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const refuse = (): void => {
      chunks.length = 0;
      reject(new Problem(413, 'Content too large', `The body is larger than ${BODY_BYTES_MAX} bytes: send smaller batches`));
    };
    if (Number(request.headers['content-length']) > BODY_BYTES_MAX) refuse();
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_BYTES_MAX) chunks.push(chunk);
      else refuse();
      if (size > DRAINED_BYTES_MAX) request.destroy();
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('aborted', () => reject(new Problem(400, 'Bad request', 'The connection ended before the body did')));
  });

const parsed = (bytes: Buffer): unknown => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fieldProblem(400, [{ field: 'body', value: `${bytes.length} bytes`, expected: 'UTF-8 text' }]);
  }
  if (isTooDeep(text))
    throw fieldProblem(400, [
      { field: 'body', value: shortened(text.slice(0, 200)), expected: `nested at most ${NESTING_MAX} deep` },
    ]);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const fault = error instanceof Error ? ` (${error.message.slice(0, 160)})` : '';
    throw fieldProblem(400, [{ field: 'body', value: shortened(text.slice(0, 200)), expected: `valid JSON${fault}` }]);
  }
};

const isTooDeep = (text: string): boolean => {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (quoted && character === '\\') i += 1;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > NESTING_MAX) return true;
  }
  return false;
};
