/** Runs `task` every `everyMs`, never twice at once; errors go to `onError` and the next turn comes all the same. */
export const repeat = (
  everyMs: number,
  task: () => Promise<void>,
  onError: (error: Error) => void,
): { stop(): Promise<void> } => {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const turn = (): void => {
    running = task()
      .catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        if (!stopped) timer = setTimeout(turn, everyMs);
      });
  };
  timer = setTimeout(turn, everyMs);
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
};
