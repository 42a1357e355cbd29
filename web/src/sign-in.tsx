import { useState } from 'react';

export const SignIn = ({ refused, onKey }: { refused: boolean; onKey: (key: string) => void }) => {
  const [key, setKey] = useState('');
  return (
    <main className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== '') onKey(key.trim());
        }}
      >
        <h1>
          <Mark /> Surprisal
        </h1>
        <label htmlFor="key">Access key of this service</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          autoFocus
          value={key}
          aria-invalid={refused}
          aria-describedby="key-hint"
          onChange={(event) => setKey(event.target.value)}
        />
        <p id="key-hint" role={refused ? 'alert' : undefined} className={refused ? 'wrong' : 'muted'}>
          {refused ? 'That key was not accepted. ' : ''}
          The service prints this page’s address with the key each time it starts.
        </p>
        <button type="submit" className="primary">
          Open
        </button>
      </form>
    </main>
  );
};

export const Mark = () => (
  <svg className="mark" viewBox="0 0 16 16" aria-hidden="true">
    <rect width="16" height="16" rx="4" />
    <path d="M2.5 11.5C5 11.5 5 10 6 10S7 3.5 8 3.5 9 10 10 10s1 1.5 3.5 1.5" />
  </svg>
);
