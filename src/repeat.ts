export interface Repeated {
  /** The next turn comes now, or right after the one that runs. */
  now(): void;
  stop(): Promise<void>;
}

/** Runs `task` every `everyMs`, never twice at once; errors go to `onError` and the next turn comes all the same. */
export const repeat = (everyMs: number, task: () => Promise<void>, onError: (error: Error) => void): Repeated => {
  let stopped = false;
  let isAsked = false;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  const turn = (): void => {
    isAsked = false;
    running = task()
      .catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        running = null;
        if (!stopped) timer = setTimeout(turn, isAsked ? 0 : everyMs);
      });
  };
  timer = setTimeout(turn, everyMs);
  return {
    now: () => {
      isAsked = true;
      if (running || stopped) return;
      clearTimeout(timer);
      turn();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
};
