import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { PostgresTrainingRunStore } from '../store/training-run.store.js';
import { hasEnded } from '../training/ports.js';
import { beginStream, event, EventStreams, isListening, pause } from './event-streams.js';

const POLL_MS = 500;
const EVENTS_A_POLL_MAX = 200;
/** A quiet step says nothing for minutes: a comment keeps what lies between awake. */
const QUIET_MS = 15_000;

/** Server-sent events of one training run: `progress` (event id = its sequence), `run` when its state changes; its end ends the stream. */
@Injectable()
export class TrainingStream {
  constructor(
    private readonly runs: PostgresTrainingRunStore,
    private readonly streams: EventStreams,
  ) {}

  /** @param after the sequence after which events are wanted */
  async serve(id: string, after: number, response: Response): Promise<void> {
    this.streams.admit(response);
    beginStream(response);
    let sequence = after;
    let state: string | null = null;
    let spokeAtMs = performance.now();
    const say = (text: string): void => {
      response.write(text);
      spokeAtMs = performance.now();
    };
    while (isListening(response)) {
      // Before its events: after its end come no more.
      const run = await this.runs.run(id);
      const events = await this.runs.eventsAfter(id, sequence, EVENTS_A_POLL_MAX);
      for (const one of events) say(event('progress', one, String(one.sequence)));
      sequence = events.at(-1)?.sequence ?? sequence;
      if (events.length === EVENTS_A_POLL_MAX) continue;
      if (run && run.state !== state) say(event('run', run));
      state = run?.state ?? null;
      if (!run || hasEnded(run.state)) break;
      if (performance.now() - spokeAtMs > QUIET_MS) say(': quiet\n\n');
      await pause(POLL_MS, response);
    }
    response.end();
  }
}
