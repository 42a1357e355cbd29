import { useEffect, useState } from 'react';
import type { AlertPattern } from '../../src/store/query-types.js';
import { dayAndTime } from './format.js';
import type { Feed } from './live-feed.js';
import type { Service } from './service.js';

const REFRESH_MS = 5000;

/** Kinds of alerts of the last seven days that neither ordinary traffic nor known fraud looks like, most first. */
export const useNewTypes = (service: Service, feed: Feed): readonly AlertPattern[] => {
  const [patterns, setPatterns] = useState<readonly AlertPattern[]>([]);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setAsked((times) => times + 1), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (!feed.loaded) return undefined;
    const stop = new AbortController();
    // A failure here is a failure of the stream as well, which reports and retries.
    service.newTypes(stop.signal).then(
      ({ items }) => setPatterns(items),
      () => undefined,
    );
    return () => stop.abort();
  }, [service, feed.loaded, asked]);
  return patterns;
};

interface NewTypesProps {
  readonly patterns: readonly AlertPattern[];
  readonly chosen: string | null;
  /** Null: no longer only one kind. */
  readonly onChoose: (pattern: string | null) => void;
}

/** "37 alike since 4 Mar 09:12", each a button that narrows the list to them. */
export const NewTypes = ({ patterns, chosen, onChoose }: NewTypesProps) => {
  if (patterns.length === 0 && chosen === null) return null;
  return (
    <section className="new-types" aria-label="New types of fraud">
      <h3>
        New types <small>unlike ordinary traffic and unlike known fraud</small>
      </h3>
      <div className="kinds">
        {patterns.map(({ pattern, alerts, firstAt, frauds }) => (
          <button
            key={pattern}
            type="button"
            aria-pressed={pattern === chosen}
            onClick={() => onChoose(pattern === chosen ? null : pattern)}
          >
            <b>{pattern === '' ? 'no reasons given' : pattern}</b>
            <span className="muted">
              {alerts === 1 ? 'one' : `${alerts} alike`} since {dayAndTime(Date.parse(firstAt))}
              {frauds > 0 && `, ${frauds} labelled fraud`}
            </span>
          </button>
        ))}
      </div>
      {chosen !== null && (
        <button type="button" className="all" onClick={() => onChoose(null)}>
          Show all alerts
        </button>
      )}
    </section>
  );
};
