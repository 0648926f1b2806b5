import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildKernel, type KernelSources } from '../../../../src/kernel/knowledge/build.ts';
import { encodeIndex, openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { codeOf, messageOf } from '../../../support/errors.ts';
import {
  BUILD_ID,
  CONFIG,
  DEFAULT_EXPORTS,
  IMAGE_DATA,
  IMAGE_TOC,
  type ImageSpec,
  kernelImage,
  RELEASE,
  symversOf,
  systemMapOf,
} from '../../../support/kernel-image.ts';
import { ObjectBuilder } from '../../../support/object-builder.ts';
import { root } from '../../../support/samples.ts';

const bytesOf = (text: string) => Buffer.from(text);
const known = (sources: KernelSources) => openIndex(encodeIndex(buildKernel(sources)));
const ofImage = (spec: ImageSpec = {}, sources: Omit<KernelSources, 'image'> = {}) =>
  known({ image: kernelImage(spec), ...sources });

describe('exports of an image', () => {
  const same = (kernel: ReturnType<typeof known>, withCrc: boolean) => {
    expect(kernel.exports.count).toBe(DEFAULT_EXPORTS.length);
    for (const e of DEFAULT_EXPORTS) {
      const at = kernel.exports.find(e.name);
      expect([kernel.exports.name(at), kernel.exports.address(at), kernel.exports.crc(at)]).toEqual([
        e.name,
        e.address,
        withCrc ? e.crc : undefined,
      ]);
      expect([kernel.exports.gplOnly(at), kernel.exports.namespace(at)]).toEqual([
        e.gplOnly === true,
        e.namespace ?? '',
      ]);
    }
    expect(kernel.exports.find('omega')).toBe(-1);
  };

  it.each(['absolute', 'relocated', 'relative'] as const)('with %s entries in two tables', entries => {
    same(ofImage({ entries }), true);
  });

  it.each(['absolute', 'relocated', 'relative'] as const)('with %s entries in one table with flags', entries => {
    const vermagic = `${RELEASE} SMP mod_unload patchable-function-entry relocatable `;
    same(ofImage({ entries, layout: 'flags', vermagic }, { structures: new Map([['module', 1408]]) }), false);
  });

  it('are refused where the image has none', () => {
    const without = ['__start___ksymtab', '__stop___ksymtab'];
    expect(codeOf(() => ofImage({ without }))).toBe('KER014');
  });

  it('are refused where the checksums end early', () => {
    expect(codeOf(() => ofImage({ cutChecksums: 4 }))).toBe('KER016');
    const vermagic = `${RELEASE} SMP mod_unload relocatable `;
    expect(codeOf(() => ofImage({ layout: 'flags', vermagic, cutChecksums: 1 }))).toBe('KER016');
  });

  it('are refused where the flags are missing', () => {
    const vermagic = `${RELEASE} SMP mod_unload relocatable `;
    expect(codeOf(() => ofImage({ layout: 'flags', vermagic, without: ['__start___kflagstab'] }))).toBe('KER016');
  });

  it('are refused where a name lies outside the image, or comes twice', () => {
    const [first] = DEFAULT_EXPORTS;
    expect(codeOf(() => ofImage({ exports: [first!, first!] }))).toBe('KER016');
    const image = kernelImage();
    // The upper half of the first entry's pointer to its name.
    const value = Buffer.alloc(8);
    value.writeBigUInt64LE(first!.address);
    const entry = Buffer.from(image.buffer).indexOf(value);
    image.fill(0, entry + 12, entry + 16);
    expect(codeOf(() => known({ image }))).toBe('KER016');
  });

  it('agree with Module.symvers, or the first difference is an error', () => {
    const listed = DEFAULT_EXPORTS;
    expect(ofImage({}, { symvers: bytesOf(symversOf(listed)) }).exports.count).toBe(listed.length);
    const changed = (change: object) => listed.map(e => (e.name === 'beta' ? { ...e, ...change } : e));
    for (const other of [
      changed({ crc: 1 }),
      changed({ gplOnly: true }),
      changed({ namespace: 'OTHER' }),
      listed.slice(1),
      [...listed, { name: 'omega', address: 0n }],
    ])
      expect(codeOf(() => ofImage({}, { symvers: bytesOf(symversOf(other)) }))).toBe('KER017');
    expect(messageOf(() => ofImage({}, { symvers: bytesOf(symversOf(changed({ crc: 1 }))) }))).toContain('beta');
  });
});

describe('identity', () => {
  it('comes from vermagic, banner, notes and .got', () => {
    const kernel = ofImage();
    expect(kernel.release).toBe(RELEASE);
    expect(kernel.version).toEqual([6, 1]);
    expect(kernel.vermagic).toBe(`${RELEASE} SMP mod_unload modversions mprofile-kernel relocatable `);
    expect(kernel.buildId).toBe(BUILD_ID);
    expect(kernel.toc).toBe(IMAGE_TOC);
    expect(ofImage({ symbols: { '.TOC.': 0xc000_0000_0123_0000n } }).toc).toBe(0xc000_0000_0123_0000n);
  });

  it('is refused where it is missing or contradicts itself', () => {
    expect(codeOf(() => ofImage({ without: ['vermagic'] }))).toBe('KER020');
    expect(codeOf(() => ofImage({ vermagic: 'nonsense' }))).toBe('KER020');
    expect(codeOf(() => ofImage({ banner: 'Linux version 6.2.0 (x) #1\n' }))).toBe('KER021');
  });

  it('is not taken from other files', () => {
    const object = new ObjectBuilder();
    object.code('.text', [0x60000000]);
    expect(codeOf(() => known({ image: object.build() }))).toBe('KER014');
    const image = kernelImage();
    new DataView(image.buffer).setUint16(18, 62, true);
    expect(codeOf(() => known({ image }))).toBe('ELF004');
    expect(codeOf(() => known({ image: bytesOf('not ELF at all') }))).toBe('ELF001');
    expect(codeOf(() => known({ image: kernelImage().slice(0, 2000) }))).toMatch(/^ELF0(10|11)$/);
  });
});

describe('symbols', () => {
  it('are found by name, all addresses of one name in order', () => {
    const kernel = ofImage({ symbols: { twin: 0xc000_0000_0000_8070n } });
    expect(kernel.symbols.find('_stext')).toEqual([0xc000_0000_0000_8000n]);
    expect(kernel.symbols.find('twin')).toEqual([0xc000_0000_0000_8070n]);
    expect(kernel.symbols.find('nobody')).toEqual([]);
    expect(kernel.symbols.find('_stex')).toEqual([]);
  });

  it('come from a System.map for a stripped image', () => {
    const kernel = ofImage({ stripped: true }, { systemMap: systemMapOf(), config: bytesOf(CONFIG) });
    expect(kernel.symbols.find('filler_7')).toEqual([0xc000_0000_0000_8007n]);
    expect(kernel.exports.count).toBe(DEFAULT_EXPORTS.length);
    expect(kernel.assumptions.join('\n')).toContain('System.map');
    // Nobody says how large a page is there.
    expect(codeOf(() => ofImage({ stripped: true }, { systemMap: systemMapOf() }))).toBe('KER023');
  });

  it('have to come from somewhere', () => {
    expect(codeOf(() => ofImage({ stripped: true }))).toBe('KER015');
  });

  it('are not taken from a file that is no System.map, or one of another build', () => {
    const debian = 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n';
    const config = bytesOf(CONFIG);
    expect(codeOf(() => ofImage({ stripped: true }, { systemMap: bytesOf(debian), config }))).toBe('KER018');
    expect(codeOf(() => ofImage({ stripped: true }, { systemMap: bytesOf('hello\n'), config }))).toBe('KER018');
    expect(codeOf(() => ofImage({ stripped: true }, { systemMap: systemMapOf({}, 0x100n), config }))).toBe('KER019');
    expect(codeOf(() => ofImage({}, { systemMap: systemMapOf({}, 0x100n) }))).toBe('KER019');
    expect(ofImage({}, { systemMap: systemMapOf() }).symbols.find('filler_7')).toEqual([]);
  });
});

describe('options', () => {
  it('are told from the image, and say so', () => {
    const { options, assumptions } = ofImage();
    expect(options).toMatchObject({
      modversions: true,
      moduleSig: true,
      moduleUnload: true,
      livepatch: false,
      mprofileKernel: true,
      patchableFunctionEntry: false,
      smp: true,
      relocatable: true,
      pageSize: 65536,
      extendedModversions: false,
    });
    expect(assumptions.join('\n')).toMatch(/no configuration/);
    expect(ofImage({ pageSize: 4096 }).options.pageSize).toBe(4096);
    expect(ofImage({ symbols: { klp_module_coming: 0xc000_0000_0000_8000n } }).options.livepatch).toBe(true);
  });

  it('come from the configuration, given or embedded', () => {
    const text = `${CONFIG}CONFIG_MODULE_SIG_FORCE=y\nCONFIG_STRICT_MODULE_RWX=y\n`;
    for (const kernel of [ofImage({}, { config: bytesOf(text) }), ofImage({ config: gzipSync(text) })]) {
      expect(kernel.options.moduleSigForce).toBe(true);
      expect(kernel.assumptions.join('\n')).not.toMatch(/no configuration/);
    }
    expect(ofImage({}, { config: bytesOf(CONFIG) }).options.strictModuleRwx).toBe(false);
  });

  it('are refused where the configuration is of another kernel, or none', () => {
    const without = (name: string) => bytesOf(CONFIG.replace(new RegExp(`^CONFIG_${name}=.*\n`, 'm'), ''));
    for (const name of ['MODVERSIONS', 'SMP', 'MODULE_UNLOAD', 'RELOCATABLE', 'MODULES'])
      expect(codeOf(() => ofImage({}, { config: without(name) }))).toBe('KER022');
    const pages = bytesOf(CONFIG.replace('64K', '4K'));
    expect(codeOf(() => ofImage({}, { config: pages }))).toBe('KER022');
    expect(codeOf(() => ofImage({}, { config: bytesOf('hello') }))).toBe('KER022');
    expect(codeOf(() => ofImage({}, { config: bytesOf(`${CONFIG}CONFIG_LIVEPATCH=y\n`) }))).toBe('KER022');
  });
});

describe('structures', () => {
  const others = DEFAULT_EXPORTS.map(e => (e.name === 'module_layout' ? { ...e, crc: 7 } : e));

  it('are those of the measured kernel with the same module_layout', () => {
    const { structures } = ofImage();
    expect(structures).toMatchObject({ source: 'table', moduleSize: 1024 });
    expect(structures.moduleFields).toMatchObject({ name: 24, init: 312, exit: 944 });
  });

  it('have to be given for an unknown one', () => {
    expect(codeOf(() => ofImage({ exports: others }))).toBe('KER024');
    const structures = new Map([
      ['module', 1280],
      ['module.init', 320],
    ]);
    const given = ofImage({ exports: others }, { structures });
    expect(given.structures).toMatchObject({ source: 'given', moduleSize: 1280 });
    expect(given.structures.moduleFields).toMatchObject({ name: 24, init: 320 });
    expect(given.assumptions.join('\n')).toContain('module=1280');
  });

  it('are shown by a module of that kernel, and of no other', () => {
    const module = readFileSync(`${root}samples/6.1/tocsin_demo.ko`);
    expect(codeOf(() => ofImage({ exports: others }, { module }))).toBe('KER026');
    const release = '6.1.0-50-powerpc64le';
    const { structures } = ofImage({ exports: others, release }, { module });
    expect(structures).toMatchObject({ source: 'module', moduleSize: 1024 });
    expect(structures.moduleFields).toEqual({ name: 24, init: 312, exit: 944 });
    expect(codeOf(() => ofImage({}, { module: kernelImage() }))).toBe('KER026');
  });

  it('come from BTF, nested and unnamed members included', () => {
    const { structures } = ofImage({ exports: others, btf: moduleBtf() });
    expect(structures.source).toBe('btf');
    expect(structures.moduleSize).toBe(64);
    expect(structures.moduleFields).toEqual({
      name: 8,
      init: 24,
      flag: 33,
      arch: 40,
      'arch.toc_section': 44,
    });
    expect(structures.sizes).toEqual({ module: 64, mod_arch_specific: 16 });
  });
});

/** struct module { char[16] name @8; union { ptr init; } @24; flag:1 @33 bits; struct mod_arch_specific arch @40 } */
function moduleBtf(): Uint8Array {
  const names = ['', 'module', 'mod_arch_specific', 'name', 'init', 'flag', 'arch', 'toc_section', 'int'];
  const at = new Map<string, number>();
  let strings = '';
  for (const name of names) {
    at.set(name, strings.length);
    strings += `${name}\0`;
  }
  const words: number[] = [];
  const type = (name: string, kind: number, vlen: number, size: number, flag = false, more: readonly number[] = []) =>
    words.push(at.get(name)!, ((flag ? 0x8000_0000 : 0) | (kind << 24) | vlen) >>> 0, size, ...more);
  const member = (name: string, of: number, bits: number) => [at.get(name)!, of, bits];
  type('int', 1, 0, 4, false, [32]);
  type('mod_arch_specific', 4, 1, 16, false, member('toc_section', 1, 32));
  type('', 5, 1, 8, false, member('init', 1, 0));
  type('module', 4, 4, 64, true, [
    ...member('name', 1, 64),
    ...member('', 3, 192),
    ...member('flag', 1, (1 << 24) | 264),
    ...member('arch', 2, 320),
  ]);
  const body = Buffer.from(Uint32Array.from(words).buffer);
  const text = Buffer.from(strings);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(body.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(text.length, 20);
  return new Uint8Array(Buffer.concat([header, body, text]));
}

describe('pieces without an image', () => {
  const release = '6.1.0-50-powerpc64le';
  const pieces = (): KernelSources => ({
    systemMap: systemMapOf({ release }),
    symvers: bytesOf(symversOf()),
    config: bytesOf(CONFIG),
    module: readFileSync(`${root}samples/6.1/tocsin_demo.ko`),
  });

  it('are enough together', () => {
    const kernel = known(pieces());
    expect(kernel.release).toBe(release);
    expect(kernel.toc).toBe(IMAGE_TOC);
    expect(kernel.structures.moduleSize).toBe(1024);
    const at = kernel.exports.find('delta');
    expect([kernel.exports.address(at), kernel.exports.crc(at), kernel.exports.gplOnly(at)]).toEqual([
      0xc000_0000_0000_8050n,
      0,
      true,
    ]);
    expect(kernel.exports.namespace(at)).toBe('DMA_BUF');
    expect(kernel.assumptions.join('\n')).toContain('no image');
  });

  it.each(['systemMap', 'symvers', 'config', 'module'] as const)('are refused without %s', missing => {
    expect(codeOf(() => known({ ...pieces(), [missing]: undefined }))).toBe('KER015');
  });

  it('are refused where an export has no address', () => {
    const symvers = bytesOf(symversOf([...DEFAULT_EXPORTS, { name: 'omega', address: 0n }]));
    expect(codeOf(() => known({ ...pieces(), symvers }))).toBe('KER019');
  });
});

it('changes nothing in the image', () => {
  const image = kernelImage();
  const before = image.slice();
  known({ image });
  expect(Buffer.compare(image, before)).toBe(0);
});

describe('what is built in', () => {
  const word = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };

  it('are keys, as certificates one behind the other', () => {
    const certificates = [Buffer.concat([Buffer.from([0x30, 0x82, 0x01, 0x04]), Buffer.alloc(260, 1)])];
    certificates.push(Buffer.concat([Buffer.from([0x30, 0x82, 0x01, 0x00]), Buffer.alloc(256, 2)]));
    const list = Buffer.concat(certificates);
    const at = (offset: number) => IMAGE_DATA + BigInt(offset);
    const symbols = { system_certificate_list_size: at(0), system_certificate_list: at(8) };
    const given = (size: number, bytes = list) =>
      ofImage({ data: Buffer.concat([word(BigInt(size)), bytes]), symbols }).certificates;
    expect(given(list.length)?.map(der => Buffer.from(der))).toEqual(certificates);
    expect(given(0)).toEqual([]);
    // The second one is cut off, or none.
    expect(given(list.length - 1)?.length).toBe(1);
    expect(given(list.length, Buffer.from(list).fill(0, 264))?.length).toBe(1);
    expect(given(100_000)).toBeUndefined();
    expect(ofImage().certificates).toBeUndefined();
  });

  it('are names in /sys/module: those of parameters with a file, and of parts with a version', () => {
    const texts = ['fuse.max', 'initcall_debug', 'hidden.one', 'virtio_pci', 'fuse.other'];
    const strings = Buffer.from(texts.map(text => `${text}\0`).join(''));
    const tables = 8 * Math.ceil(strings.length / 8);
    const address = (text: string) => IMAGE_DATA + BigInt(strings.indexOf(`${text}\0`));
    const parameters = Buffer.concat(
      (
        [
          ['fuse.max', 0o644],
          ['initcall_debug', 0o444],
          ['hidden.one', 0],
          ['fuse.other', 0o400],
        ] as const
      ).map(([text, mode]) =>
        Buffer.concat([word(address(text)), Buffer.alloc(16), word(BigInt(mode)), Buffer.alloc(8)]),
      ),
    );
    const version = Buffer.concat([Buffer.alloc(56), word(address('virtio_pci')), Buffer.alloc(8)]);
    const end = tables + parameters.length;
    const at = (offset: number) => IMAGE_DATA + BigInt(offset);
    const symbols = {
      __start___param: at(tables),
      __stop___param: at(end),
      __start___modver: at(end),
      __stop___modver: at(end + version.length),
    };
    const data = Buffer.concat([strings, Buffer.alloc(tables - strings.length), parameters, version]);
    expect(ofImage({ data, symbols }).builtin).toEqual(['fuse', 'kernel', 'virtio_pci']);
    // A table of another shape tells nothing.
    expect(ofImage({ data, symbols: { ...symbols, __stop___param: at(end - 8) } }).builtin).toBeUndefined();
    expect(ofImage().builtin).toBeUndefined();
  });
});
