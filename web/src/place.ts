import { useEffect, useState } from 'react';

/** What the page shows: of the address's fragment, so that it lasts over a reload and the browser goes back to it. */
export interface Place {
  readonly view: 'alerts' | 'models';
  /** The training run whose report is shown; null: the newest that has one. */
  readonly run: string | null;
}

const placeOf = (hash: string): Place => {
  const given = new URLSearchParams(hash.slice(1));
  const run = given.get('run');
  return {
    view: given.get('view') === 'models' ? 'models' : 'alerts',
    run: run !== null && /^\d{1,18}$/.test(run) ? run : null,
  };
};

export const placeOfRun = (run: string): string => `#view=models&run=${run}`;

export const usePlace = (): Place => {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const move = (): void => setPlace(placeOf(location.hash));
    addEventListener('hashchange', move);
    return () => removeEventListener('hashchange', move);
  }, []);
  return place;
};
