import { useCallback, useEffect, useReducer } from 'react';
import type { AlertView, StreamStatus } from '../../src/store/query-types.js';
import { eventsOf } from './server-events.js';
import { KeyRefused, type Service } from './service.js';

export const ALERTS_KEPT_MAX = 200;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** Status comes every second: after this silence the connection is dead, whatever the browser thinks. */
const SILENCE_MAX_MS = 10_000;

export interface Feed {
  readonly connection: 'connecting' | 'live' | 'lost';
  /** When the next attempt is made, while the connection is lost. */
  readonly retryInMs: number;
  readonly loaded: boolean;
  /** Newest first, at most 200. */
  readonly alerts: readonly AlertView[];
  readonly status: StreamStatus | null;
}

type Change =
  | { readonly type: 'loaded' | 'arrived'; readonly alerts: readonly AlertView[] }
  | { readonly type: 'status'; readonly status: StreamStatus }
  | { readonly type: 'lost'; readonly retryInMs: number }
  | { readonly type: 'labelled'; readonly transactionId: string; readonly label: 'fraud' | 'legitimate' };

const EMPTY: Feed = { connection: 'connecting', retryInMs: 0, loaded: false, alerts: [], status: null };

const changed = (feed: Feed, change: Change): Feed => {
  switch (change.type) {
    case 'loaded':
    case 'arrived': {
      const known = new Set(change.alerts.map((view) => view.alert.id));
      const alerts = [...change.alerts, ...feed.alerts.filter((view) => !known.has(view.alert.id))].slice(0, ALERTS_KEPT_MAX);
      return { ...feed, alerts, loaded: true };
    }
    case 'status':
      return { ...feed, connection: 'live', status: change.status };
    case 'lost':
      return { ...feed, connection: 'lost', retryInMs: change.retryInMs };
    case 'labelled':
      return {
        ...feed,
        alerts: feed.alerts.map((view) =>
          view.alert.transactionId === change.transactionId ? { ...view, label: change.label } : view,
        ),
      };
  }
};

const laterOf = (a: string, b: string): string => (BigInt(a) > BigInt(b) ? a : b);

/** Loads the latest alerts, then follows the stream from there; returns when the connection ends. */
const follow = async (
  service: Service,
  from: string | null,
  signal: AbortSignal,
  tell: (change: Change) => void,
  reached: (sequence: string) => void,
) => {
  let sequence = from;
  if (sequence === null) {
    const { items } = await service.alerts(signal);
    tell({ type: 'loaded', alerts: items });
    sequence = items.map((view) => view.sequence).reduce(laterOf, '0');
    reached(sequence);
  }
  const quiet = new AbortController();
  let silence = setTimeout(() => quiet.abort(), SILENCE_MAX_MS);
  try {
    const response = await service.fetch('/v1/stream', {
      headers: { 'Last-Event-ID': sequence },
      signal: AbortSignal.any([signal, quiet.signal]),
    });
    for await (const event of eventsOf(response.body!)) {
      clearTimeout(silence);
      silence = setTimeout(() => quiet.abort(), SILENCE_MAX_MS);
      if (event.name === 'status') tell({ type: 'status', status: JSON.parse(event.data) as StreamStatus });
      if (event.name !== 'alert') continue;
      const view = JSON.parse(event.data) as AlertView;
      tell({ type: 'arrived', alerts: [view] });
      reached(view.sequence);
    }
  } finally {
    clearTimeout(silence);
  }
};

/** The live alerts and status; reconnects by itself, after 1 s, 2 s, … at most 30 s. */
export const useFeed = (
  service: Service,
  onRefused: () => void,
): Feed & { labelled: (id: string, label: 'fraud' | 'legitimate') => void } => {
  const [feed, dispatch] = useReducer(changed, EMPTY);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let sequence: string | null = null;
    let waitMs = RETRY_FIRST_MS;
    const tell = (change: Change): void => {
      if (stop.signal.aborted) return;
      if (change.type === 'status') waitMs = RETRY_FIRST_MS;
      dispatch(change);
    };
    const connect = async (): Promise<void> => {
      try {
        await follow(service, sequence, stop.signal, tell, (reached) => (sequence = reached));
      } catch (error) {
        if (error instanceof KeyRefused && !stop.signal.aborted) return onRefused();
      }
      if (stop.signal.aborted) return;
      tell({ type: 'lost', retryInMs: waitMs });
      timer = setTimeout(() => void connect(), waitMs);
      waitMs = Math.min(2 * waitMs, RETRY_MAX_MS);
    };
    void connect();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [service, onRefused]);
  const labelled = useCallback(
    (transactionId: string, label: 'fraud' | 'legitimate') => dispatch({ type: 'labelled', transactionId, label }),
    [],
  );
  return { ...feed, labelled };
};
