import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryHome } from '../support/postgres.js';

/**
 * Follows docs/bring-your-own-data.md word by word: every shell block, in order, in an empty folder. Two things are
 * exchanged: `npx surprisal` is the built program, and port 3000 is a free one.
 */
const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'bring-your-own-data.md');
const SERVE = /^npx surprisal serve /m;

interface Section {
  readonly title: string;
  /** Each shell block, with the output that the page shows under it, if any. */
  readonly blocks: readonly { readonly shell: string; readonly shown: string | null }[];
}

const sectionsOf = (page: string): readonly Section[] =>
  page
    .split(/^##? /m)
    .slice(1)
    .map((text) => ({
      title: text.slice(0, text.indexOf('\n')),
      blocks: [...text.matchAll(/^```sh\n([^]*?)^```\n(?:\n```\n([^]*?)^```\n)?/gm)].map((match) => ({
        shell: match[1]!,
        shown: match[2] ?? null,
      })),
    }));

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const page = await readFile(PAGE, 'utf8');
const sections = sectionsOf(page);

describe('docs/bring-your-own-data.md', () => {
  let folder = '';
  let port = 0;
  let service: ChildProcess | null = null;
  let served = '';

  /** One shell for each block; the folder it is in and the key it exports go on to the next, as in a terminal. */
  const shell = (block: string): ChildProcess => {
    const { PATH, HOME } = process.env;
    const script = [
      'npx() { if [ "$1" != surprisal ]; then echo "the page runs npx $1" >&2; return 1; fi; shift; "$NODE" "$PROGRAM" "$@"; }',
      'if [ -f "$STATE" ]; then . "$STATE"; fi',
      SERVE.test(block)
        ? `exec "$NODE" "$PROGRAM" ${block.replace(/^npx surprisal /, '')}`
        : block.replaceAll('localhost:3000', `localhost:${port}`),
      '{ export -p | grep SURPRISAL_API_KEY || true; printf "cd %q\\n" "$PWD"; } > "$STATE"',
    ].join('\n');
    return spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      env: {
        PATH,
        HOME,
        PORT: String(port),
        NODE: process.execPath,
        PROGRAM: join(ROOT, 'bin', 'surprisal.js'),
        STATE: join(folder, 'state.sh'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };

  const runBlock = async (block: string): Promise<string> => {
    const child = shell(block);
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`ended with ${code}:\n${block}\n${stderr}${stdout}\nthe service said:\n${served}`);
    return stdout;
  };

  const startService = async (block: string): Promise<void> => {
    const child = shell(block);
    service = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => (served += chunk.toString()));
    for (const deadline = Date.now() + 60_000; !/page: http/.test(served); await new Promise((r) => setTimeout(r, 50)))
      if (Date.now() > deadline || child.exitCode !== null) throw new Error(`the service did not start:\n${served}`);
  };

  /** Answers what the last block of the section printed. */
  const follow = async (section: Section): Promise<string> => {
    let printed = '';
    for (const { shell: block, shown } of section.blocks) {
      if (SERVE.test(block)) await startService(block);
      else printed = await runBlock(block);
      if (shown !== null) expect(printed).toBe(shown);
    }
    return printed;
  };
  const section = (title: string): Section => sections.find((one) => one.title.endsWith(title))!;
  const file = (name: string): Promise<string> => readFile(join(folder, '.local', 'tour', name), 'utf8');

  beforeAll(async () => {
    folder = await temporaryHome();
    port = await freePort();
  });
  afterAll(async () => {
    if (service && service.exitCode === null) {
      service.kill('SIGKILL');
      await once(service, 'close');
    }
    await rm(folder, { recursive: true, force: true });
  });

  test('its commands are in ten sections, all of which are followed here', () => {
    expect(sections.map(({ title, blocks }) => [title, blocks.length])).toEqual([
      ['Bring your own data', 1],
      ['1. A file with transactions', 2],
      ['2. Infer a schema', 1],
      ['3. Check the data against it', 1],
      ['4. Evaluate', 3],
      ['5. Fit', 1],
      ['6. Score a file', 1],
      ['7. Serve', 2],
      ['8. Send it transactions', 2],
      ['9. Read the alerts', 2],
    ]);
    expect(page.match(/```sh\n/g)).toHaveLength(16);
  });

  test('sample, schema and check', async () => {
    await follow(section('Bring your own data'));
    await follow(section('A file with transactions'));
    await follow(section('Infer a schema'));
    expect(await file('payments.yaml')).toMatch(/^name: payments$/m);
    // The sample has customers of several currencies.
    expect(await file('payments.yaml')).toMatch(/^ {2}currency:\n {4}column: currency$/m);
    expect(await follow(section('Check the data against it'))).toMatch(/^schema payments reads/);
  }, 120_000);

  test('models are compared, on the table and on the stream', async () => {
    expect(await follow({ title: '', blocks: section('Evaluate').blocks.slice(0, 1) })).toMatch(/^autoregressive {2,}0\.\d{4}/m);
    expect(await follow({ title: '', blocks: section('Evaluate').blocks.slice(1, 2) })).toMatch(/budget 2\.00 %/);
    expect(await follow({ title: '', blocks: section('Evaluate').blocks.slice(2) })).toMatch(/^account-takeover {2,}\d/m);
  }, 180_000);

  test('a model is fitted and scores what comes later', async () => {
    expect(await follow(section('Fit'))).toMatch(/payments-20260209T\w+-[0-9a-f]{8} written to model/);
    expect(await follow(section('Score a file'))).toMatch(/^\d+ rows scored, \d+ alerts/);
    const scores = (await file('scores.csv')).trim().split('\n');
    expect(scores).toHaveLength((await file('later.csv')).trim().split('\n').length);
  }, 180_000);

  test('the service decides, alerts with reasons, takes labels, and stops', async () => {
    await follow(section('Serve'));
    const decided = JSON.parse(await follow(section('Send it transactions'))) as { id: string; outcome: string };
    expect(decided).toMatchObject({ id: 'by-hand-1', outcome: expect.stringMatching(/^(review|decline)$/) as string });

    const [read, label] = section('Read the alerts').blocks;
    const { items } = JSON.parse(await runBlock(read!.shell)) as {
      items: { alert: { transactionId: string; reasons: unknown[] } }[];
    };
    expect(items[0]!.alert.transactionId).toBe('by-hand-1');
    expect(items.every(({ alert }) => alert.reasons.length > 0)).toBe(true);
    // What `score` decided of the file, the service decided too.
    const alerted = (await file('scores.csv')).split('\n').filter((line) => /,(review|decline),/.test(line));
    expect(alerted.map((line) => line.split(',')[0])).toEqual(expect.arrayContaining([items[1]!.alert.transactionId]));
    await runBlock(label!.shell);

    service!.kill('SIGINT');
    const [code] = (await once(service!, 'close')) as [number | null];
    expect(code).toBe(0);
  }, 180_000);
});
