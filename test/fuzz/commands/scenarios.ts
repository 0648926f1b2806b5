/**
 * Command lines with damaged files. Each says which file is damaged, what is run, and what has to hold for what it wrote.
 * `@NAME` is a file of the stock, damaged or not; `#NAME` one that may be written.
 */
import type { Random } from '../random.ts';
import { ASKED, patchArguments } from './stock.ts';

export interface Scenario {
  readonly name: string;
  /** Files that are damaged. */
  readonly damaged: readonly string[];
  /** Others that have to be made first. */
  readonly files?: readonly string[];
  readonly args: readonly string[];
  /** What the output is held against. */
  readonly judge: 'patched' | 'reverted' | 'loaded' | 'none';
}

const AT = ['after-site', 'site', 'global-entry', 'local-entry'];
const OUT = '#out.ko';

type Maker = (random: Random) => Scenario;

/** Options that change how, as often as not. */
function how(asked: readonly string[], random: Random): readonly string[] {
  const more: string[] = [];
  const isCalled = asked.includes('--redirect') || asked.includes('--hook') || asked.includes('--hook-exit');
  if (isCalled && random.chance(2)) more.push('--at', random.pick(AT));
  if (isCalled && random.chance(3)) more.push('--toc', 'saved');
  if (random.chance(4)) more.push('--allow-unproved');
  if (random.chance(6)) more.push('--format', 'json');
  if (random.chance(6)) more.push('--report', random.pick(['#report.json', '#report.txt']));
  if (random.chance(8)) more.push('--verbose');
  if (random.chance(10)) more.push('--dry-run');
  return more;
}

function patching(name: string, damaged: readonly string[], asked: readonly string[], random: Random): Scenario {
  const args = [...patchArguments('@demo.ko', asked, OUT), ...how(asked, random)];
  return { name, damaged, args, judge: 'patched' };
}

const names = Object.keys(ASKED);

const MAKERS: readonly (readonly [weight: number, Maker])[] = [
  [
    14,
    random => {
      const name = random.pick(names);
      return patching(`module, ${name}`, ['demo.ko'], ASKED[name]!, random);
    },
  ],
  [
    6,
    random => {
      // Patched once, and whole or damaged since.
      const input = `patched ${random.pick(names)}.ko`;
      const args = [...patchArguments(`@${input}`, ASKED[random.pick(names)]!, OUT), ...how([], random)];
      return { name: 'twice', files: [input], damaged: random.chance(2) ? [input] : [], args, judge: 'patched' };
    },
  ],
  [
    1,
    () => ({
      name: 'module, all sites out',
      damaged: ['demo.ko'],
      args: ['patch', '@demo.ko', '--nop', '*', '-o', OUT],
      judge: 'patched',
    }),
  ],
  [8, random => patching('object', ['object.o'], ASKED.with!, random)],
  [3, random => patching('trampoline', ['count.o'], ASKED.count!, random)],
  [2, random => patching('trampoline', ['frame.o'], ASKED.custom!, random)],
  [3, random => patching('other module', ['epilogue.ko'], ASKED.epilogue!, random)],
  [2, random => patching('other module', ['fix.ko'], random.pick([ASKED.frame!, ASKED.shadow!, ASKED.auto!]), random)],
  [2, random => patching('versions', ['fix.symvers'], random.pick([ASKED.frame!, ASKED.hook!]), random)],
  [3, random => patching('index', ['index'], random.pick([ASKED.frame!, ASKED.shadow!, ASKED.with!]), random)],
  [
    4,
    random => ({
      name: 'plan',
      damaged: ['plan.yaml'],
      args: [
        'patch',
        '@demo.ko',
        '--plan',
        '@plan.yaml',
        '--kernel',
        '@index',
        '-o',
        OUT,
        ...(random.chance(2) ? ['--dry-run'] : []),
      ],
      judge: 'patched',
    }),
  ],
  [
    3,
    () => ({
      name: 'plan',
      damaged: ['plan.json'],
      args: ['patch', '--plan', '@plan.json', '--kernel', '@index'],
      judge: 'none',
    }),
  ],
  [
    4,
    random => {
      const [key, certificate] = random.pick([
        ['key.pem', 'certificate.pem'],
        ['key.pem', 'certificate.der'],
        ['ec-key.pem', 'ec-certificate.pem'],
      ] as const);
      const signs = ['--sign-key', `@${key}`, '--sign-cert', `@${certificate}`];
      return {
        name: 'signing',
        damaged: [random.pick([key, certificate])],
        args: ['patch', '@demo.ko', '--nop', 'demo_*', ...signs, '-o', OUT],
        judge: 'patched',
      };
    },
  ],
  [
    6,
    random => {
      const file = `patched ${random.pick(names)}.ko`;
      return { name: 'revert', damaged: [file], args: ['revert', `@${file}`, '-o', OUT], judge: 'reverted' };
    },
  ],
  [
    2,
    random => {
      const file = `demo.ko.${random.pick(['xz', 'zst', 'gz'])}`;
      const command = random.pick([['scan'], ['patch', '--nop', '*', '-o', '#out.ko.gz']]);
      return { name: 'packed', damaged: [file], args: [command[0]!, `@${file}`, ...command.slice(1)], judge: 'none' };
    },
  ],
  [
    5,
    random => {
      const asked = random.pick([
        ['--nop', '*'],
        ['--redirect', 'first=second'],
        ['--with', '@image.o', '--redirect', 'first=fix'],
        ['--with', '@image.o', '--hook', 'leaf=fix'],
        ['--with', '@image.o', '--hook-exit', 'first=fix'],
        ['--retarget', 'caller:helper=leaf'],
      ]);
      const damaged = [asked.includes('@image.o') && random.chance(2) ? 'image.o' : 'image'];
      return { name: 'image', damaged, args: ['patch', '@image', ...asked, '-o', OUT], judge: 'patched' };
    },
  ],
  [
    3,
    random => {
      const name = `patched ${random.pick(names)}.ko`;
      const others = ['--modules', '@epilogue.ko', '--kernel', '@index'];
      return { name: 'check', damaged: [name], args: ['check', `@${name}`, ...others], judge: 'none' };
    },
  ],
  [
    2,
    random => ({
      name: 'check',
      damaged: [random.pick(['index', 'epilogue.ko', 'demo.ko'])],
      args: [
        'check',
        '@demo.ko',
        '@epilogue.ko',
        '--kernel',
        '@index',
        ...(random.chance(2) ? ['--no-signatures'] : []),
      ],
      judge: 'none',
    }),
  ],
  [
    3,
    random => ({
      name: 'load',
      damaged: [random.pick(['demo.ko', 'demo.ko', 'index', 'fix.ko'])],
      args: [
        ...['load', '@demo.ko', '--kernel', '@index', '--modules', '@fix.ko'],
        ...['--base', '0xc008000000000000', '-o', '#loaded'],
      ],
      judge: 'loaded',
    }),
  ],
  [
    3,
    random => {
      const where = random.pick([
        ['--sections', '@sections'],
        ['--bases', '@bases'],
        ['--base', '0xc008000000000000', '--kallsyms', '@System.map'],
      ]);
      const args = ['load', '@demo.ko', '--kernel', '@index', ...where, '-o', '#loaded'];
      return { name: 'addresses', damaged: [where.at(-1)!.slice(1)], args, judge: 'none' };
    },
  ],
  [
    4,
    random => {
      const pieces = ['System.map', 'Module.symvers', 'config', 'demo.ko'];
      const [map, symvers, config, module] = pieces.map(p => `@${p}`);
      const given = ['--system-map', map!, '--symvers', symvers!, '--config', config!, '--module', module!];
      return {
        name: 'kernel',
        damaged: [random.pick(pieces)],
        args: ['kernel', ...given, '-o', '#new.index'],
        judge: 'none',
      };
    },
  ],
  [
    2,
    () => ({
      name: 'kernel image',
      damaged: ['vmlinux'],
      args: ['kernel', '@vmlinux', '-o', '#new.index'],
      judge: 'none',
    }),
  ],
  [
    2,
    random => ({
      name: 'diff',
      damaged: [`patched ${random.pick(['with', 'shadow', 'hook'])}.ko`],
      args: ['diff', '@demo.ko', '@DAMAGED', ...(random.chance(2) ? ['--format', 'json'] : [])],
      judge: 'none',
    }),
  ],
];

const ALL: readonly Maker[] = MAKERS.flatMap(([weight, maker]) => new Array<Maker>(weight).fill(maker));

export function pickScenario(random: Random): Scenario {
  return random.pick(ALL)(random);
}
