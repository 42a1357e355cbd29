import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ApiSettings } from './api-settings.js';
import { Problem } from './problem.js';
import { pathOf } from './request-path.js';

/** Health and the page's static files; everything else, known or not, needs the key. */
const OPEN = /^\/(?:health\/(?:live|ready)|assets\/[^/]+)?$/;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** `Authorization: Bearer <key>`, compared in constant time. Runs before the body is read. */
@Injectable()
export class BearerKey implements NestMiddleware {
  private readonly expected: Buffer;

  constructor(settings: ApiSettings) {
    this.expected = digest(settings.apiKey);
  }

  use(request: Request, _response: Response, next: NextFunction): void {
    if (OPEN.test(pathOf(request)) || this.holdsKey(request.headers.authorization)) return next();
    throw new Problem(
      401,
      'Unauthorized',
      'Authorization: expected "Bearer <key>" with the key of this service (SURPRISAL_API_KEY)',
      {},
      { 'WWW-Authenticate': 'Bearer realm="surprisal"' },
    );
  }

  private holdsKey(header: string | undefined): boolean {
    const given = /^Bearer ([^\s]+)$/i.exec(header ?? '')?.[1];
    return given !== undefined && timingSafeEqual(digest(given), this.expected);
  }
}
