import type { TransactionParser } from '../domain/parse-transaction.js';
import type { IncomingRecord } from '../scoring/ports.js';
import type { BacktestSpan } from '../store/backtest.store.js';
import type { HistoryStore } from '../store/history.store.js';
import type { TopicRange } from '../stream/topic-range.js';

/** A record with the line's time when it comes: that of the newest event before it, so it never falls. */
export interface TimedRecord {
  readonly record: IncomingRecord;
  readonly clockMs: number;
}

/** Where a backtest's records come from, in pieces that fit in memory. */
export interface RecordSource {
  /** In words: "stored history". */
  readonly name: string;
  read(signal: AbortSignal): AsyncIterable<readonly TimedRecord[]>;
  /** Records that were read and left out, because their event times are not of the span. */
  outside(): number;
}

/** Stored transactions of a span in the order of their events. */
export const storedRecords = (history: HistoryStore, parser: TransactionParser, span: BacktestSpan): RecordSource => ({
  name: 'stored history',
  outside: () => 0,
  async *read(signal) {
    for await (const chunk of history.history(span.fromMs, span.toMs)) {
      signal.throwIfAborted();
      yield chunk.map(({ transaction }) => ({
        record: {
          bytes: Buffer.from(JSON.stringify(parser.toJson(transaction))),
          key: transaction.entities[0] ?? null,
          position: `history/${transaction.id}`,
        },
        clockMs: transaction.occurredAtMs,
      }));
    }
  },
});

/**
 * Records of a topic as they lie there, each partition in its order: repeats, late ones and those that nobody can read come as
 * they came to the service. What cannot be read has no event time; the time at which it was sent stands for it.
 */
export const topicRecords = (range: TopicRange, span: BacktestSpan): RecordSource => {
  let outside = 0;
  return {
    name: `topic ${range.topic}`,
    outside: () => outside,
    async *read(signal) {
      for await (const chunk of range.read(signal)) {
        const within = chunk.filter(({ eventMs, sentMs }) => {
          const ms = eventMs ?? sentMs;
          return ms >= span.fromMs && ms < span.toMs;
        });
        outside += chunk.length - within.length;
        // Records before the span have let the clock of their partition run up to it, none beyond.
        if (within.length > 0)
          yield within.map(({ record, clockMs }) => ({
            record,
            clockMs: Math.min(Math.max(clockMs, span.fromMs), span.toMs - 1),
          }));
      }
    },
  };
};
