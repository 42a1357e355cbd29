import { useLayoutEffect, useRef, useState } from 'react';
import type { AskedBy } from './service.js';

/** A change that is asked about before it is made. */
export interface Question {
  readonly title: string;
  /** What will happen, in sentences. */
  readonly consequences: readonly string[];
  readonly verb: string;
  /** Answers what has happened, in a sentence; throws Error with the service's own sentence. */
  readonly act: (by: AskedBy) => Promise<string>;
}

interface ConfirmProps {
  readonly question: Question;
  readonly name: string;
  readonly onName: (name: string) => void;
  /** Null: nothing was changed. */
  readonly onDone: (sentence: string | null) => void;
}

/** Says what will happen and asks who does it and why, for the log; a refusal stays in sight. */
export const Confirm = ({ question, name, onName, onDone }: ConfirmProps) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const [why, setWhy] = useState('');
  const [isActing, setActing] = useState(false);
  const [error, setError] = useState<string | null>(null);
  // Before it leaves the page: closing gives the focus back to the button that asked.
  useLayoutEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    return () => shown.close();
  }, []);
  const act = async (): Promise<void> => {
    setActing(true);
    setError(null);
    try {
      const reason = why.trim();
      onDone(await question.act({ by: name.trim() === '' ? 'page' : name.trim(), ...(reason !== '' && { why: reason }) }));
    } catch (failure) {
      setActing(false);
      setError(failure instanceof Error && failure.message !== '' ? failure.message : 'The service did not answer');
    }
  };
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby="confirm-title"
      onCancel={(event) => (isActing ? event.preventDefault() : onDone(null))}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <h2 id="confirm-title">{question.title}</h2>
        {question.consequences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        <label htmlFor="confirm-name">Your name, for the log</label>
        <input
          id="confirm-name"
          maxLength={64}
          value={name}
          placeholder="page"
          onChange={(event) => onName(event.target.value)}
        />
        <label htmlFor="confirm-why">Why (may be left out)</label>
        <input id="confirm-why" maxLength={400} value={why} onChange={(event) => setWhy(event.target.value)} />
        {error !== null && (
          <p className="wrong" role="alert">
            {error}
          </p>
        )}
        <div className="answers">
          <button type="button" disabled={isActing} onClick={() => onDone(null)}>
            Leave it as it is
          </button>
          <button type="submit" className="primary" disabled={isActing}>
            {isActing ? 'Asking…' : question.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
};
