import { useState } from 'react';
import type { Service } from './service.js';

interface LabelButtonsProps {
  readonly transactionId: string;
  readonly label: 'fraud' | 'legitimate' | null;
  readonly service: Service;
  readonly onLabelled: (transactionId: string, label: 'fraud' | 'legitimate') => void;
}

/** A label is appended, never changed: saying otherwise later adds another. */
export const LabelButtons = ({ transactionId, label, service, onLabelled }: LabelButtonsProps) => {
  const [state, setState] = useState<'idle' | 'saving' | 'saved'>('idle');
  const [error, setError] = useState<string | null>(null);
  const say = async (value: 'fraud' | 'legitimate'): Promise<void> => {
    setState('saving');
    setError(null);
    try {
      await service.label(transactionId, value === 'fraud');
      onLabelled(transactionId, value);
      setState('saved');
    } catch (failure) {
      setState('idle');
      setError(failure instanceof Error && failure.message !== '' ? failure.message : 'The label was not stored');
    }
  };
  return (
    <div className="labels" role="group" aria-label="Label this transaction">
      <div className="choice">
        {(['fraud', 'legitimate'] as const).map((value) => (
          <button
            key={value}
            type="button"
            className={value}
            aria-pressed={label === value}
            disabled={state === 'saving' || label === value}
            onClick={() => void say(value)}
          >
            {value === 'fraud' ? 'Fraud' : 'Legitimate'}
          </button>
        ))}
      </div>
      <p role="status" className={error === null ? 'muted' : 'wrong'}>
        {error ??
          (state === 'saving'
            ? 'Saving…'
            : state === 'saved'
              ? `Stored as ${label ?? ''}`
              : label === null
                ? 'Not labelled yet'
                : `Labelled ${label}`)}
      </p>
    </div>
  );
};
