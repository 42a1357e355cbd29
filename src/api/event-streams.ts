import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { Problem } from './problem.js';

const STREAMS_MAX = 32;
/** A reader this far behind is cut off; it comes back with Last-Event-ID and misses nothing. */
const UNSENT_BYTES_MAX = 1024 * 1024;

/** The server-sent events that this process serves, of whatever kind: so many at once, and all end when it stops. */
@Injectable()
export class EventStreams implements OnModuleDestroy {
  private readonly logger = new Logger('EventStreams');
  private readonly open = new Set<Response>();

  /** Counts the stream from now on. @throws Problem 503 */
  admit(response: Response): void {
    if (this.open.size >= STREAMS_MAX)
      throw new Problem(
        503,
        'Busy',
        `${STREAMS_MAX} live streams are open, the most this process serves`,
        {},
        { 'Retry-After': '5' },
      );
    this.open.add(response);
    response.once('close', () => this.open.delete(response));
  }

  /** Ends every stream, so that the server can close. */
  onModuleDestroy(): void {
    if (this.open.size > 0) this.logger.log(`closing ${this.open.size} live streams`);
    for (const response of this.open) response.end();
  }
}

export const beginStream = (response: Response): void => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  response.write('retry: 1000\n\n');
};

/** False once the reader has left, the service stops, or too much waits to be read. */
export const isListening = (response: Response): boolean =>
  !response.destroyed && !response.writableEnded && response.writableLength < UNSENT_BYTES_MAX;

export const event = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Ends early when the reader leaves or the service stops. */
export const pause = (ms: number, response: Response): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('close', done).off('finish', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done).once('finish', done);
  });
