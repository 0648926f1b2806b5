// Compiles src/sites/wasm/ (AssemblyScript) to WebAssembly and puts it into src/sites/counting-code.ts as text, from where
// bundles and tests take it like any other module. Does nothing where that file is newer than what it is made from.
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'src/sites/wasm');
const output = join(root, 'src/sites/counting-code.ts');

/** Pages of 64 KiB: what `memory.ts` lays out, and room for a file of 18 MB, which is more than most modules have. */
const PAGES = 560;

const modified = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Also what vitest calls before the tests. */
export default async function makeCountingCode() {
  const inputs = [fileURLToPath(import.meta.url), ...readdirSync(sources).map(name => join(sources, name))];
  if (modified(output) > Math.max(...inputs.map(modified))) return;
  const code = await compile();
  const text = `// Made by scripts/counting-code.js from src/sites/wasm/.\nexport const COUNTING_CODE: string =\n  '${Buffer.from(code).toString('base64')}';\n`;
  // Tests in several processes may make it at the same time.
  const fresh = `${output}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, output);
}

async function compile() {
  const { default: asc } = await import('assemblyscript/asc');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--initialMemory', `${PAGES}`];
  let code;
  const { error, stderr } = await asc.main(['count.ts', ...options, '--outFile', 'count.wasm'], {
    readFile: name => readSource(name),
    writeFile: (_name, contents) => {
      code = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || code === undefined) throw new Error(`the counting code does not compile\n${stderr}`);
  return code;
}

/** `null` where there is no such file: the compiler tries several names. */
function readSource(name) {
  try {
    return readFileSync(join(sources, name), 'utf8');
  } catch {
    return null;
  }
}
