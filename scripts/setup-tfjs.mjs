// `npm run setup:tfjs`: makes @tensorflow/tfjs-node native from package registries alone, where the vendor's own download is out
// of reach. TensorFlow's C library and headers come from a pinned wheel of PyPI (the binding uses only the C API, which 2.15
// exports as 2.9 did); the addon is compiled by the package's own node-pre-gyp. Linux x86_64 with glibc, python3 with pip, make
// and a C++17 compiler. It downloads 198 MB, takes 586 MB in node_modules, and does nothing where all is done already; an
// `npm ci` wipes the result, the wheel stays in .cache/.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const WHEEL = {
  name: 'tensorflow-cpu',
  version: '2.15.1',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
};
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache', 'tensorflow');
const tfjsNode = join(root, 'node_modules', '@tensorflow', 'tfjs-node');

class Trouble extends Error {}

const run = (command, args, options = {}) => {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (done.error?.code === 'ENOENT') throw new Trouble(`${command} is needed and not installed`);
  const text = `${done.stdout}\n${done.stderr}`.trim().split('\n').slice(-25).join('\n');
  if (done.status !== 0) throw new Trouble(`${command} ${args[0]} … failed${done.signal ? ` (${done.signal})` : ''}:\n${text}`);
  return done.stdout.trim();
};

const step = async (what, body) => {
  const startedAt = performance.now();
  process.stdout.write(`${what} … `);
  try {
    await body();
  } catch (error) {
    process.stdout.write('\n');
    throw error;
  }
  process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
};

/** In a process of its own: a native library cannot be loaded twice. The polyfill is that of src/tensor-backend.ts. */
const SELF_CHECK = `
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = require('@tensorflow/tfjs-node');
const [product] = tf.matMul([[1, 2]], [[3], [4]]).dataSync();
if (product !== 11) throw new Error('1·3 + 2·4 = ' + product);
console.log('TensorFlow ' + tf.backend().binding.TF_Version + ', backend "' + tf.getBackend() + '": 1·3 + 2·4 = ' + product);`;
const selfCheck = () =>
  run(process.execPath, ['-e', SELF_CHECK], { env: { ...process.env, NODE_NO_WARNINGS: '1', TF_CPP_MIN_LOG_LEVEL: '2' } });

const isNative = () => {
  try {
    return selfCheck();
  } catch {
    return undefined;
  }
};

const checkPlatform = () => {
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (process.platform === 'linux' && process.arch === 'x64' && glibc) return;
  throw new Trouble(
    `this script knows Linux x86_64 with glibc, this is ${process.platform} ${process.arch}; "npm rebuild @tensorflow/tfjs-node" downloads the vendor's own library, and without it TENSOR_BACKEND=tfjs uses WebAssembly`,
  );
};

/** An `npm ci` that ran install scripts has left the optional package out. */
const addPackage = () => {
  const args = ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  if (npm && /\.[cm]?js$/.test(npm)) run(process.execPath, [npm, ...args]);
  else run('npm', args);
  if (!existsSync(tfjsNode)) throw new Trouble('npm left @tensorflow/tfjs-node out; is it kept out by --omit=optional?');
};

const wheelFile = () => {
  const name = (existsSync(cache) ? readdirSync(cache) : []).find(
    (each) => each.endsWith('.whl') && each.includes(WHEEL.version),
  );
  return name && join(cache, name);
};

const downloadWheel = () => {
  mkdirSync(cache, { recursive: true });
  const platforms = ['manylinux2014_x86_64', 'manylinux_2_17_x86_64'].flatMap((platform) => ['--platform', platform]);
  const target = ['--python-version', '311', '--implementation', 'cp', ...platforms, '--dest', cache];
  const only = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  run('python3', ['-m', 'pip', 'download', ...only, ...target, `${WHEEL.name}==${WHEEL.version}`]);
};

const checkWheel = async () => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(wheelFile()), hash);
  const sum = hash.digest('hex');
  if (sum === WHEEL.sha256) return;
  rmSync(wheelFile());
  throw new Trouble(`the wheel's SHA-256 is ${sum}, not the pinned ${WHEEL.sha256}; it was removed`);
};

/** Two libraries and the C API's headers, of some 15,000 files. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, deps = sys.argv[1:]
headers = tuple('tensorflow/include/' + folder for folder in ('tensorflow/c/', 'tensorflow/core/platform/', 'tsl/c/', 'tsl/platform/'))
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name in ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'):
            target = os.path.join(deps, 'lib', os.path.basename(name))
        elif name.startswith(headers) and name.endswith('.h'):
            target = os.path.join(deps, name[len('tensorflow/'):])
        else:
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, 'wb') as out:
            shutil.copyfileobj(source, out, 1 << 20)
`;

const unpackWheel = () => {
  const deps = join(tfjsNode, 'deps');
  rmSync(deps, { recursive: true, force: true });
  run('python3', ['-c', UNPACK, wheelFile(), deps]);
  // The C API sits in the C++ library; the linker records that library's own name.
  symlinkSync('libtensorflow_cc.so.2', join(deps, 'lib', 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(deps, 'lib', 'libtensorflow_framework.so'));
};

const compileAddon = () => {
  const require = createRequire(join(tfjsNode, 'package.json'));
  const preGyp = join(dirname(require.resolve('@mapbox/node-pre-gyp/package.json')), 'bin', 'node-pre-gyp');
  // Node's headers where they are installed beside it; node-gyp would download them from a host that is no package registry.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: prefix } : {};
  run(process.execPath, [preGyp, 'install', '--build-from-source'], { cwd: tfjsNode, env: { ...nodedir, ...process.env } });
};

try {
  const present = isNative();
  if (present) console.log(`nothing to do: ${present}`);
  else {
    checkPlatform();
    if (!existsSync(tfjsNode)) await step('adding @tensorflow/tfjs-node (npm install)', addPackage);
    const { version } = JSON.parse(readFileSync(join(tfjsNode, 'package.json'), 'utf8'));
    if (!wheelFile()) await step(`downloading ${WHEEL.name} ${WHEEL.version} from PyPI (198 MB)`, downloadWheel);
    await step('checking its SHA-256', checkWheel);
    await step('unpacking library and headers (586 MB)', unpackWheel);
    await step(`compiling the addon of @tensorflow/tfjs-node ${version}`, compileAddon);
    console.log(selfCheck());
  }
} catch (error) {
  console.error(error instanceof Trouble ? `setup:tfjs: ${error.message}` : error);
  process.exitCode = 1;
}
