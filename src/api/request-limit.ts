import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { Problem } from './problem.js';
import { pathOf } from './request-path.js';

/** Requests answered at once; more would only queue for the database's connections and hold their bodies in memory. */
export const REQUESTS_AT_ONCE_MAX = 64;

/** Live streams don't count here: they have a limit of their own. */
const UNCOUNTED = /^\/(?:v1\/stream|v1\/training-runs\/\d+\/events|health\/.*)$/;

@Injectable()
export class RequestLimit implements NestMiddleware {
  private running = 0;

  use(request: Request, response: Response, next: NextFunction): void {
    if (UNCOUNTED.test(pathOf(request))) return next();
    if (this.running >= REQUESTS_AT_ONCE_MAX)
      throw new Problem(
        503,
        'Busy',
        `${REQUESTS_AT_ONCE_MAX} requests are being answered: try again`,
        {},
        { 'Retry-After': '1' },
      );
    this.running += 1;
    // `close` follows every response exactly once, also when the client has left.
    response.once('close', () => (this.running -= 1));
    next();
  }
}
