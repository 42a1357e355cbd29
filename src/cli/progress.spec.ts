import { createProgress } from './progress.js';

const lines = (use: (progress: ReturnType<typeof createProgress>) => void): string => {
  let text = '';
  use(createProgress({ isTTY: false, write: (part: string) => ((text += part), true) }));
  return text;
};

describe('progress without a terminal', () => {
  it('is a line when a step begins and one when it ends', () => {
    const text = lines((progress) => {
      progress.report('reading', 0);
      progress.report('reading', 0.5);
      progress.report('reading', 1);
      progress.report('reading', 1);
      progress.report('fitting', 1, 'loss 3');
      progress.note('a finding');
      progress.stop();
    });
    expect(text).toBe('reading …\nreading: done\nfitting …\nfitting: done (loss 3)\na finding\n');
  });
});
