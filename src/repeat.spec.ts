import { repeat } from './repeat.js';

test('repeat never overlaps, survives errors and stops for good', async () => {
  const errors: string[] = [];
  let running = 0;
  let turns = 0;
  const timer = repeat(
    1,
    async () => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      turns += 1;
      if (turns === 2) throw new Error('once');
    },
    (error) => errors.push(error.message),
  );
  while (turns < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  await timer.stop();
  const stoppedAt = turns;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(turns).toBe(stoppedAt);
  expect(errors).toEqual(['once']);
});

test('a turn asked for comes at once, or right after the one that runs, and is not one more', async () => {
  let turns = 0;
  let end = (): void => undefined;
  const timer = repeat(
    1e6,
    () => {
      turns += 1;
      return new Promise((resolve) => (end = resolve));
    },
    () => undefined,
  );
  timer.now();
  expect(turns).toBe(1);
  timer.now();
  timer.now();
  expect(turns).toBe(1);
  end();
  while (turns < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(turns).toBe(2);
  await timer.stop();
});
