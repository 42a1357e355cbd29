/** What the service takes for now, UTC epoch milliseconds: the wall, or a simulated one. */
export interface Clock {
  now(): number;
}

export const wallClock: Clock = { now: () => Date.now() };

/** Starts at `startMs` when made and runs a day in `secondsPerDay` seconds of the wall. */
export const simulatedClock = (startMs: number, secondsPerDay: number): Clock => {
  const startedAtMs = Date.now();
  const speed = 86_400 / secondsPerDay;
  return { now: () => startMs + (Date.now() - startedAtMs) * speed };
};
