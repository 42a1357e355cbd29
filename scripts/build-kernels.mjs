// Compiles src/tensor/kernels (AssemblyScript) into the committed src/tensor/kernels.wasm.ts.
// With --check: compares instead of writing, and exits with 1 when the committed file is not what the source gives.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'src/tensor/kernels.wasm.ts');

let binary;
const { error, stderr } = await asc.main(
  [
    ...['src/tensor/kernels/index.ts', '--baseDir', root, '--outFile', 'kernels.wasm'],
    ...['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert'],
    ...['--initialMemory', '1'],
  ],
  { writeFile: (name, contents) => void (name === 'kernels.wasm' && (binary = contents)) },
);
if (error) {
  console.error(stderr.toString());
  process.exit(1);
}

const base64 = Buffer.from(binary).toString('base64');
const lines = base64.match(/.{1,120}/g).map((line) => `  '${line}',`);
const text = `// Made by scripts/build-kernels.mjs from src/tensor/kernels: ${binary.length} bytes of WebAssembly.
export const KERNELS_BASE64 = [
${lines.join('\n')}
].join('');
`;

if (!process.argv.includes('--check')) {
  await writeFile(target, text);
  console.log(`src/tensor/kernels.wasm.ts: ${binary.length} bytes`);
} else if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
  console.error('src/tensor/kernels.wasm.ts is not what src/tensor/kernels gives: run node scripts/build-kernels.mjs');
  process.exit(1);
}
