import { repeat } from './schedule.js';

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
