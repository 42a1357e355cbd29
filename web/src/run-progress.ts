import { useEffect, useState } from 'react';
import type { TrainingEvent, TrainingRun } from '../../src/training/ports.js';
import { eventsOf } from './server-events.js';
import type { Service } from './service.js';

const RETRY_MS = 2000;

const isActive = (state: TrainingRun['state']): boolean => state === 'queued' || state === 'running';

/** How far a run is, by its event stream, which ends with it; null until it has said something. */
export const useRunProgress = (service: Service, run: string, onChange: () => void): TrainingEvent | null => {
  const [latest, setLatest] = useState<TrainingEvent | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let sequence = '0';
    let state: TrainingRun['state'] | null = null;
    const follow = async (): Promise<void> => {
      try {
        const headers = { 'Last-Event-ID': sequence };
        const response = await service.fetch(`/v1/training-runs/${run}/events`, { headers, signal: stop.signal });
        for await (const { id, name, data } of eventsOf(response.body!)) {
          if (name === 'progress') setLatest(JSON.parse(data) as TrainingEvent);
          sequence = id ?? sequence;
          if (name !== 'run') continue;
          const next = (JSON.parse(data) as TrainingRun).state;
          if (state !== null && next !== state) onChange();
          state = next;
        }
      } catch {
        // A failure here is a failure of the lists as well, which are asked for again and say why.
      }
      if (stop.signal.aborted) return;
      if (state !== null && !isActive(state)) return onChange();
      timer = setTimeout(() => void follow(), RETRY_MS);
    };
    void follow();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [service, run, onChange]);
  return latest;
};
