import { useCallback, useEffect, useMemo, useState } from 'react';
import type { AlertView } from '../../src/store/query-types.js';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import { dropKey, keepKey, takeKey } from './access-key.js';
import { AlertDetail } from './alert-detail.js';
import { AlertList } from './alert-list.js';
import { useAlertsOfKind } from './alerts-of-kind.js';
import { Header } from './header.js';
import { useFeed } from './live-feed.js';
import { useNewTypes } from './new-types.js';
import { NoHistory } from './no-history.js';
import { usePlace } from './place.js';
import { Registry } from './registry.js';
import { Service } from './service.js';
import { SignIn } from './sign-in.js';

export const App = () => {
  const [key, setKey] = useState(takeKey);
  const [refused, setRefused] = useState(false);
  // A link with a key may be opened in a tab that shows the page already.
  useEffect(() => {
    const take = (): void => setKey(takeKey());
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  const onRefused = useCallback(() => {
    dropKey();
    setRefused(true);
    setKey(null);
  }, []);
  const onKey = (given: string): void => {
    keepKey(given);
    setRefused(false);
    setKey(given);
  };
  return key === null ? <SignIn refused={refused} onKey={onKey} /> : <Desk key={key} accessKey={key} onRefused={onRefused} />;
};

/** Alerts: what arrives on the left, the chosen one on the right. Models: who decides and what is trained, beside what the gate says. */
const Desk = ({ accessKey, onRefused }: { accessKey: string; onRefused: () => void }) => {
  const service = useMemo(() => new Service(accessKey), [accessKey]);
  const feed = useFeed(service, onRefused);
  const place = usePlace();
  const [chosen, setChosen] = useState<string | null>(null);
  const newTypes = useNewTypes(service, feed);
  const [pattern, setPattern] = useState<string | null>(null);
  const kind = useAlertsOfKind(service, feed, pattern);
  const schema = useSchema(service, feed.connection === 'live');
  // Keeps showing an alert that has left the bounded list.
  const [shown, setShown] = useState(feed.alerts[0] ?? null);
  const chosenOf = (views: readonly AlertView[]) => views.find((view) => view.alert.id === chosen);
  const current = chosenOf(feed.alerts) ?? chosenOf(kind.alerts) ?? (shown?.alert.id === chosen ? shown : null);
  useEffect(() => {
    if (current !== null) setShown(current);
  }, [current]);
  const onLabelled: typeof feed.labelled = (transactionId, label) => {
    feed.labelled(transactionId, label);
    kind.labelled(transactionId, label);
  };

  return (
    <div className="desk">
      <div>
        <Header status={feed.status} connection={feed.connection} retryInMs={feed.retryInMs} place={place} />
        <NoHistory service={service} model={feed.status?.model ?? null} />
      </div>
      {place.view === 'models' ? (
        <Registry service={service} chosen={place.run} />
      ) : (
        <main>
          <AlertList feed={feed} newTypes={newTypes} kind={kind} onKind={setPattern} chosen={chosen} onChoose={setChosen} />
          <AlertDetail key={chosen ?? 'none'} view={current} schema={schema} service={service} onLabelled={onLabelled} />
        </main>
      )}
    </div>
  );
};

const useSchema = (service: Service, online: boolean): TransactionSchema | null => {
  const [schema, setSchema] = useState<TransactionSchema | null>(null);
  useEffect(() => {
    if (schema !== null || !online) return undefined;
    const stop = new AbortController();
    // A failure here is a failure of the stream as well, which reports and retries.
    service.schema(stop.signal).then(setSchema, () => undefined);
    return () => stop.abort();
  }, [service, schema, online]);
  return schema;
};
