import { SingleBar } from 'cli-progress';

/** Where a command says how far it is: one line at a time, never on stdout. */
export interface Progress {
  /** @param share 0 to 1 within the step */
  report(step: string, share: number, message?: string): void;
  /** A finding worth a line of its own. */
  note(text: string): void;
  stop(): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A bar on a terminal; elsewhere a line when a step begins and when it ends. */
export const createProgress = (stream: ProgressStream & Partial<NodeJS.WriteStream>): Progress =>
  stream.isTTY ? barProgress(stream as NodeJS.WriteStream) : lineProgress(stream);

const lineProgress = (stream: ProgressStream): Progress => {
  let current = '';
  let ended = false;
  return {
    report(step, share, message = '') {
      if (step !== current) stream.write(`${step} …\n`);
      const ends = share >= 1 && (step !== current || !ended);
      current = step;
      ended = share >= 1;
      if (ends) stream.write(`${step}: done${message === '' ? '' : ` (${message})`}\n`);
    },
    note: (text) => void stream.write(`${text}\n`),
    stop: () => undefined,
  };
};

const barProgress = (stream: NodeJS.WriteStream): Progress => {
  let current = '';
  let bar: SingleBar | null = null;
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    report(step, share, message = '') {
      if (step !== current || !bar) {
        stop();
        current = step;
        bar = new SingleBar({ stream, format: '{step} [{bar}] {percentage}% {message}', hideCursor: true });
        bar.start(100, 0, { step, message });
      }
      bar.update(Math.floor(100 * Math.min(1, share)), { step, message });
    },
    note(text) {
      stop();
      stream.write(`${text}\n`);
    },
    stop,
  };
};
