import { useCallback, useEffect, useState } from 'react';
import type { AlertView, Page } from '../../src/store/query-types.js';
import type { Feed } from './live-feed.js';
import type { Service } from './service.js';

/** A longer list is of no use to a person, and a burst of one kind must not fill the browser. */
const KEPT_MAX = 2000;

/** The alerts of a new type that are alike, older than the live list as well: pages of the service's list. */
export interface AlertsOfKind {
  /** Null: no kind is chosen. */
  readonly pattern: string | null;
  /** Newest first. */
  readonly alerts: readonly AlertView[];
  /** Pages that were loaded. */
  readonly pages: number;
  readonly state: 'loading' | 'loaded' | 'failed';
  /** Whether older ones are stored, or could not be loaded. */
  readonly hasMore: boolean;
}

interface Kept extends AlertsOfKind {
  /** Where the page that is asked for begins; a new object asks again. */
  readonly asked: { readonly cursor: string | null } | null;
  readonly next: string | null;
}

const nothingOf = (pattern: string | null): Kept => ({
  pattern,
  alerts: [],
  pages: 0,
  state: pattern === null ? 'loaded' : 'loading',
  hasMore: false,
  asked: pattern === null ? null : { cursor: null },
  next: null,
});

/** Newest first, each once, as the later source says it. */
const joined = (older: readonly AlertView[], newer: readonly AlertView[]): readonly AlertView[] => {
  const known = new Set(newer.map((view) => view.alert.id));
  const all = [...newer, ...older.filter((view) => !known.has(view.alert.id))];
  return all.sort((a, b) => (BigInt(a.sequence) < BigInt(b.sequence) ? 1 : -1)).slice(0, KEPT_MAX);
};

const withPage = (kept: Kept, { items, nextCursor }: Page<AlertView>): Kept => {
  const alerts = joined(kept.alerts, items);
  const hasMore = nextCursor !== null && alerts.length < KEPT_MAX;
  return { ...kept, alerts, pages: kept.pages + 1, state: 'loaded', hasMore, next: nextCursor };
};

export interface KindActions {
  readonly more: () => void;
  readonly labelled: (transactionId: string, label: 'fraud' | 'legitimate') => void;
}

export const useAlertsOfKind = (service: Service, feed: Feed, pattern: string | null): AlertsOfKind & KindActions => {
  const [stored, setKept] = useState(() => nothingOf(pattern));
  // Another kind starts over; what belongs to the one before is never shown under it.
  const kept = stored.pattern === pattern ? stored : nothingOf(pattern);
  if (kept !== stored) setKept(kept);
  const { asked } = kept;
  useEffect(() => {
    if (pattern === null || asked === null) return undefined;
    const stop = new AbortController();
    const change = (to: (now: Kept) => Kept): void => {
      if (!stop.signal.aborted) setKept((now) => (now.pattern === pattern ? to(now) : now));
    };
    service.alertsOfKind(pattern, asked.cursor, stop.signal).then(
      (page) => change((now) => withPage(now, page)),
      () => change((now) => ({ ...now, state: 'failed', hasMore: true })),
    );
    return () => stop.abort();
  }, [service, pattern, asked]);
  // What arrives is kept here as well: it stays when it has left the live list.
  useEffect(() => {
    const arrived = feed.alerts.filter(({ alert }) => alert.novelty?.isNew && alert.pattern === pattern);
    if (arrived.length > 0) setKept((now) => (now.pattern === pattern ? { ...now, alerts: joined(now.alerts, arrived) } : now));
  }, [feed.alerts, pattern]);
  const more = useCallback(() => setKept((now) => ({ ...now, state: 'loading', asked: { cursor: now.next } })), []);
  const labelled = useCallback(
    (transactionId: string, label: 'fraud' | 'legitimate') =>
      setKept((now) => ({
        ...now,
        alerts: now.alerts.map((view) => (view.alert.transactionId === transactionId ? { ...view, label } : view)),
      })),
    [],
  );
  return { ...kept, more, labelled };
};
