// Compiles AssemblyScript to WebAssembly and puts it into TypeScript files as text, from where bundles and tests take it like
// any other module. Does nothing where such a file is newer than what it is made from.
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The folders of `src/` that each is made of, and its main file. `pages` of 64 KiB: what its `memory.ts` lays out, and room for a file of 18 MB. `shared`: the
 * memory is its user's, who may use it for other programs as well; its constants stand there.
 */
const PROGRAMS = [
  {
    sources: ['sites/wasm', 'elf/wasm', 'util/wasm'],
    main: 'sites/wasm/count.ts',
    output: 'src/sites/counting-code.ts',
    constant: 'COUNTING_CODE',
    pages: 560,
  },
  {
    sources: ['verify/check/wasm', 'elf/wasm', 'util/wasm'],
    main: 'verify/check/wasm/screen.ts',
    output: 'src/verify/check/screening-code.ts',
    constant: 'SCREENING_CODE',
    pages: 768,
  },
  {
    sources: ['verify/check/wasm', 'prove/wasm', 'elf/wasm', 'util/wasm'],
    main: 'verify/check/wasm/proving.ts',
    output: 'src/verify/check/proving-code.ts',
    constant: 'PROVING_CODE',
    pages: 768,
  },
  {
    sources: ['rewrite/wasm', 'elf/wasm', 'util/wasm'],
    main: 'rewrite/wasm/take.ts',
    output: 'src/rewrite/taking-code.ts',
    constant: 'TAKING_CODE',
    shared: 0x1_0000,
  },
  {
    sources: ['verify/wasm', 'elf/wasm', 'util/wasm'],
    main: 'verify/wasm/judge.ts',
    output: 'src/verify/judging-code.ts',
    constant: 'JUDGING_CODE',
    shared: 0x2_0000,
    // What takes a millisecond to work out at every start.
    table: {
      constant: 'RELOCATION_RULES',
      from: 'src/verify/packed-rules.ts',
      make: 'packedRules',
      needs: ['verify', 'ppc64'],
    },
  },
];

const modified = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Also what vitest calls before the tests. */
export default async function makeWebAssembly() {
  for (const program of PROGRAMS) await make(program);
}

async function make({ sources, main, output, constant, pages, shared, table }) {
  const file = join(root, output);
  const folders = [...sources, ...(table?.needs ?? [])].map(path => join(root, 'src', path));
  const inputs = [fileURLToPath(import.meta.url), ...folders.flatMap(filesIn)].filter(path => path !== file);
  if (modified(file) > Math.max(...inputs.map(modified))) return;
  const code = Buffer.from(
    await compile(main, shared === undefined ? ['--initialMemory', `${pages}`] : sharing(shared)),
  ).toString('base64');
  let text = `// Made by scripts/webassembly.js from src/${main}.\nexport const ${constant}: string =\n  '${code}';\n`;
  if (table !== undefined) text += `export const ${table.constant}: string =\n  '${await tabulate(table)}';\n`;
  // Tests in several processes may make it at the same time.
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, file);
}

function filesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(folder, entry.name));
}

/** What a function of the sources gives, as text. */
async function tabulate({ from, make: name }) {
  const { build } = await import('esbuild');
  const options = { bundle: true, platform: 'node', format: 'esm', write: false, logLevel: 'warning' };
  const { outputFiles } = await build({ ...options, entryPoints: [join(root, from)] });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  const made = (await import(`data:text/javascript;base64,${code}`))[name]();
  return Buffer.from(made).toString('base64');
}

const sharing = constants => ['--importMemory', '--initialMemory', '4', '--memoryBase', `${constants}`];

async function compile(main, memory) {
  const { default: asc } = await import('assemblyscript/asc');
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', ...memory];
  let code;
  const { error, stderr } = await asc.main([main, ...options, '--outFile', 'code.wasm'], {
    readFile: readSource,
    writeFile: (_name, contents) => {
      code = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || code === undefined) throw new Error(`${main} does not compile\n${stderr}`);
  return code;
}

/** `null` where there is no such file: the compiler tries several names. */
function readSource(name) {
  try {
    return readFileSync(join(root, 'src', name), 'utf8');
  } catch {
    return null;
  }
}
