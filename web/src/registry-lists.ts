import { useCallback, useEffect, useState } from 'react';
import type { ModelView, RoleChange } from '../../src/store/model-views.js';
import type { TrainingRun } from '../../src/training/ports.js';
import { reasonOf, type Service } from './service.js';

const LOOK_MS = 3000;
const RUNS_SHOWN = 20;
const CANDIDATES_SHOWN = 5;
const CHANGES_SHOWN = 50;

export interface RegistryLists {
  readonly champion: ModelView | null;
  readonly challengers: readonly ModelView[];
  /** The newest. */
  readonly candidates: readonly ModelView[];
  readonly runs: readonly TrainingRun[];
  readonly changes: readonly RoleChange[];
}

const readLists = async (service: Service, signal: AbortSignal): Promise<RegistryLists> => {
  const [champions, challengers, candidates, runs, changes] = await Promise.all([
    service.models('champion', 1, signal),
    service.models('challenger', 10, signal),
    service.models('candidate', CANDIDATES_SHOWN, signal),
    service.runs(RUNS_SHOWN, signal),
    service.changes(CHANGES_SHOWN, signal),
  ]);
  return {
    champion: champions.items[0] ?? null,
    challengers: challengers.items,
    candidates: candidates.items,
    runs: runs.items,
    changes: changes.items,
  };
};

/** Runs that have ended carry whole reports: every few seconds is asked only whether anything is otherwise. */
const whatIsNewest = async (service: Service, signal: AbortSignal): Promise<string> => {
  const [queued, running, changes] = await Promise.all([
    service.runs(RUNS_SHOWN, signal, 'queued'),
    service.runs(1, signal, 'running'),
    service.changes(1, signal),
  ]);
  const active = [...queued.items, ...running.items].map(({ id, state, cancelRequestedAt }) => [id, state, cancelRequestedAt]);
  return JSON.stringify([active, changes.items[0]?.id]);
};

export interface Registered {
  readonly lists: RegistryLists | null;
  /** Why the lists could not be read. */
  readonly error: string | null;
  readonly reload: () => void;
}

/** Models and training runs, read again when a run, a role or this page's own doing has changed something. */
export const useRegistry = (service: Service): Registered => {
  const [lists, setLists] = useState<RegistryLists | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState(0);
  const reload = useCallback(() => setAsked((times) => times + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let known: string | null = null;
    const look = async (): Promise<void> => {
      try {
        const newest = await whatIsNewest(service, signal);
        if (newest !== known) setLists(await readLists(service, signal));
        known = newest;
        setError(null);
      } catch (failure) {
        if (signal.aborted) return;
        setError(reasonOf(failure));
      }
      if (!signal.aborted) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [service, asked]);
  return { lists, error, reload };
};
