import { unsigned64 } from '../util/bytes.ts';
import { type Complaint, InputError } from '../util/errors.ts';
import {
  EF_PPC64_ABI,
  EHDR_SIZE,
  EM_PPC64,
  ET_DYN,
  ET_EXEC,
  ET_REL,
  PHDR_SIZE,
  SHDR_SIZE,
  SHN_XINDEX,
} from './constants.ts';

/** The ELF header with extended numbering resolved. Offsets and sizes in bytes. */
export interface ElfHeader {
  readonly e_type: number;
  readonly e_flags: number;
  readonly e_phoff: number;
  readonly e_phnum: number;
  readonly e_shoff: number;
  /** Number of sections, taken from section 0 where the header's field is too small for it. */
  readonly shnum: number;
  /** Index of the section-name string table, taken from section 0 where the header's field is too small for it. */
  readonly shstrndx: number;
}

/** Plain bitcode (`BC` c0 de) and the wrapper that some targets put around it. */
const BITCODE: readonly number[] = [0xdec0_4342, 0x0b17_c0de];

const DAMAGED = 'the file is damaged or incomplete: build or copy it again';

function reject(complaint: Complaint): never {
  throw new InputError(complaint);
}

/** The identification bytes: what kind of file it is at all. Each way of being the wrong kind has its own message. */
function checkIdentification(bytes: Uint8Array, words: Uint32Array): void {
  if (bytes.length >= 4 && BITCODE.includes(words[0]!))
    reject({
      code: 'ELF091',
      message: 'LLVM bitcode, not an ELF file: no code was made yet',
      expected: 'the bytes 7f 45 4c 46 at the start',
      found: Buffer.from(bytes.slice(0, 4)).toString('hex'),
      remedy: 'compile it without -flto and -emit-llvm',
    });
  if (bytes.length < 4 || words[0] !== 0x464c457f)
    reject({
      code: 'ELF001',
      message: 'not an ELF file',
      expected: 'the bytes 7f 45 4c 46 at the start',
      found: bytes.length === 0 ? 'an empty file' : Buffer.from(bytes.slice(0, 4)).toString('hex'),
      remedy: 'give a .ko, .o or vmlinux of ppc64le (plain or packed with xz, zstd or gzip)',
    });
  if (bytes.length < 6)
    reject({
      code: 'ELF006',
      message: 'the file ends inside the ELF header',
      expected: `${EHDR_SIZE} bytes`,
      found: `${bytes.length}`,
      remedy: DAMAGED,
    });
  if (bytes[4] !== 2)
    reject({
      code: 'ELF002',
      message: bytes[4] === 1 ? 'a 32-bit ELF file' : 'an ELF file of unknown class',
      expected: 'ELFCLASS64 (2)',
      found: `${bytes[4]}`,
      remedy: 'tocsin reads 64-bit little-endian PowerPC files only',
    });
  if (bytes[5] !== 1)
    reject({
      code: 'ELF003',
      message: bytes[5] === 2 ? 'a big-endian ELF file' : 'an ELF file of unknown byte order',
      expected: 'ELFDATA2LSB (1)',
      found: `${bytes[5]}`,
      remedy: 'tocsin reads little-endian ppc64le files only; big-endian ppc64 uses another ABI',
    });
  if (bytes.length < EHDR_SIZE)
    reject({
      code: 'ELF006',
      message: 'the file ends inside the ELF header',
      expected: `${EHDR_SIZE} bytes`,
      found: `${bytes.length}`,
      remedy: DAMAGED,
    });
  if (bytes[6] !== 1 || words[5] !== 1)
    reject({
      code: 'ELF007',
      message: 'an ELF version that nobody defined',
      expected: '1',
      found: `${bytes[6]} and ${words[5]}`,
      remedy: DAMAGED,
    });
}

function checkMachine(words: Uint32Array): void {
  const e_machine = words[4]! >>> 16;
  const e_type = words[4]! & 0xffff;
  const abi = words[12]! & EF_PPC64_ABI;
  if (e_machine !== EM_PPC64)
    reject({
      code: 'ELF004',
      message: 'an ELF file for another machine',
      expected: `EM_PPC64 (${EM_PPC64})`,
      found: `e_machine ${e_machine}`,
      remedy: 'tocsin reads ppc64le files only',
    });
  if (abi === 1 || abi === 3)
    reject({
      code: 'ELF005',
      message: abi === 1 ? 'an object of the ELFv1 ABI (function descriptors)' : 'an object of an unknown ABI version',
      expected: 'ELFv2 (e_flags & 3 = 2)',
      found: `e_flags & 3 = ${abi}`,
      remedy: 'build with -mabi=elfv2, as ppc64le kernels are built',
    });
  if (e_type !== ET_REL && e_type !== ET_EXEC && e_type !== ET_DYN)
    reject({
      code: 'ELF008',
      message: 'an ELF file that is neither an object nor an image',
      expected: 'ET_REL, ET_EXEC or ET_DYN',
      found: `e_type ${e_type}`,
      remedy: 'give a .ko, .o or vmlinux',
    });
}

/** Throws `InputError` where a table of `count` entries of `size` bytes at `offset` does not lie in the file. */
function requireTable(file: Uint8Array, code: string, what: string, offset: number, count: number, size: number): void {
  if (offset % 8 === 0 && offset >= EHDR_SIZE && offset + count * size <= file.length) return;
  reject({
    code,
    message: offset % 8 === 0 ? `the ${what} does not lie in the file` : `the ${what} is not aligned`,
    offset,
    expected: `${count} entries of ${size} bytes, 8-byte aligned, before the end at 0x${file.length.toString(16)}`,
    found: `0x${offset.toString(16)} to 0x${(offset + count * size).toString(16)}`,
    remedy: DAMAGED,
  });
}

/**
 * Reads and checks the ELF header.
 *
 * @param bytes the whole file, starting on an 8-byte boundary
 * @param words the same memory as 32-bit words
 * @throws InputError ELF001 to ELF010
 */
export function readHeader(bytes: Uint8Array, words: Uint32Array): ElfHeader {
  checkIdentification(bytes, words);
  checkMachine(words);
  const e_ehsize = words[13]! & 0xffff;
  const e_phoff = unsigned64(words[8]!, words[9]!);
  const e_shoff = unsigned64(words[10]!, words[11]!);
  const e_phentsize = words[13]! >>> 16;
  const e_phnum = words[14]! & 0xffff;
  const e_shentsize = words[14]! >>> 16;
  let shnum = words[15]! & 0xffff;
  let shstrndx = words[15]! >>> 16;
  if (e_ehsize !== EHDR_SIZE || e_shentsize !== SHDR_SIZE || (e_phnum > 0 && e_phentsize !== PHDR_SIZE))
    reject({
      code: 'ELF009',
      message: 'the ELF header gives its tables entries of an unknown size',
      expected: `${EHDR_SIZE}, ${SHDR_SIZE} and ${PHDR_SIZE} bytes (header, section, segment)`,
      found: `${e_ehsize}, ${e_shentsize} and ${e_phentsize}`,
      remedy: DAMAGED,
    });
  requireTable(bytes, 'ELF010', 'section header table', e_shoff, Math.max(shnum, 1), SHDR_SIZE);
  const first = e_shoff / 4;
  if (shnum === 0) shnum = unsigned64(words[first + 8]!, words[first + 9]!);
  if (shstrndx === SHN_XINDEX) shstrndx = words[first + 10]!;
  requireTable(bytes, 'ELF010', 'section header table', e_shoff, Math.max(shnum, 1), SHDR_SIZE);
  if (e_phnum > 0) requireTable(bytes, 'ELF010', 'program header table', e_phoff, e_phnum, PHDR_SIZE);
  return {
    e_type: words[4]! & 0xffff,
    e_flags: words[12]!,
    e_phoff,
    e_phnum,
    e_shoff,
    shnum,
    shstrndx,
  };
}
