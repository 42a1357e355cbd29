import { useEffect, useRef } from 'react';
import type { TransactionSchema } from '../../src/domain/transaction-schema.js';
import type { AlertView } from '../../src/store/query-types.js';
import { dayAndTime, percent } from './format.js';
import { History } from './history.js';
import { LabelButtons } from './label-buttons.js';
import { Models } from './models.js';
import { Reasons } from './reasons.js';
import { Typical } from './typical.js';
import type { Service } from './service.js';

interface AlertDetailProps {
  readonly view: AlertView | null;
  readonly schema: TransactionSchema | null;
  readonly service: Service;
  readonly onLabelled: (transactionId: string, label: 'fraud' | 'legitimate') => void;
}

export const AlertDetail = ({ view, schema, service, onLabelled }: AlertDetailProps) => {
  const section = useRef<HTMLElement>(null);
  // On a narrow page the detail is below the list: bring it into sight.
  useEffect(() => {
    if (view !== null && matchMedia('(max-width: 880px)').matches) section.current?.scrollIntoView({ block: 'start' });
  }, []);
  if (view === null)
    return (
      <section className="detail-pane" aria-label="Chosen alert">
        <p className="empty muted">Choose an alert to see why it was raised.</p>
      </section>
    );
  const { alert, label } = view;
  return (
    <section ref={section} className="detail-pane" aria-label="Chosen alert">
      <div className="title">
        <div>
          <h2>
            {alert.amount === null ? alert.transactionId : `${alert.amount} ${alert.currency}`}
            <span className={`badge ${alert.outcome}`}>{alert.outcome}</span>
          </h2>
          <p className="muted">
            {Object.entries(alert.entities).map(([type, id]) => (
              <span key={type} className="entity">
                {type} <b>{id}</b>
              </span>
            ))}
            <time dateTime={alert.occurredAt}>{dayAndTime(Date.parse(alert.occurredAt))} UTC</time>
          </p>
        </div>
        <LabelButtons transactionId={alert.transactionId} label={label} service={service} onLabelled={onLabelled} />
      </div>
      <p className="sentence">{alert.sentence}</p>
      {alert.novelty?.isNew && (
        <p className="novelty">
          <span className="badge new-type">new type</span> Unlike ordinary traffic, and only {percent(alert.novelty.knownFraudP)}{' '}
          of {alert.novelty.knownFrauds} known frauds are as unusual among themselves.
        </p>
      )}
      <Reasons alert={alert} />
      <Typical alert={alert} />
      <Models alert={alert} />
      <History alert={alert} schema={schema} service={service} />
      <footer className="muted">
        Transaction {alert.transactionId} · limit: {alert.bound.replace('-', ' ')}
        {alert.fraudProbability !== null && ` · fraud probability ${percent(alert.fraudProbability)}`} · model{' '}
        {alert.versions.model} · calibration {alert.versions.calibration} · policy {alert.versions.policy} · features{' '}
        {alert.versions.featureSet}
      </footer>
    </section>
  );
};
