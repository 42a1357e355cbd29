import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'surprisal.js');

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'surprisal-output-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A shell's line, in which `surprisal` is the program; exit code of each part of the last pipe, and stderr. */
const shell = async (line: string): Promise<{ codes: string; stderr: string }> => {
  const script = `surprisal() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${line}; codes="\${PIPESTATUS[*]}"; echo; echo "$codes"`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: folder });
  return { codes: stdout.trim().split('\n').at(-1)!, stderr };
};

test.each(['surprisal openapi | head -c 10', 'surprisal openapi | true', 'surprisal --help | true'])(
  'a reader who has enough is no failure: %s',
  async (line) => {
    expect(await shell(line)).toEqual({ codes: '0 0', stderr: '' });
  },
);

if (process.platform === 'linux')
  test('an output that cannot be written is a failure, in one sentence', async () => {
    const { codes, stderr } = await shell(
      'surprisal schema infer --data stream.csv 2>&1 >/dev/full || surprisal openapi > /dev/full',
    );
    expect(codes).toBe('1');
    expect(stderr).toBe('surprisal: ENOSPC: no space left on device, write\n');
  });

describe('a model that does not fit on the disk', () => {
  const FIT = 'fit --schema demo --data stream.csv --detector tail --out model';
  const contents = async (): Promise<string[]> => {
    const names = (await readdir(at('model'))).sort();
    return Promise.all(names.map(async (name) => `${name} ${(await readFile(join(at('model'), name))).toString('base64')}`));
  };

  // A limit of the process, so that it is the same for everybody: files of at most so many KB.
  const limited = (kilobytes: number): Promise<{ codes: string; stderr: string }> =>
    shell(`ulimit -f ${kilobytes}; surprisal ${FIT}`);

  beforeAll(async () => {
    expect(await shell('surprisal demo-data --customers 100 --days 20 --out stream.csv')).toMatchObject({ codes: '0' });
  }, 120_000);

  test('leaves no part of itself where there was none', async () => {
    const { codes, stderr } = await limited(4);
    expect(stderr).toMatch(/surprisal: the model cannot be written to model: [^\n]+ no file of that size\n$/);
    expect(codes).toBe('2');
    expect(await readdir(at('model'))).toEqual([]);
    const refused = await shell('surprisal score --model model --data stream.csv --out scores.csv');
    expect(refused).toMatchObject({ codes: '2', stderr: expect.stringContaining('model holds no usable model') as string });
  }, 240_000);

  test('leaves the model before as it was', async () => {
    expect(await shell(`surprisal ${FIT}`)).toMatchObject({ codes: '0' });
    const before = await contents();
    expect(await limited(4)).toMatchObject({ codes: '2' });
    expect(await contents()).toEqual(before);
  }, 240_000);
});
