import { useEffect, useState } from 'react';
import { isPriorVersion } from '../../src/domain/model-version.js';
import type { Service } from './service.js';

const LOOK_MS = 30_000;

/** While a model decides that has learned from no row: what the service says of it. */
export const NoHistory = ({ service, model }: { service: Service; model: string | null }) => {
  const [sentence, setSentence] = useState<string | null>(null);
  const isPrior = model !== null && isPriorVersion(model);
  useEffect(() => {
    setSentence(null);
    if (!isPrior) return undefined;
    const stop = new AbortController();
    // A failure here is a failure of the stream as well, which reports it.
    const look = (): void => void service.noHistory(stop.signal).then(setSentence, () => undefined);
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [service, isPrior]);
  return sentence === null ? null : (
    <p className="no-history" role="note">
      {sentence}
    </p>
  );
};
