import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ContentionError } from '../scoring/score-transactions.js';
import { InvalidQueryError } from '../store/paging.js';
import { ModelRefusedError, NotStoredError, StateConflictError } from '../store/state-conflict.js';
import { fieldProblem, Problem } from './problem.js';
import { pathOf } from './request-path.js';

const VALUE_SHOWN_MAX = 80;

/** Express refuses what is no text wherever it looks for parameters, the routes of nobody included. */
const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/** Every error leaves as problem+json; what is not expected is logged here and told to nobody outside. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Api');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const problem = this.problemOf(error, request);
    // A stream that has begun cannot turn into an error: end it, the client reconnects.
    if (response.headersSent) return void response.end();
    response.status(problem.status).set(problem.headers).type('application/problem+json');
    response.end(JSON.stringify(problem.document()));
  }

  private problemOf(error: unknown, request: Request): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof InvalidQueryError)
      return fieldProblem(400, [{ field: error.field, value: error.value.slice(0, VALUE_SHOWN_MAX), expected: error.expected }]);
    if (error instanceof NotStoredError) return new Problem(404, 'Not Found', error.message);
    if (error instanceof StateConflictError || error instanceof ModelRefusedError)
      return new Problem(409, 'Conflict', error.message);
    if (error instanceof ContentionError)
      return new Problem(
        503,
        'Busy',
        'Other writers changed the same entities; nothing was stored: try again',
        {},
        { 'Retry-After': '1' },
      );
    if (error instanceof HttpException && error.getStatus() === 400 && !isDecodable(pathOf(request)))
      return fieldProblem(400, [
        { field: 'path', value: pathOf(request).slice(0, VALUE_SHOWN_MAX), expected: 'percent-encoded UTF-8' },
      ]);
    if (error instanceof HttpException && error.getStatus() < 500) {
      const status = error.getStatus();
      const detail = status === 404 ? `There is no ${request.method} ${pathOf(request)}` : error.message;
      return new Problem(status, STATUS_CODES[status] ?? 'Error', detail);
    }
    this.logger.error(
      `${request.method} ${pathOf(request)}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return new Problem(500, 'Internal error', 'The request failed; the service has logged why');
  }
}
