var __defProp = Object.defineProperty;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __esm = (fn, res, err) => function __init() {
  if (err) throw err[0];
  try {
    return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;
  } catch (e) {
    throw err = [e], e;
  }
};
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

// src/elf/constants.ts
var EHDR_SIZE, SHDR_SIZE, PHDR_SIZE, SYM_SIZE, RELA_SIZE, ET_REL, ET_EXEC, ET_DYN, EM_PPC64, EF_PPC64_ABI, SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS, SHT_REL, SHT_DYNSYM, SHT_SYMTAB_SHNDX, SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHN_UNDEF, SHN_LORESERVE, SHN_LIVEPATCH, SHN_ABS, SHN_COMMON, SHN_XINDEX, STB_LOCAL, STB_WEAK, STT_FUNC, STT_SECTION, STT_FILE;
var init_constants = __esm({
  "src/elf/constants.ts"() {
    "use strict";
    EHDR_SIZE = 64;
    SHDR_SIZE = 64;
    PHDR_SIZE = 56;
    SYM_SIZE = 24;
    RELA_SIZE = 24;
    ET_REL = 1;
    ET_EXEC = 2;
    ET_DYN = 3;
    EM_PPC64 = 21;
    EF_PPC64_ABI = 3;
    SHT_NULL = 0;
    SHT_PROGBITS = 1;
    SHT_SYMTAB = 2;
    SHT_STRTAB = 3;
    SHT_RELA = 4;
    SHT_NOTE = 7;
    SHT_NOBITS = 8;
    SHT_REL = 9;
    SHT_DYNSYM = 11;
    SHT_SYMTAB_SHNDX = 18;
    SHF_WRITE = 1;
    SHF_ALLOC = 2;
    SHF_EXECINSTR = 4;
    SHN_UNDEF = 0;
    SHN_LORESERVE = 65280;
    SHN_LIVEPATCH = 65312;
    SHN_ABS = 65521;
    SHN_COMMON = 65522;
    SHN_XINDEX = 65535;
    STB_LOCAL = 0;
    STB_WEAK = 2;
    STT_FUNC = 2;
    STT_SECTION = 3;
    STT_FILE = 4;
  }
});

// src/util/printable.ts
function printable(text2) {
  return text2.replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
var CONTROL;
var init_printable = __esm({
  "src/util/printable.ts"() {
    "use strict";
    CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
  }
});

// src/util/errors.ts
function formatComplaint(c) {
  const place = [];
  if (c.file !== void 0) place.push(c.file);
  if (c.section !== void 0)
    place.push(c.offset === void 0 ? c.section : `${c.section}+0x${c.offset.toString(16)}`);
  else if (c.offset !== void 0) place.push(`offset 0x${c.offset.toString(16)}`);
  if (c.function !== void 0) place.push(c.function);
  const detail = [];
  if (c.expected !== void 0) detail.push(`expected ${c.expected}`);
  if (c.found !== void 0) detail.push(`found ${c.found}`);
  const head = place.length > 0 ? `${place.join(": ")}: ` : "";
  const tail = detail.length > 0 ? ` (${detail.join(", ")})` : "";
  const remedy = c.remedy === void 0 ? "" : `
  remedy: ${c.remedy}`;
  return `${printable(`${head}${c.message}${tail}`)} [${c.code}]${remedy}`;
}
function inFile(error, file) {
  if (error instanceof InputError && error.complaint.file === void 0)
    return new InputError({ ...error.complaint, file });
  if (error instanceof RefusalError && error.complaint.file === void 0)
    return new RefusalError({ ...error.complaint, file });
  return error;
}
var ComplaintError, InputError, RefusalError;
var init_errors = __esm({
  "src/util/errors.ts"() {
    "use strict";
    init_printable();
    ComplaintError = class extends Error {
      complaint;
      constructor(complaint) {
        super(formatComplaint(complaint));
        this.complaint = complaint;
      }
      get code() {
        return this.complaint.code;
      }
    };
    InputError = class extends ComplaintError {
      name = "InputError";
    };
    RefusalError = class extends ComplaintError {
      name = "RefusalError";
    };
  }
});

// src/io/diagnostics.ts
function ioComplaint(code, message, detail = {}) {
  return { remedy: IO_DIAGNOSTICS[code].remedy, ...detail, code, message };
}
function ioError(code, message, detail = {}) {
  return new InputError(ioComplaint(code, message, detail));
}
function errnoOf(error) {
  if (!(error instanceof Error)) return void 0;
  const { code } = error;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : void 0;
}
function hasNul(path) {
  return path.includes("\0");
}
function readFailure(error, file) {
  const errno = errnoOf(error);
  switch (errno) {
    case void 0:
      return hasNul(file) ? ioError("IO001", "the path contains a NUL byte", { file }) : error;
    case "ENOENT":
      return ioError("IO001", "no such file", { file });
    case "ENOTDIR":
      return ioError("IO001", "no such file: a part of the path is not a folder", { file });
    case "ELOOP":
      return ioError("IO001", "no such file: its symbolic links run in a circle", { file });
    case "ENAMETOOLONG":
      return ioError("IO001", "no such file: the path is longer than the system allows", { file });
    case "EACCES":
    case "EPERM":
      return ioError("IO002", "no permission to read", { file });
    case "EISDIR":
      return ioError("IO003", "is a folder", { file, expected: "a file" });
    case "ENXIO":
    case "ENODEV":
      return ioError("IO004", "is a socket or a device without a driver", { file, expected: "a regular file" });
    default:
      return ioError("IO008", `could not be read (${errno})`, { file });
  }
}
function writeFailure(error, file) {
  const errno = errnoOf(error);
  switch (errno) {
    case void 0:
      return hasNul(file) ? ioError("IO030", "the output path contains a NUL byte", { file }) : error;
    case "ENOENT":
      return ioError("IO030", "the folder of the output does not exist", { file });
    case "ENOTDIR":
      return ioError("IO030", "a part of the output path is not a folder", { file });
    case "ELOOP":
      return ioError("IO030", "the symbolic links of the output path run in a circle", { file });
    case "ENAMETOOLONG":
      return ioError("IO030", "the output path is longer than the system allows", { file });
    case "EACCES":
    case "EPERM":
      return ioError("IO031", "no permission to write in the folder of the output", { file });
    case "EISDIR":
      return ioError("IO032", "the output is a folder", { file });
    case "ENOSPC":
    case "EDQUOT":
      return ioError("IO033", errno === "ENOSPC" ? "no space left on the disk" : "the disk quota is used up", { file });
    case "EROFS":
      return ioError("IO035", "the file system is read-only", { file });
    default:
      return ioError("IO036", `could not be written (${errno})`, { file });
  }
}
var IO_DIAGNOSTICS;
var init_diagnostics = __esm({
  "src/io/diagnostics.ts"() {
    "use strict";
    init_errors();
    IO_DIAGNOSTICS = {
      IO001: {
        cause: "No file has this path, or a symbolic link on the way leads nowhere.",
        remedy: "check the spelling; a relative path counts from the current directory"
      },
      IO002: {
        cause: "The file or the folder may not be read by this user.",
        remedy: "run as a user who may read it, or change its permissions"
      },
      IO003: {
        cause: "A folder was given where one file is needed.",
        remedy: "name a file inside the folder"
      },
      IO004: {
        cause: "The path is a device or a socket. Only regular files, pipes and standard input can be read.",
        remedy: "copy the contents into a regular file first"
      },
      IO005: {
        cause: "The input holds no byte at all, often because the program that should have written it failed.",
        remedy: "build or copy the file again"
      },
      IO006: {
        cause: "The input is larger than 2 GiB, more than tocsin holds in memory.",
        remedy: "strip the debugging sections (objcopy --strip-debug) and try again"
      },
      IO007: {
        cause: "Size or modification time changed while the file was read, so the bytes may mix two versions.",
        remedy: "wait until the program that writes the file is done, then try again"
      },
      IO008: {
        cause: "The operating system reported an error while reading.",
        remedy: "look for messages about the disk or the network share in the kernel log"
      },
      IO009: {
        cause: "Standard input was asked for, but it is a terminal.",
        remedy: "pipe or redirect a file into the command"
      },
      IO010: {
        cause: "The compressed data is truncated, damaged (a checksum or a length disagrees), or followed by foreign bytes.",
        remedy: "test the file with the program that packed it (xz -t, zstd -t, gzip -t) and fetch it again"
      },
      IO011: {
        cause: "The data expands beyond the limit (1 GiB unless another is set), as a decompression bomb does.",
        remedy: "if the file is to be trusted, decompress it by hand and give the result"
      },
      IO012: {
        cause: "The data is packed with something the decoder lacks: xz with SHA-256, with a filter such as --powerpc or with a dictionary above 64 MiB; zstd with a separate dictionary.",
        remedy: "decompress it with the xz or zstd program and give the result"
      },
      IO013: {
        cause: "Output in xz form is packed by the xz program, and there is none in PATH.",
        remedy: "install the package xz-utils (Debian, Ubuntu) or xz (Fedora, SUSE), or write the output uncompressed"
      },
      IO014: {
        cause: "The xz program failed; its own message is shown.",
        remedy: "mend what the message of xz names (often too little memory), or write the output uncompressed"
      },
      IO015: {
        cause: "The packed output did not expand to the bytes that went in. Nothing was written.",
        remedy: "try again; if it happens twice, check memory and the installed xz program, and report it"
      },
      IO020: {
        cause: "The folder holds no module: no file below it ends in .ko, .ko.xz, .ko.zst or .ko.gz.",
        remedy: "name the files one by one if their names end otherwise"
      },
      IO021: {
        cause: "The list given with --files-from names no file.",
        remedy: "write one path per line (or separate them with NUL bytes, as find -print0 does)"
      },
      IO022: {
        cause: "Standard input can be read once, but was asked for twice.",
        remedy: "give the list or the object as a file"
      },
      IO023: {
        cause: "The name is not valid UTF-8, so it cannot be passed on without loss.",
        remedy: "rename the file or the folder"
      },
      IO030: {
        cause: "The folder that the output should go into does not exist.",
        remedy: "create the folder, or check the spelling of the output path"
      },
      IO031: {
        cause: "This user may not create a file in the folder of the output. The output is written beside its final place.",
        remedy: "write into a folder of your own, or run as a user who may write there"
      },
      IO032: {
        cause: "The output path is a folder.",
        remedy: "add the name of a file to the output path"
      },
      IO033: {
        cause: "The disk is full or a quota is used up. The previous output, if any, is untouched.",
        remedy: "make room, or write to another disk"
      },
      IO034: {
        cause: "The output path is a block device or a socket.",
        remedy: "write to a regular file"
      },
      IO035: {
        cause: "The file system of the output is mounted read-only.",
        remedy: "write to another place, or mount it for writing"
      },
      IO036: {
        cause: "The operating system reported an error while writing. The previous output, if any, is untouched.",
        remedy: "look for messages about the disk or the network share in the kernel log"
      },
      IO037: {
        cause: "A signal ended the write before the output was in place. The previous output, if any, is untouched.",
        remedy: "run the command again"
      },
      IO038: {
        cause: "The output exists and its permissions forbid writing to it.",
        remedy: "choose another output path, make the file writable, or force the replacement"
      },
      IO040: {
        cause: "The output folder is there already and holds something else than an earlier output, or the path is a file.",
        remedy: "choose another folder, or empty this one; --force replaces an earlier output"
      }
    };
  }
});

// src/util/bytes.ts
function requireLittleEndianHost() {
  if (!hostIsLittleEndian)
    throw new InputError({
      code: "SYS001",
      message: "this machine is big-endian, and tocsin reads little-endian files through the order of the machine",
      remedy: "run tocsin on a little-endian machine (x86-64, arm64, ppc64le)"
    });
}
function aligned(bytes) {
  if (bytes.byteOffset % 8 === 0) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}
function wordsOf(bytes) {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}
function unsigned64(low, high) {
  return high * TWO_32 + low;
}
function signed64(low, high) {
  return (high | 0) * TWO_32 + low;
}
function big64(low, high) {
  return BigInt(high) << 32n | BigInt(low);
}
function alignUp(value, alignment) {
  if (alignment <= 1) return value;
  const over = value % alignment;
  return over === 0 ? value : value + alignment - over;
}
var hostIsLittleEndian, TWO_32;
var init_bytes = __esm({
  "src/util/bytes.ts"() {
    "use strict";
    init_errors();
    hostIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
    TWO_32 = 4294967296;
  }
});

// src/kernel/knowledge/names.ts
function wordAt(view, at) {
  if (at + 4 <= view.byteLength) {
    const word3 = view.getInt32(at, true);
    const zero = zeroByte(word3);
    return zero === 0 ? word3 : cut(word3, zero);
  }
  let word2 = 0;
  for (let i = 0; at + i < view.byteLength; i++) {
    const byte = view.getUint8(at + i);
    if (byte === 0) break;
    word2 |= byte << i * 8;
  }
  return word2;
}
function zeroByte(word2) {
  return word2 - 16843009 & ~word2 & 2155905152;
}
function cut(word2, zero) {
  const bits2 = 31 - Math.clz32(zero & -zero) - 7;
  return bits2 === 0 ? 0 : word2 & (1 << bits2) - 1;
}
function mixed(hash, word2) {
  const product = Math.imul(hash ^ word2, MULTIPLIER);
  return product ^ product >>> 15;
}
function hashAt(view, start) {
  let hash = SEED;
  for (let at = start, limit = view.byteLength - 4; ; at += 4) {
    const word2 = at <= limit ? view.getInt32(at, true) : wordAt(view, at);
    const zero = zeroByte(word2);
    if (zero !== 0) return mixed(hash, cut(word2, zero));
    hash = mixed(hash, word2);
  }
}
function isSame(strings, stored2, view, start) {
  for (let at = start, s = stored2, limit = view.byteLength - 4; ; at += 4, s++) {
    const word2 = at <= limit ? view.getInt32(at, true) : wordAt(view, at);
    const zero = zeroByte(word2);
    if (zero !== 0) return strings[s] === cut(word2, zero);
    if (strings[s] !== word2) return false;
  }
}
function textAt(strings, at) {
  if (at >= strings.length) return "";
  const end = strings.indexOf(0, at);
  return Buffer.from(strings.buffer, strings.byteOffset + at, (end < 0 ? strings.length : end) - at).toString("utf8");
}
function slotCount(count) {
  let slots2 = 8;
  while (slots2 * 2 < count * 3) slots2 *= 2;
  return slots2;
}
function numberNames(bytes, starts2) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const slots2 = new Int32Array(slotCount(starts2.length) * SLOT_WORDS);
  const mask2 = slots2.length / SLOT_WORDS - 1;
  const nameAt = new Uint32Array(starts2.length);
  const numbers = new Uint32Array(starts2.length);
  let strings = new Int32Array(starts2.length * 8 + 256);
  let used = 0;
  let count = 0;
  for (let i = 0; i < starts2.length; i++) {
    const start = starts2[i];
    const hash = hashAt(view, start);
    let slot = hash & mask2;
    for (; slots2[slot * SLOT_WORDS + 1] !== 0; slot = slot + 1 & mask2)
      if (slots2[slot * SLOT_WORDS] === hash && isSame(strings, nameAt[slots2[slot * SLOT_WORDS + 1] - 1] >>> 2, view, start))
        break;
    if (slots2[slot * SLOT_WORDS + 1] === 0) {
      nameAt[count] = used * 4;
      for (let at = start; ; at += 4) {
        if (used === strings.length) {
          const larger = new Int32Array(strings.length * 2);
          larger.set(strings);
          strings = larger;
        }
        const word2 = wordAt(view, at);
        strings[used++] = word2;
        if (zeroByte(word2) !== 0) break;
      }
      slots2[slot * SLOT_WORDS] = hash;
      slots2[slot * SLOT_WORDS + 1] = ++count;
    }
    numbers[i] = slots2[slot * SLOT_WORDS + 1] - 1;
  }
  return {
    strings: new Uint8Array(strings.buffer.slice(0, used * 4)),
    nameAt: nameAt.slice(0, count),
    slots: new Uint32Array(slots2.buffer),
    numbers
  };
}
var SLOT_WORDS, SEED, MULTIPLIER, NameTable;
var init_names = __esm({
  "src/kernel/knowledge/names.ts"() {
    "use strict";
    SLOT_WORDS = 2;
    SEED = 789269575;
    MULTIPLIER = 2654435761;
    NameTable = class {
      #strings;
      #bytes;
      #nameAt;
      #slots;
      #mask;
      /** Where names were looked for last: a module's string table is asked for all its names. */
      #asked = new Uint8Array(0);
      #view = new DataView(new ArrayBuffer(0));
      constructor({ strings, nameAt, slots: slots2 }) {
        this.#bytes = strings;
        this.#strings = new Int32Array(strings.buffer, strings.byteOffset, strings.length >>> 2);
        this.#nameAt = nameAt;
        this.#slots = new Int32Array(slots2.buffer, slots2.byteOffset, slots2.length);
        this.#mask = slots2.length / SLOT_WORDS - 1;
      }
      /** Number of the name that begins at `start` of `bytes` and ends before the next NUL; -1 where it is not in the set. */
      findBytes(bytes, start) {
        if (bytes !== this.#asked) {
          this.#asked = bytes;
          this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        }
        const view = this.#view;
        const hash = hashAt(view, start);
        const slots2 = this.#slots;
        const mask2 = this.#mask;
        let slot = hash & mask2;
        for (let probe = 0; probe <= mask2; probe++, slot = slot + 1 & mask2) {
          const number2 = slots2[slot * SLOT_WORDS + 1] - 1;
          if (number2 < 0) return -1;
          if (slots2[slot * SLOT_WORDS] === hash && isSame(this.#strings, this.#nameAt[number2] >>> 2, view, start))
            return number2;
        }
        return -1;
      }
      find(name) {
        return name.includes("\0") ? -1 : this.findBytes(Buffer.from(name, "utf8"), 0);
      }
      name(number2) {
        return textAt(this.#bytes, this.#nameAt[number2] ?? this.#bytes.length);
      }
    };
  }
});

// src/kernel/knowledge/tables.ts
var EXPORT_GPL_ONLY, EXPORT_HAS_CRC, IndexedExports, IndexedSymbols;
var init_tables = __esm({
  "src/kernel/knowledge/tables.ts"() {
    "use strict";
    init_bytes();
    init_names();
    EXPORT_GPL_ONLY = 1;
    EXPORT_HAS_CRC = 2;
    IndexedExports = class {
      count;
      /** For those who have a use for all of them at once; never changed. */
      arrays;
      #names;
      constructor(arrays) {
        this.arrays = arrays;
        this.#names = new NameTable(arrays);
        this.count = arrays.nameAt.length;
      }
      find(name) {
        return this.#names.find(name);
      }
      findBytes(bytes, start) {
        return this.#names.findBytes(bytes, start);
      }
      name(index2) {
        return this.#names.name(index2);
      }
      address(index2) {
        return big64(this.addressLow(index2), this.addressHigh(index2));
      }
      addressLow(index2) {
        return this.arrays.addresses[index2 * 2];
      }
      addressHigh(index2) {
        return this.arrays.addresses[index2 * 2 + 1];
      }
      crc(index2) {
        return (this.arrays.flags[index2] & EXPORT_HAS_CRC) === 0 ? void 0 : this.arrays.crcs[index2];
      }
      gplOnly(index2) {
        return (this.arrays.flags[index2] & EXPORT_GPL_ONLY) !== 0;
      }
      namespace(index2) {
        return textAt(this.arrays.namespaces, this.arrays.namespaceAt[index2]);
      }
    };
    IndexedSymbols = class {
      count;
      /** Called once, when a symbol is first asked for. */
      #load;
      #arrays;
      #names;
      constructor(count, load3) {
        this.count = count;
        this.#load = load3;
      }
      find(name) {
        if (this.#arrays === void 0 || this.#names === void 0) {
          this.#arrays = this.#load();
          this.#names = new NameTable(this.#arrays);
          this.#load = void 0;
        }
        const number2 = this.#names.find(name);
        if (number2 < 0) return [];
        const { first, addresses } = this.#arrays;
        const found2 = [];
        for (let i = first[number2]; i < first[number2 + 1]; i++)
          found2.push(big64(addresses[i * 2], addresses[i * 2 + 1]));
        return found2;
      }
    };
  }
});

// src/kernel/knowledge/store.ts
import { crc32 } from "node:zlib";
function isIndex(bytes) {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}
function encodeIndex(parts) {
  const { exports, symbols: symbols2 } = parts;
  const head = {
    release: parts.release,
    version: parts.version,
    vermagic: parts.vermagic,
    buildId: parts.buildId,
    toc: `0x${parts.toc.toString(16)}`,
    options: parts.options,
    structures: parts.structures,
    assumptions: parts.assumptions
  };
  const json = Buffer.from(JSON.stringify(head), "utf8");
  const first = [...exportArrays(exports)];
  const tail = first.reduce((at, a) => alignUp(at, 8) + a.byteLength, HEADER + json.length);
  const tailStart = alignUp(tail, 8);
  const size = symbolArrays(symbols2).reduce((at, a) => alignUp(at, 8) + a.byteLength, tailStart);
  const bytes = new Uint8Array(size);
  bytes.set(MAGIC);
  const words2 = new Uint32Array(bytes.buffer, 0, HEADER / 4);
  words2.set(
    [
      INDEX_VERSION,
      size,
      0,
      0,
      tailStart,
      json.length,
      exports.nameAt.length,
      exports.slots.length / 2,
      exports.strings.length,
      exports.namespaces.length,
      symbols2.nameAt.length,
      symbols2.addresses.length / 2,
      symbols2.slots.length / 2,
      symbols2.strings.length
    ],
    2
  );
  bytes.set(json, HEADER);
  put(bytes, HEADER + json.length, first);
  put(bytes, tailStart, symbolArrays(symbols2));
  words2[5] = crc32(bytes.subarray(tailStart));
  words2[4] = crc32(bytes.subarray(0, tailStart));
  return bytes;
}
function put(bytes, start, arrays) {
  let at = start;
  for (const array of arrays) {
    at = alignUp(at, 8);
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
}
function firstPart(header) {
  if (!isIndex(header) || header.length < HEADER) return 0;
  return new DataView(header.buffer, header.byteOffset, HEADER).getUint32(24, true);
}
function openIndex(file, rest) {
  requireLittleEndianHost();
  if (!isIndex(file))
    throw new InputError({
      code: "KER010",
      message: "not an index of a kernel",
      remedy: 'give what "tocsin kernel VMLINUX -o K" wrote, a vmlinux, or /lib/modules/RELEASE'
    });
  const bytes = aligned(file);
  if (bytes.length < HEADER) throw damaged(`a header of ${HEADER} bytes`, `${bytes.length} bytes`);
  const words2 = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER / 4);
  if (words2[2] !== INDEX_VERSION)
    throw new InputError({
      code: "KER011",
      message: "the index was written by another version of tocsin",
      expected: `layout ${INDEX_VERSION}`,
      found: `layout ${words2[2]}`,
      remedy: "make it again: tocsin kernel VMLINUX -o K"
    });
  const tail = words2[6];
  const size = words2[3];
  if (tail > size || tail % 8 !== 0) throw damaged("a second part inside the file", `one at ${tail}`);
  if (bytes.length !== (rest === void 0 ? size : tail)) throw damaged(`${size} bytes`, `${bytes.length}`);
  const second = () => rest === void 0 ? bytes.subarray(tail) : aligned(rest());
  const sum2 = headSum(bytes, tail);
  if (sum2 !== words2[4]) throw damaged(`checksum ${hex8(words2[4])}`, hex8(sum2));
  const cursor = new Cursor(bytes, HEADER, tail);
  const head = JSON.parse(Buffer.from(cursor.bytes(words2[7])).toString("utf8"));
  const exports = readExports(cursor, words2);
  return {
    release: head.release,
    version: head.version,
    vermagic: head.vermagic,
    buildId: head.buildId,
    toc: BigInt(head.toc),
    options: head.options,
    structures: head.structures,
    assumptions: head.assumptions,
    exports: new IndexedExports(exports),
    symbols: new IndexedSymbols(words2[12], () => readSymbols(second(), words2))
  };
}
function headSum(bytes, tail) {
  const before = crc32(new Uint8Array(4), crc32(bytes.subarray(0, 16)));
  return crc32(bytes.subarray(20, tail), before);
}
function readExports(cursor, counts) {
  const count = counts[8];
  return {
    slots: cursor.slots(counts[9]),
    nameAt: cursor.words(count),
    addresses: cursor.words(count * 2),
    crcs: cursor.words(count),
    namespaceAt: cursor.words(count),
    flags: cursor.bytes(count),
    strings: cursor.bytes(counts[10]),
    namespaces: cursor.bytes(counts[11])
  };
}
function readSymbols(bytes, counts) {
  if (bytes.length !== counts[3] - counts[6])
    throw damaged(`${counts[3] - counts[6]} bytes of symbols`, `${bytes.length}`);
  const sum2 = crc32(bytes);
  if (sum2 !== counts[5]) throw damaged(`checksum ${hex8(counts[5])} of the symbols`, hex8(sum2));
  const cursor = new Cursor(bytes, 0, bytes.length);
  return {
    slots: cursor.slots(counts[14]),
    nameAt: cursor.words(counts[12]),
    first: cursor.words(counts[12] + 1),
    addresses: cursor.words(counts[13] * 2),
    strings: cursor.bytes(counts[15])
  };
}
function damaged(expected, found2) {
  return new InputError({
    code: "KER012",
    message: "the index is damaged",
    expected,
    found: found2,
    remedy: "make it again: tocsin kernel VMLINUX -o K"
  });
}
var MAGIC, INDEX_VERSION, HEADER, INDEX_HEADER, exportArrays, symbolArrays, Cursor, hex8;
var init_store = __esm({
  "src/kernel/knowledge/store.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    init_tables();
    MAGIC = [116, 111, 99, 115, 105, 110, 75, 26];
    INDEX_VERSION = 2;
    HEADER = 64;
    INDEX_HEADER = HEADER;
    exportArrays = (e) => [
      e.slots,
      e.nameAt,
      e.addresses,
      e.crcs,
      e.namespaceAt,
      e.flags,
      e.strings,
      e.namespaces
    ];
    symbolArrays = (s) => [s.slots, s.nameAt, s.first, s.addresses, s.strings];
    Cursor = class {
      #bytes;
      #at;
      #end;
      constructor(bytes, start, end) {
        this.#bytes = bytes;
        this.#at = start;
        this.#end = end;
      }
      bytes(length) {
        const start = alignUp(this.#at, 8);
        if (start + length > this.#end) throw damaged(`${length} bytes at ${start}`, `an end at ${this.#end}`);
        this.#at = start + length;
        return this.#bytes.subarray(start, this.#at);
      }
      words(count) {
        const part = this.bytes(count * 4);
        return new Uint32Array(part.buffer, part.byteOffset, count);
      }
      slots(count) {
        if (count === 0 || (count & count - 1) !== 0) throw damaged("a power of two of slots", `${count}`);
        return this.words(count * 2);
      }
    };
    hex8 = (value) => `0x${value.toString(16).padStart(8, "0")}`;
  }
});

// src/io/aligned.ts
function allocate(content) {
  if (typeof content === "number") return new Uint8Array(new ArrayBuffer(content));
  const copy = new Uint8Array(new ArrayBuffer(content.length));
  copy.set(content);
  return copy;
}
function aligned2(bytes) {
  const { byteOffset, byteLength, buffer } = bytes;
  return byteOffset % 8 === 0 && byteLength * 2 >= buffer.byteLength ? plainView(bytes) : allocate(bytes);
}
function plainView(bytes) {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
var init_aligned = __esm({
  "src/io/aligned.ts"() {
    "use strict";
  }
});

// src/io/temporary-files.ts
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename } from "node:path";
function pidSpace() {
  if (space === void 0) {
    const hash = createHash("sha256");
    for (const read3 of [
      () => fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1"),
      () => fs.readlinkSync("/proc/self/ns/pid")
    ]) {
      try {
        hash.update(read3());
      } catch {
        hash.update(randomBytes(8));
      }
    }
    space = hash.digest("hex").slice(0, 8);
  }
  return space;
}
function stem(place) {
  const suffix = `.tocsin-${2 ** 22}-${"0".repeat(16)}.tmp`.length;
  let name = basename(place);
  while (Buffer.byteLength(name) > NAME_LIMIT - 1 - suffix) name = [...name].slice(0, -1).join("");
  return `.${name}`;
}
function createTemporary(place, mode) {
  const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
  for (; ; ) {
    const random = pidSpace() + randomBytes(4).toString("hex");
    const path = `${folderOf(place)}${stem(place)}.tocsin-${process.pid}-${random}.tmp`;
    try {
      const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, mode);
      remember(path);
      return { path, fd };
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
  }
}
function folderOf(path) {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
function removeStrays(place) {
  const folder2 = folderOf(place);
  let known3 = strays.get(folder2);
  if (known3 === void 0 || Date.now() - known3.at > RESCAN_MS) {
    known3 = { at: Date.now(), byStem: listStrays(folder2) };
    strays.set(folder2, known3);
  }
  for (const stray of known3.byStem.get(stem(place)) ?? []) {
    if (!isAbandoned(stray)) continue;
    try {
      fs.rmSync(stray.path, { force: true });
    } catch {
    }
  }
}
function listStrays(folder2) {
  const byStem = /* @__PURE__ */ new Map();
  let names3;
  try {
    names3 = fs.readdirSync(folder2 === "" ? "." : folder2);
  } catch {
    return byStem;
  }
  for (const name of names3) {
    const match = TEMPORARY.exec(name);
    if (match === null) continue;
    const [, of, pid, inSpace] = match;
    const list = byStem.get(of) ?? [];
    list.push({ path: folder2 + name, pid: Number(pid), space: inSpace });
    byStem.set(of, list);
  }
  return byStem;
}
function isAbandoned(stray) {
  if (underWay.has(stray.path)) return false;
  if (stray.space === pidSpace() && !isAlive(stray.pid)) return true;
  const stats = fs.lstatSync(stray.path, { throwIfNoEntry: false });
  return stats !== void 0 && Date.now() - stats.mtimeMs > DAY_MS;
}
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}
function remember(path) {
  underWay.set(path, void 0);
  if (hooked) return;
  hooked = true;
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on("exit", removeAll);
}
function forget(path) {
  underWay.delete(path);
}
function interruption(path) {
  return underWay.get(path);
}
function removeAll() {
  for (const path of underWay.keys()) fs.rmSync(path, { force: true });
}
function onSignal(signal) {
  removeAll();
  for (const path of underWay.keys()) underWay.set(path, signal);
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
var NAME_LIMIT, DAY_MS, RESCAN_MS, space, TEMPORARY, strays, underWay, SIGNALS, hooked;
var init_temporary_files = __esm({
  "src/io/temporary-files.ts"() {
    "use strict";
    init_diagnostics();
    NAME_LIMIT = 255;
    DAY_MS = 24 * 3600 * 1e3;
    RESCAN_MS = 1e4;
    TEMPORARY = /^(\..+)\.tocsin-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp$/s;
    strays = /* @__PURE__ */ new Map();
    underWay = /* @__PURE__ */ new Map();
    SIGNALS = ["SIGINT", "SIGTERM"];
    hooked = false;
  }
});

// src/io/atomic-write.ts
import * as fs2 from "node:fs";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
async function writeAtomic(target, bytes, options = {}) {
  await (await stageFile(target, bytes, options)).commit();
}
async function stageFile(target, bytes, options = {}) {
  try {
    if (hasNul(target)) throw ioError("IO030", "the output path contains a NUL byte", { file: target });
    const existing = fs2.statSync(target, { throwIfNoEntry: false });
    if (existing === void 0 && target.endsWith("/")) throw isFolder(target);
    if (existing?.isDirectory()) throw isFolder(target);
    if (existing?.isFIFO() || existing?.isCharacterDevice()) return direct(target, bytes);
    if (existing !== void 0 && !existing.isFile()) {
      throw ioError("IO034", "is a block device or a socket", { file: target, expected: "a regular file" });
    }
    const place = followLinks(target);
    if (existing !== void 0 && options.force !== true) refuseProtected(target, place);
    removeStrays(place);
    const staged = new Staged(target, place, existing, options.mode);
    await staged.write(bytes);
    return staged;
  } catch (error) {
    throw writeFailure(error, target);
  }
}
function refuseProtected(target, place) {
  try {
    fs2.accessSync(place, fs2.constants.W_OK);
  } catch (error) {
    if (errnoOf(error) !== "EACCES") throw error;
    throw ioError("IO038", "exists and is write-protected", { file: target });
  }
}
function followLinks(path) {
  let place = path;
  for (let i = 0; i < LINK_LIMIT; i++) {
    if (!fs2.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return place;
    place = resolve(fs2.realpathSync(dirname(place)), fs2.readlinkSync(place));
  }
  throw ioError("IO030", "the symbolic links of the output path run in a circle", { file: path });
}
async function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await write2(fd, bytes, at, Math.min(bytes.length - at, WRITE_PIECE), null);
    at += bytesWritten;
  }
}
function adopt(fd, old) {
  let mode = old.mode & 511;
  const now = fs2.fstatSync(fd);
  if (now.uid !== old.uid || now.gid !== old.gid) {
    try {
      fs2.fchownSync(fd, process.geteuid?.() === 0 ? old.uid : -1, old.gid);
    } catch (error) {
      if (errnoOf(error) === void 0) throw error;
      if (now.gid !== old.gid) mode = mode & ~56 | (mode & 7) << 3;
    }
  }
  fs2.fchmodSync(fd, mode);
}
async function flushFolder(folder2, target) {
  let fd;
  try {
    fd = fs2.openSync(folder2, "r");
    await fsync2(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === void 0) throw error;
    if (errno === "EACCES" || errno === "EINVAL") return;
    throw ioError("IO036", `is in place, but its folder could not be flushed (${errno})`, { file: target });
  } finally {
    if (fd !== void 0) fs2.closeSync(fd);
  }
}
function direct(target, bytes) {
  return {
    readBack: () => void 0,
    commit: async () => {
      try {
        await writeDirectly(target, bytes);
      } catch (error) {
        throw writeFailure(error, target);
      }
    },
    discard: async () => {
    }
  };
}
async function writeDirectly(target, bytes) {
  const handle = await fs2.promises.open(target, fs2.constants.O_WRONLY);
  try {
    await writeAll(handle.fd, bytes);
  } finally {
    await handle.close();
  }
}
var PRIVATE_MODE, NEW_FILE_MODE, LINK_LIMIT, WRITE_PIECE, isFolder, Staged, write2, fsync2;
var init_atomic_write = __esm({
  "src/io/atomic-write.ts"() {
    "use strict";
    init_aligned();
    init_diagnostics();
    init_temporary_files();
    PRIVATE_MODE = 384;
    NEW_FILE_MODE = 438;
    LINK_LIMIT = 40;
    WRITE_PIECE = 16 << 20;
    isFolder = (file) => ioError("IO032", "is a folder", { file, expected: "the path of a file" });
    Staged = class {
      #target;
      #place;
      #existing;
      #mode;
      #temporary;
      #size = 0;
      /** Of `fsync`, once it has begun. */
      #flushed;
      constructor(target, place, existing, mode) {
        this.#target = target;
        this.#place = place;
        this.#existing = existing;
        this.#mode = mode;
        const keepsMode = existing !== void 0 || mode !== void 0;
        this.#temporary = createTemporary(place, keepsMode ? PRIVATE_MODE : NEW_FILE_MODE);
      }
      async write(bytes) {
        const { fd } = this.#temporary;
        try {
          await writeAll(fd, bytes);
          this.#size = bytes.length;
          if (this.#existing !== void 0) adopt(fd, this.#existing);
          else if (this.#mode !== void 0) fs2.fchmodSync(fd, this.#mode & 511);
        } catch (error) {
          await this.discard();
          throw error;
        }
        this.#flushed = fsync2(fd);
        this.#flushed.catch(() => {
        });
      }
      readBack() {
        const bytes = allocate(this.#size);
        let length = 0;
        while (length < bytes.length) {
          const count = fs2.readSync(this.#temporary.fd, bytes, length, bytes.length - length, length);
          if (count === 0) return bytes.subarray(0, length);
          length += count;
        }
        return bytes;
      }
      async commit() {
        const { fd, path } = this.#temporary;
        let open = true;
        try {
          await this.#flushed;
          open = false;
          fs2.closeSync(fd);
          const signal = interruption(path);
          if (signal !== void 0) throw ioError("IO037", `interrupted by ${signal}`, { file: this.#target });
          fs2.renameSync(path, this.#place);
        } catch (error) {
          if (open) fs2.closeSync(fd);
          fs2.rmSync(path, { force: true });
          throw writeFailure(error, this.#target);
        } finally {
          forget(path);
        }
        try {
          await flushFolder(dirname(this.#place), this.#target);
        } catch (error) {
          throw writeFailure(error, this.#target);
        }
      }
      async discard() {
        const { fd, path } = this.#temporary;
        await this.#flushed?.catch(() => {
        });
        fs2.closeSync(fd);
        fs2.rmSync(path, { force: true });
        forget(path);
      }
    };
    write2 = promisify(fs2.write);
    fsync2 = promisify(fs2.fsync);
  }
});

// src/util/version.ts
var version;
var init_version = __esm({
  "src/util/version.ts"() {
    "use strict";
    version = typeof TOCSIN_VERSION === "string" ? TOCSIN_VERSION : "0.0.0-source";
  }
});

// src/cli/kernel/build-id.ts
import * as fs3 from "node:fs";
function peekBuildId(path) {
  const file = fs3.openSync(path, fs3.constants.O_RDONLY);
  try {
    const header = readAt(file, 0, 64);
    if (header.length < 64 || header.readUInt32LE(0) !== 1179403647 || header[4] !== 2 || header[5] !== 1) return "";
    const count = header.readUInt16LE(60);
    const table2 = readAt(file, Number(header.readBigUInt64LE(40)), count * SHDR_SIZE);
    for (let at = 0; at + SHDR_SIZE <= table2.length; at += SHDR_SIZE) {
      const size = Number(table2.readBigUInt64LE(at + 32));
      if (table2.readUInt32LE(at + 4) !== SHT_NOTE || size > NOTES_LIMIT) continue;
      const id = buildIdIn(readAt(file, Number(table2.readBigUInt64LE(at + 24)), size));
      if (id !== "") return id;
    }
    return "";
  } finally {
    fs3.closeSync(file);
  }
}
function buildIdIn(notes) {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = notes.readUInt32LE(at);
    const size = notes.readUInt32LE(at + 4);
    const start = at + 12 + (nameSize + 3 & ~3);
    if (notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID && notes.toString("latin1", at + 12, at + 15) === "GNU")
      return notes.toString("hex", start, start + size);
    at = start + (size + 3 & ~3);
  }
  return "";
}
function readAt(file, position, length) {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, fs3.readSync(file, bytes, 0, length, position));
}
var NT_GNU_BUILD_ID, NOTES_LIMIT;
var init_build_id = __esm({
  "src/cli/kernel/build-id.ts"() {
    "use strict";
    init_constants();
    NT_GNU_BUILD_ID = 3;
    NOTES_LIMIT = 1 << 16;
  }
});

// src/cli/kernel/pieces.ts
import * as fs4 from "node:fs";
import { basename as basename2, dirname as dirname2, join, resolve as resolve2 } from "node:path";
function findPieces(path, root = "/") {
  const kind = kindOf(path);
  if (kind?.isDirectory()) return ofFolder(path);
  if (kind !== void 0) return besideImage(path);
  if (!path.includes("/"))
    for (const folder2 of MODULE_FOLDERS) {
      const modules = join(root, folder2, path);
      if (isFolder2(modules)) return ofRelease(resolve2(root), modules, path);
    }
  throw new InputError({
    code: "KER013",
    message: "no such file, and no installed kernel of this name",
    file: path,
    expected: "an index, a vmlinux, /lib/modules/RELEASE, or a release below /lib/modules",
    remedy: "see which kernels are installed: ls /lib/modules"
  });
}
function ofFolder(path) {
  const folder2 = fs4.realpathSync(path);
  const match = /^(.*?)\/(?:usr\/)?lib\/modules\/([^/]+)$/.exec(folder2);
  if (match !== null) return ofRelease(match[1] === "" ? "/" : match[1], folder2, match[2]);
  const releases = MODULE_FOLDERS.flatMap((below) => {
    const modules = join(folder2, below);
    return isFolder2(modules) ? fs4.readdirSync(modules).map((name) => join(modules, name)) : [];
  }).filter(isFolder2);
  const distinct = new Map(releases.map((release) => [fs4.realpathSync(release), release]));
  if (distinct.size === 1) {
    const modules = [...distinct.keys()][0];
    return ofRelease(folder2, modules, basename2(modules));
  }
  throw new InputError({
    code: "KER013",
    message: distinct.size === 0 ? "the folder holds no kernel" : "the folder holds several kernels",
    file: path,
    expected: "a folder .../lib/modules/RELEASE",
    found: [...distinct.keys()].map((name) => basename2(name)).join(", ") || void 0,
    remedy: "name the release: FOLDER/lib/modules/RELEASE"
  });
}
function ofRelease(root, modules, release) {
  const builds = [join(root, "usr/src", `linux-headers-${release}`), join(root, "usr/src/kernels", release)];
  const build = join(modules, "build");
  if (root === "/" || leadsBelow(build, root)) builds.push(build);
  const boot = join(root, "boot");
  const debug = join(root, "usr/lib/debug");
  return {
    images: [
      join(boot, `vmlinux-${release}`),
      join(modules, "vmlinux"),
      join(modules, "vmlinuz"),
      join(boot, `vmlinuz-${release}`),
      join(debug, "boot", `vmlinux-${release}`),
      join(debug, "lib/modules", release, "vmlinux"),
      join(debug, "usr/lib/modules", release, "vmlinux"),
      ...builds.map((folder2) => join(folder2, "vmlinux"))
    ].flatMap((path) => PACKED.map((ending) => path + ending)).filter(isFile),
    systemMap: firstFile([join(boot, `System.map-${release}`), join(modules, "System.map")]),
    symvers: firstFile([
      ...builds.map((folder2) => join(folder2, "Module.symvers")),
      ...PACKED.flatMap((ending) => [join(boot, `symvers-${release}${ending}`), join(modules, `symvers${ending}`)])
    ]),
    config: firstFile([
      join(boot, `config-${release}`),
      join(modules, "config"),
      ...builds.map((folder2) => join(folder2, ".config"))
    ]),
    modulesFolder: modules
  };
}
function besideImage(path) {
  const folder2 = dirname2(path);
  const release = /^vmlinu[xz]-(.+?)(?:\.(?:xz|zst|gz))?$/.exec(basename2(path))?.[1];
  const isInModules = /\/lib\/modules\/[^/]+$/.test(`/${resolve2(folder2).slice(1)}`);
  const near = (name) => [
    ...release === void 0 ? [] : [join(folder2, `${name}-${release}`)],
    ...isInModules ? [join(folder2, name)] : []
  ];
  return {
    images: [path],
    systemMap: firstFile(near("System.map")),
    config: firstFile(near("config")),
    modulesFolder: isInModules ? folder2 : void 0
  };
}
function kindOf(path) {
  try {
    return fs4.statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === void 0) throw error;
    return void 0;
  }
}
function isFile(path) {
  return kindOf(path)?.isFile() ?? false;
}
function isFolder2(path) {
  return kindOf(path)?.isDirectory() ?? false;
}
function firstFile(paths) {
  return paths.find(isFile);
}
function leadsBelow(path, root) {
  try {
    return fs4.realpathSync(path).startsWith(`${root}/`);
  } catch {
    return false;
  }
}
function someModule(folder2) {
  const pending = [join(folder2, "kernel"), folder2];
  for (let below = pending.pop(); below !== void 0; below = pending.pop()) {
    let entries2;
    try {
      entries2 = fs4.readdirSync(below, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry2 of entries2) {
      if (entry2.isFile() && MODULE_NAME.test(entry2.name)) return join(below, entry2.name);
      if (entry2.isDirectory() && below !== folder2) pending.push(join(below, entry2.name));
    }
  }
  return void 0;
}
var PACKED, MODULE_FOLDERS, MODULE_NAME;
var init_pieces = __esm({
  "src/cli/kernel/pieces.ts"() {
    "use strict";
    init_diagnostics();
    init_errors();
    PACKED = ["", ".xz", ".zst", ".gz"];
    MODULE_FOLDERS = ["lib/modules", "usr/lib/modules"];
    MODULE_NAME = /\.ko(?:\.xz|\.zst|\.gz)?$/;
  }
});

// src/elf/header.ts
function reject(complaint) {
  throw new InputError(complaint);
}
function checkIdentification(bytes, words2) {
  if (bytes.length < 4 || words2[0] !== 1179403647)
    reject({
      code: "ELF001",
      message: "not an ELF file",
      expected: "the bytes 7f 45 4c 46 at the start",
      found: bytes.length === 0 ? "an empty file" : Buffer.from(bytes.slice(0, 4)).toString("hex"),
      remedy: "give a .ko, .o or vmlinux of ppc64le (plain or packed with xz, zstd or gzip)"
    });
  if (bytes.length < 6)
    reject({
      code: "ELF006",
      message: "the file ends inside the ELF header",
      expected: `${EHDR_SIZE} bytes`,
      found: `${bytes.length}`,
      remedy: DAMAGED
    });
  if (bytes[4] !== 2)
    reject({
      code: "ELF002",
      message: bytes[4] === 1 ? "a 32-bit ELF file" : "an ELF file of unknown class",
      expected: "ELFCLASS64 (2)",
      found: `${bytes[4]}`,
      remedy: "tocsin reads 64-bit little-endian PowerPC files only"
    });
  if (bytes[5] !== 1)
    reject({
      code: "ELF003",
      message: bytes[5] === 2 ? "a big-endian ELF file" : "an ELF file of unknown byte order",
      expected: "ELFDATA2LSB (1)",
      found: `${bytes[5]}`,
      remedy: "tocsin reads little-endian ppc64le files only; big-endian ppc64 uses another ABI"
    });
  if (bytes.length < EHDR_SIZE)
    reject({
      code: "ELF006",
      message: "the file ends inside the ELF header",
      expected: `${EHDR_SIZE} bytes`,
      found: `${bytes.length}`,
      remedy: DAMAGED
    });
  if (bytes[6] !== 1 || words2[5] !== 1)
    reject({
      code: "ELF007",
      message: "an ELF version that nobody defined",
      expected: "1",
      found: `${bytes[6]} and ${words2[5]}`,
      remedy: DAMAGED
    });
}
function checkMachine(words2) {
  const e_machine = words2[4] >>> 16;
  const e_type = words2[4] & 65535;
  const abi = words2[12] & EF_PPC64_ABI;
  if (e_machine !== EM_PPC64)
    reject({
      code: "ELF004",
      message: "an ELF file for another machine",
      expected: `EM_PPC64 (${EM_PPC64})`,
      found: `e_machine ${e_machine}`,
      remedy: "tocsin reads ppc64le files only"
    });
  if (abi === 1 || abi === 3)
    reject({
      code: "ELF005",
      message: abi === 1 ? "an object of the ELFv1 ABI (function descriptors)" : "an object of an unknown ABI version",
      expected: "ELFv2 (e_flags & 3 = 2)",
      found: `e_flags & 3 = ${abi}`,
      remedy: "build with -mabi=elfv2, as ppc64le kernels are built"
    });
  if (e_type !== ET_REL && e_type !== ET_EXEC && e_type !== ET_DYN)
    reject({
      code: "ELF008",
      message: "an ELF file that is neither an object nor an image",
      expected: "ET_REL, ET_EXEC or ET_DYN",
      found: `e_type ${e_type}`,
      remedy: "give a .ko, .o or vmlinux"
    });
}
function requireTable(file, code, what, offset, count, size) {
  if (offset % 8 === 0 && offset >= EHDR_SIZE && offset + count * size <= file.length) return;
  reject({
    code,
    message: offset % 8 === 0 ? `the ${what} does not lie in the file` : `the ${what} is not aligned`,
    offset,
    expected: `${count} entries of ${size} bytes, 8-byte aligned, before the end at 0x${file.length.toString(16)}`,
    found: `0x${offset.toString(16)} to 0x${(offset + count * size).toString(16)}`,
    remedy: DAMAGED
  });
}
function readHeader(bytes, words2) {
  checkIdentification(bytes, words2);
  checkMachine(words2);
  const e_ehsize = words2[13] & 65535;
  const e_phoff = unsigned64(words2[8], words2[9]);
  const e_shoff = unsigned64(words2[10], words2[11]);
  const e_phentsize = words2[13] >>> 16;
  const e_phnum = words2[14] & 65535;
  const e_shentsize = words2[14] >>> 16;
  let shnum = words2[15] & 65535;
  let shstrndx = words2[15] >>> 16;
  if (e_ehsize !== EHDR_SIZE || e_shentsize !== SHDR_SIZE || e_phnum > 0 && e_phentsize !== PHDR_SIZE)
    reject({
      code: "ELF009",
      message: "the ELF header gives its tables entries of an unknown size",
      expected: `${EHDR_SIZE}, ${SHDR_SIZE} and ${PHDR_SIZE} bytes (header, section, segment)`,
      found: `${e_ehsize}, ${e_shentsize} and ${e_phentsize}`,
      remedy: DAMAGED
    });
  requireTable(bytes, "ELF010", "section header table", e_shoff, Math.max(shnum, 1), SHDR_SIZE);
  const first = e_shoff / 4;
  if (shnum === 0) shnum = unsigned64(words2[first + 8], words2[first + 9]);
  if (shstrndx === SHN_XINDEX) shstrndx = words2[first + 10];
  requireTable(bytes, "ELF010", "section header table", e_shoff, Math.max(shnum, 1), SHDR_SIZE);
  if (e_phnum > 0) requireTable(bytes, "ELF010", "program header table", e_phoff, e_phnum, PHDR_SIZE);
  return {
    e_type: words2[4] & 65535,
    e_flags: words2[12],
    e_phoff,
    e_phnum,
    e_shoff,
    shnum,
    shstrndx
  };
}
var DAMAGED;
var init_header = __esm({
  "src/elf/header.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    init_constants();
    DAMAGED = "the file is damaged or incomplete: build or copy it again";
  }
});

// src/elf/relocations.ts
var RELA_WORDS, Relocations;
var init_relocations = __esm({
  "src/elf/relocations.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    RELA_WORDS = 6;
    Relocations = class {
      section;
      words;
      count;
      /** Whether r_offset never falls from one entry to the next, as the assembler and `ld -r` leave it. */
      sorted;
      /** Whether all r_offsets share their upper 32 bits. */
      sameHigh;
      /**
       * @param symbolCount entries of the symbol table that `sh_link` names
       * @param targetEnd one past the last byte that `r_offset` may name: the size of the patched section in a relocatable
       *   file, infinity in a linked one, where `r_offset` is an address
       */
      constructor(section, words2, symbolCount, targetEnd) {
        this.section = section;
        this.words = words2;
        this.count = Math.floor(words2.length / RELA_WORDS);
        const { sorted, sameHigh } = this.#check(symbolCount, targetEnd);
        this.sorted = sorted;
        this.sameHigh = sameHigh;
      }
      #check(symbolCount, targetEnd) {
        const { words: words2 } = this;
        const bounded = targetEnd !== Number.POSITIVE_INFINITY;
        const end = this.count * RELA_WORDS;
        const high = words2[1] ?? 0;
        let sorted = true;
        let sameHigh = true;
        let before = 0;
        for (let w = 0; w < end; w += RELA_WORDS) {
          const low = words2[w];
          if (low < before) sorted = false;
          before = low;
          if (words2[w + 1] !== high) sameHigh = false;
          if (bounded && (words2[w + 1] !== 0 || low >= targetEnd)) this.#badOffset(w, targetEnd);
          if (words2[w + 3] >= symbolCount) this.#badSymbol(w, symbolCount);
        }
        return { sorted, sameHigh };
      }
      #badOffset(w, targetEnd) {
        const i = w / RELA_WORDS;
        throw new InputError({
          code: "ELF019",
          message: `relocation ${i} lies outside the section that it changes`,
          section: this.section.name,
          offset: i * 24,
          expected: `an r_offset below 0x${targetEnd.toString(16)}`,
          found: `0x${unsigned64(this.words[w], this.words[w + 1]).toString(16)}`,
          remedy: "the file is damaged: build or copy it again"
        });
      }
      #badSymbol(w, symbolCount) {
        const i = w / RELA_WORDS;
        throw new InputError({
          code: "ELF018",
          message: `relocation ${i} names a symbol that does not exist`,
          section: this.section.name,
          offset: i * 24,
          expected: `a symbol index below ${symbolCount}`,
          found: `${this.words[w + 3]}`,
          remedy: "the file is damaged: build or copy it again"
        });
      }
      /** Bytes from the start of the section that is relocated (relocatable files). */
      offset(i) {
        return unsigned64(this.words[i * RELA_WORDS], this.words[i * RELA_WORDS + 1]);
      }
      type(i) {
        return this.words[i * RELA_WORDS + 2];
      }
      symbol(i) {
        return this.words[i * RELA_WORDS + 3];
      }
      /** Exact while its magnitude is below 2^53: always so in relocatable files of any use. */
      addend(i) {
        return signed64(this.words[i * RELA_WORDS + 4], this.words[i * RELA_WORDS + 5]);
      }
      /**
       * Entry numbers in the order of r_offset, entries with one offset in file order; `undefined` where they already stand
       * so.
       */
      order() {
        if (this.sorted) return void 0;
        const order = new Uint32Array(this.count);
        for (let i = 0; i < order.length; i++) order[i] = i;
        return order.sort((a, b) => this.offset(a) - this.offset(b) || a - b);
      }
      /** The first entry at `offset` or behind it in a sorted table; `count` where there is none. */
      lowerBound(offset) {
        let low = 0;
        let high = this.count;
        while (low < high) {
          const middle = low + high >>> 1;
          if (this.offset(middle) < offset) low = middle + 1;
          else high = middle;
        }
        return low;
      }
    };
  }
});

// src/elf/section.ts
var Section;
var init_section = __esm({
  "src/elf/section.ts"() {
    "use strict";
    init_bytes();
    init_constants();
    Section = class {
      index;
      sh_name;
      sh_type;
      /** The low 32 bits; no flag that is defined for PowerPC lies above them. */
      sh_flags;
      addressLow;
      addressHigh;
      sh_offset;
      sh_size;
      sh_link;
      sh_info;
      sh_addralign;
      sh_entsize;
      // Plain fields: a module has some sixty sections, and private names cost a third of the time to make one.
      names;
      text;
      constructor(words2, at, index2, names3) {
        this.index = index2;
        this.sh_name = words2[at];
        this.sh_type = words2[at + 1];
        this.sh_flags = words2[at + 2];
        this.addressLow = words2[at + 4];
        this.addressHigh = words2[at + 5];
        this.sh_offset = unsigned64(words2[at + 6], words2[at + 7]);
        this.sh_size = unsigned64(words2[at + 8], words2[at + 9]);
        this.sh_link = words2[at + 10];
        this.sh_info = words2[at + 11];
        this.sh_addralign = unsigned64(words2[at + 12], words2[at + 13]);
        this.sh_entsize = unsigned64(words2[at + 14], words2[at + 15]);
        this.names = names3;
        this.text = void 0;
      }
      get name() {
        this.text ??= this.names === void 0 ? "" : this.names.at(this.sh_name);
        return this.text;
      }
      /** Whether the name is `text` (ASCII), without making a string of it. */
      isNamed(text2) {
        return this.names?.equals(this.sh_name, text2) ?? false;
      }
      get sh_addr() {
        return big64(this.addressLow, this.addressHigh);
      }
      /** Whether bytes of the file belong to it. */
      get hasContents() {
        return this.sh_type !== SHT_NOBITS && this.sh_type !== SHT_NULL && this.sh_size > 0;
      }
      get isAllocated() {
        return (this.sh_flags & SHF_ALLOC) !== 0;
      }
      /** Allocated, executable, and with code in the file. */
      get isCode() {
        return (this.sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR) && this.hasContents;
      }
    };
  }
});

// src/elf/strings.ts
import { isAscii } from "node:buffer";
var LONGEST_TEXT, StringTable;
var init_strings = __esm({
  "src/elf/strings.ts"() {
    "use strict";
    init_errors();
    LONGEST_TEXT = 1 << 28;
    StringTable = class {
      bytes;
      /** Offsets below this one are good: the table's last NUL lies behind them. Bytes. */
      limit;
      #text;
      /** The whole table as text, where it is ASCII: a piece of a string costs a fraction of one made from bytes. */
      #ascii;
      #asked = false;
      constructor(bytes) {
        this.bytes = bytes;
        this.limit = bytes.lastIndexOf(0) + 1;
        this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      }
      /** The string at `offset` (bytes). Throws `InputError` ELF013 where no NUL ends it. */
      at(offset) {
        if (offset >= this.limit)
          throw new InputError({
            code: "ELF013",
            message: "a name points outside its string table",
            expected: `an offset below 0x${this.limit.toString(16)}`,
            found: `0x${offset.toString(16)}`,
            remedy: "the file is damaged: build or copy it again"
          });
        const text2 = this.#wholeText();
        if (text2 !== void 0) return text2.slice(offset, text2.indexOf("\0", offset));
        return this.#text.toString("utf8", offset, this.bytes.indexOf(0, offset));
      }
      #wholeText() {
        if (!this.#asked) {
          this.#asked = true;
          if (this.bytes.length <= LONGEST_TEXT && isAscii(this.bytes)) this.#ascii = this.#text.toString("latin1");
        }
        return this.#ascii;
      }
      /** Whether the string at `offset` is `text` (ASCII bytes without the NUL), without making a string of it. */
      equals(offset, text2) {
        const { bytes } = this;
        if (offset + text2.length >= this.limit || bytes[offset + text2.length] !== 0) return false;
        for (let i = 0; i < text2.length; i++) if (bytes[offset + i] !== text2[i]) return false;
        return true;
      }
      /**
       * Every offset at which `text` stands as a whole string. A name may also be the end of a longer one: linkers let short names
       * share the bytes of long ones.
       */
      *offsetsOf(text2) {
        const wanted = `${text2}\0`;
        for (let at = this.#text.indexOf(wanted); at >= 0; at = this.#text.indexOf(wanted, at + 1)) yield at;
      }
    };
  }
});

// src/elf/symbols.ts
var SYMBOL_WORDS, WORDS, SymbolTable;
var init_symbols = __esm({
  "src/elf/symbols.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    init_constants();
    SYMBOL_WORDS = 6;
    WORDS = SYMBOL_WORDS;
    SymbolTable = class {
      section;
      words;
      count;
      strings;
      #extended;
      #sections;
      #relocatable;
      constructor(section, words2, strings, extended, sections2, relocatable) {
        this.section = section;
        this.words = words2;
        this.count = Math.floor(words2.length / WORDS);
        this.strings = strings;
        this.#extended = extended;
        this.#sections = sections2;
        this.#relocatable = relocatable;
        this.#check();
      }
      #check() {
        const { words: words2, count } = this;
        const limit = this.strings.limit;
        const sections2 = this.#sections.length;
        for (let i = 0, w = 0; i < count; i++, w += WORDS) {
          const name = words2[w];
          if (name >= limit && name !== 0)
            throw this.#bad(
              "ELF016",
              i,
              "a symbol name points outside the string table",
              `below 0x${limit.toString(16)}`,
              `0x${name.toString(16)}`
            );
          const shndx = words2[w + 1] >>> 16;
          if (shndx < SHN_LORESERVE ? shndx >= sections2 : shndx === SHN_XINDEX && this.#extendedIndex(i) >= sections2)
            throw this.#bad(
              "ELF017",
              i,
              "a symbol names a section that does not exist",
              `below ${sections2}`,
              `${shndx === SHN_XINDEX ? this.#extendedIndex(i) : shndx}`
            );
        }
      }
      #extendedIndex(i) {
        return this.#extended?.[i] ?? Number.POSITIVE_INFINITY;
      }
      #bad(code, i, message, expected, found2) {
        return new InputError({
          code,
          message: `symbol ${i}: ${message}`,
          section: this.section.name,
          offset: i * 4 * WORDS,
          expected,
          found: found2,
          remedy: "the file is damaged: build or copy it again"
        });
      }
      st_name(i) {
        return this.words[i * WORDS];
      }
      type(i) {
        return this.words[i * WORDS + 1] & 15;
      }
      binding(i) {
        return this.words[i * WORDS + 1] >>> 4 & 15;
      }
      st_other(i) {
        return this.words[i * WORDS + 1] >>> 8 & 255;
      }
      /** `st_shndx` as it stands in the file: special values (0xff00 and above) are not translated. */
      rawSection(i) {
        return this.words[i * WORDS + 1] >>> 16;
      }
      /** The section that the symbol is defined in, or 0 where there is none (undefined, absolute, common, livepatch). */
      sectionOf(i) {
        const shndx = this.words[i * WORDS + 1] >>> 16;
        if (shndx < SHN_LORESERVE) return shndx;
        return shndx === SHN_XINDEX ? this.#extendedIndex(i) : 0;
      }
      valueLow(i) {
        return this.words[i * WORDS + 2];
      }
      valueHigh(i) {
        return this.words[i * WORDS + 3];
      }
      /** `st_value`; exact below 2^53, which holds for every section offset. */
      value(i) {
        return unsigned64(this.words[i * WORDS + 2], this.words[i * WORDS + 3]);
      }
      address(i) {
        return big64(this.words[i * WORDS + 2], this.words[i * WORDS + 3]);
      }
      /**
       * Bytes from the start of the symbol's section: `st_value` itself in a relocatable file, where `ld -r` may leave
       * section addresses that mean nothing; `st_value` less the section's address in a linked one.
       */
      offsetInSection(i) {
        const section = this.#sections[this.sectionOf(i)];
        const low = this.words[i * WORDS + 2];
        const high = this.words[i * WORDS + 3];
        if (this.#relocatable || section === void 0) return unsigned64(low, high);
        return (high - section.addressHigh) * 4294967296 + (low - section.addressLow);
      }
      /** `st_size`, bytes. */
      size(i) {
        return unsigned64(this.words[i * WORDS + 4], this.words[i * WORDS + 5]);
      }
      /** The name; a section symbol without one has its section's. */
      name(i) {
        const at = this.words[i * WORDS];
        if (at === 0) {
          if (this.type(i) !== STT_SECTION) return "";
          return this.#sections[this.sectionOf(i)]?.name ?? "";
        }
        return this.strings.at(at);
      }
      /** The first symbol called `name` for which `accept` holds, or -1. */
      find(name, accept) {
        const [first, ...more] = this.strings.offsetsOf(name);
        if (first === void 0) return -1;
        const others2 = more.length > 0 ? new Set(more) : void 0;
        for (let i = 1, w = WORDS; i < this.count; i++, w += WORDS) {
          const at = this.words[w];
          if ((at === first || others2?.has(at) === true) && (accept === void 0 || accept(i))) return i;
        }
        return -1;
      }
    };
  }
});

// src/elf/read.ts
function misaligned(section, alignment) {
  return new InputError({
    code: "ELF024",
    message: "a section of words does not start on a word boundary of the file",
    section: section.name,
    expected: `a multiple of ${alignment}`,
    found: `0x${section.sh_offset.toString(16)}`,
    remedy: DAMAGED2
  });
}
function badLink(section, field2, expected, found2) {
  return new InputError({
    code: "ELF014",
    message: `${field2} of the section leads nowhere`,
    section: section.name,
    expected,
    found: `${found2}`,
    remedy: DAMAGED2
  });
}
function tableWords(elf, section, entry2) {
  if (section.sh_entsize !== entry2 || section.sh_size % entry2 !== 0)
    throw new InputError({
      code: "ELF015",
      message: "a table is not made of whole entries",
      section: section.name,
      expected: `entries of ${entry2} bytes`,
      found: `sh_entsize ${section.sh_entsize}, size ${section.sh_size}`,
      remedy: DAMAGED2
    });
  if (section.hasContents && section.sh_offset % 8 !== 0) throw misaligned(section, 8);
  return elf.sectionWords(section);
}
function stringTable(elf, user) {
  const section = elf.sections[user.sh_link];
  if (section === void 0 || section.sh_type !== SHT_STRTAB)
    throw badLink(user, "sh_link", "the index of a string table", user.sh_link);
  return new StringTable(elf.contents(section));
}
function readSymbols2(elf, section) {
  const words2 = tableWords(elf, section, SYM_SIZE);
  const strings = stringTable(elf, section);
  const extended = elf.sections.find((s) => s.sh_type === SHT_SYMTAB_SHNDX && s.sh_link === section.index);
  if (section.sh_info > section.sh_size / SYM_SIZE)
    throw badLink(section, "sh_info", "at most the number of symbols", section.sh_info);
  return new SymbolTable(
    section,
    words2,
    strings,
    extended === void 0 ? void 0 : elf.sectionWords(extended),
    elf.sections,
    elf.isRelocatable
  );
}
function readRelocations(elf, section) {
  const words2 = tableWords(elf, section, RELA_SIZE);
  const symbols2 = elf.sections[section.sh_link];
  const linked = elf.isRelocatable ? symbols2 !== void 0 && symbols2 === elf.symbols?.section : isSymbolTable(symbols2);
  if (!linked && (elf.isRelocatable || section.sh_link !== 0))
    throw badLink(section, "sh_link", "the index of a symbol table", section.sh_link);
  const symbolCount = linked ? Math.floor(symbols2.sh_size / SYM_SIZE) : 1;
  if (!elf.isRelocatable) return new Relocations(section, words2, symbolCount, Number.POSITIVE_INFINITY);
  const target = elf.sections[section.sh_info];
  if (target === void 0 || target.sh_type === SHT_NULL)
    throw badLink(section, "sh_info", "the index of the section that is relocated", section.sh_info);
  return new Relocations(section, words2, symbolCount, target.sh_size);
}
function isSymbolTable(section) {
  return section?.sh_type === SHT_SYMTAB || section?.sh_type === SHT_DYNSYM;
}
function checkInFile(section, size) {
  if (!section.hasContents || section.sh_offset + section.sh_size <= size) return;
  throw new InputError({
    code: "ELF011",
    message: `section ${section.index} does not lie in the file`,
    expected: `its end at 0x${size.toString(16)} or before`,
    found: `0x${section.sh_offset.toString(16)} to 0x${(section.sh_offset + section.sh_size).toString(16)}`,
    remedy: DAMAGED2
  });
}
function checkSection(section, size, names3) {
  checkInFile(section, size);
  if (section.sh_name >= names3.limit) names3.at(section.sh_name);
  const alignment = section.sh_addralign;
  if (alignment > 2147483648 || (alignment & alignment - 1) !== 0) throw badAlignment(section);
  if (section.sh_type === SHT_REL)
    throw new InputError({
      code: "ELF023",
      message: "a section holds relocations without addends",
      section: section.name,
      expected: "SHT_RELA, the only kind that PowerPC64 has",
      found: "SHT_REL",
      remedy: DAMAGED2
    });
}
function badAlignment(section) {
  return new InputError({
    code: "ELF025",
    message: "a section asks for an alignment that is not a power of two",
    section: section.name,
    expected: "a power of two up to 0x80000000",
    found: `0x${section.sh_addralign.toString(16)}`,
    remedy: DAMAGED2
  });
}
function sectionZero(section) {
  return new InputError({
    code: "ELF032",
    message: "the first section is not the empty one",
    expected: "SHT_NULL (0)",
    found: `sh_type ${section.sh_type}`,
    remedy: DAMAGED2
  });
}
function insertRange(count, start, end, owner) {
  let at = count;
  for (; at > 0 && starts[at - 1] > start; at--) {
    starts[at] = starts[at - 1];
    ends[at] = ends[at - 1];
    owners[at] = owners[at - 1];
  }
  starts[at] = start;
  ends[at] = end;
  owners[at] = owner;
}
function checkOverlaps(header, sections2) {
  if (starts.length < sections2.length + 3) {
    starts = new Float64Array(sections2.length * 2);
    ends = new Float64Array(sections2.length * 2);
    owners = new Int32Array(sections2.length * 2);
  }
  let count = 0;
  insertRange(count++, 0, EHDR_SIZE, OWNER_HEADER);
  if (header.e_phnum > 0)
    insertRange(count++, header.e_phoff, header.e_phoff + header.e_phnum * PHDR_SIZE, OWNER_SEGMENTS);
  const insert = (s) => insertRange(count++, s.sh_offset, s.sh_offset + s.sh_size, s.index);
  if (sections2.length > MANY) {
    for (const s of [...sections2].sort((a, b) => a.sh_offset - b.sh_offset)) if (s.hasContents) insert(s);
  } else {
    for (const s of sections2) if (s.sh_type !== SHT_RELA && s.hasContents) insert(s);
    for (const s of sections2) if (s.sh_type === SHT_RELA && s.hasContents) insert(s);
  }
  insertRange(count++, header.e_shoff, header.e_shoff + header.shnum * SHDR_SIZE, OWNER_SECTIONS);
  for (let k2 = 1; k2 < count; k2++)
    if (starts[k2] < ends[k2 - 1]) throw overlap(owners[k2 - 1], owners[k2], starts[k2], ends[k2 - 1]);
}
function overlap(first, second, start, end) {
  const title = (owner) => owner >= 0 ? `section ${owner}` : ["the ELF header", "the section header table", "the program header table"][-1 - owner];
  return new InputError({
    code: "ELF012",
    message: `${title(first)} and ${title(second)} claim the same bytes`,
    offset: start,
    expected: "tables that do not overlap",
    found: `0x${(end - start).toString(16)} bytes in common`,
    remedy: DAMAGED2
  });
}
function readElf(file) {
  requireLittleEndianHost();
  const bytes = aligned(file);
  const words2 = wordsOf(bytes);
  const header = readHeader(bytes, words2);
  const names3 = sectionNameTable(bytes, words2, header);
  const sections2 = new Array(header.shnum);
  for (let i = 0, at = header.e_shoff / 4; i < header.shnum; i++, at += SHDR_SIZE / 4) {
    const section = new Section(words2, at, i, names3);
    sections2[i] = section;
    checkSection(section, bytes.length, names3);
  }
  if (sections2.length > 0 && sections2[0].sh_type !== SHT_NULL) throw sectionZero(sections2[0]);
  checkOverlaps(header, sections2);
  return new ElfFile(bytes, words2, header, sections2, names3);
}
function sectionNameTable(bytes, words2, header) {
  if (header.shnum === 0) return new StringTable(new Uint8Array(0));
  const table2 = header.shstrndx < header.shnum ? new Section(words2, (header.e_shoff + header.shstrndx * SHDR_SIZE) / 4, header.shstrndx, void 0) : void 0;
  if (table2 === void 0 || table2.sh_type !== SHT_STRTAB)
    throw new InputError({
      code: "ELF014",
      message: "e_shstrndx does not lead to the section names",
      expected: "the index of a string table",
      found: `${header.shstrndx}`,
      remedy: DAMAGED2
    });
  checkInFile(table2, bytes.length);
  return new StringTable(bytes.subarray(table2.sh_offset, table2.sh_offset + table2.sh_size));
}
var DAMAGED2, ElfFile, starts, ends, owners, MANY, OWNER_HEADER, OWNER_SECTIONS, OWNER_SEGMENTS;
var init_read = __esm({
  "src/elf/read.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    init_constants();
    init_header();
    init_relocations();
    init_section();
    init_strings();
    init_symbols();
    DAMAGED2 = "the file is damaged or incomplete: build or copy it again";
    ElfFile = class {
      /** The whole file. Read-only by contract: nobody may write through it. */
      bytes;
      /** The same memory as 32-bit words. */
      words;
      header;
      sections;
      sectionNames;
      #symbols;
      #symbolsRead = false;
      #relocations = /* @__PURE__ */ new Map();
      constructor(bytes, words2, header, sections2, names3) {
        this.bytes = bytes;
        this.words = words2;
        this.header = header;
        this.sections = sections2;
        this.sectionNames = names3;
      }
      get isRelocatable() {
        return this.header.e_type === ET_REL;
      }
      /** The bytes of a section; empty for one without contents in the file. */
      contents(section) {
        if (!section.hasContents) return new Uint8Array(0);
        return this.bytes.subarray(section.sh_offset, section.sh_offset + section.sh_size);
      }
      /**
       * The 32-bit words of a section (code, tables of words), up to three bytes at its end left out.
       *
       * @throws InputError ELF024 where it does not start on a 4-byte boundary of the file
       */
      sectionWords(section) {
        if (!section.hasContents) return new Uint32Array(0);
        if (section.sh_offset % 4 !== 0) throw misaligned(section, 4);
        const first = section.sh_offset / 4;
        return this.words.subarray(first, first + (section.sh_size >>> 2));
      }
      /** The first section called `name`, if there is one. */
      sectionNamed(name) {
        const text2 = new TextEncoder().encode(name);
        return this.sections.find((s) => s.index > 0 && s.isNamed(text2));
      }
      /**
       * The symbol table (`.symtab`), if there is one.
       *
       * @throws InputError ELF014 to ELF017
       */
      get symbols() {
        if (!this.#symbolsRead) {
          const section = this.sections.find((s) => s.sh_type === SHT_SYMTAB);
          if (section !== void 0) this.#symbols = readSymbols2(this, section);
          this.#symbolsRead = true;
        }
        return this.#symbols;
      }
      /**
       * The entries of an SHT_RELA section.
       *
       * @throws InputError ELF014, ELF015, ELF018, ELF019, ELF024
       */
      relocations(section) {
        let relocations = this.#relocations.get(section.index);
        if (relocations === void 0) {
          relocations = readRelocations(this, section);
          this.#relocations.set(section.index, relocations);
        }
        return relocations;
      }
      /** The SHT_RELA sections of a relocatable file that patch `target`, in file order. */
      relocationSectionsFor(target) {
        return this.sections.filter((s) => s.sh_type === SHT_RELA && s.sh_info === target);
      }
    };
    starts = new Float64Array(256);
    ends = new Float64Array(256);
    owners = new Int32Array(256);
    MANY = 1024;
    OWNER_HEADER = -1;
    OWNER_SECTIONS = -2;
    OWNER_SEGMENTS = -3;
  }
});

// src/io/gzip.ts
function isGzip(bytes) {
  return bytes[0] === 31 && bytes[1] === 139 && bytes[2] === 8;
}
function expandGzip(bytes, limit) {
  if (bytes.length < 18) throw ioError("IO010", "gzip data: it ends in the middle");
  const hint = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  const chunkSize = Math.min(Math.max(Math.min(hint, bytes.length * MAX_RATIO) + 1, CHUNK_MIN), CHUNK_MAX);
  let result;
  try {
    const options = { info: true, chunkSize, maxOutputLength: limit };
    result = zlib().gunzipSync(bytes, options);
  } catch (error) {
    const { code, message } = error;
    if (code === "ERR_BUFFER_TOO_LARGE") {
      throw ioError("IO011", "gzip data expands beyond the limit", { expected: `at most ${limit} bytes` });
    }
    if (code?.startsWith("Z_")) throw ioError("IO010", `gzip data: ${message}`);
    throw error;
  }
  const end = result.engine.bytesWritten;
  if (bytes.subarray(end).some((byte) => byte !== 0)) {
    throw ioError("IO010", "gzip data: foreign bytes after the end", { offset: end });
  }
  return aligned2(result.buffer);
}
var MAX_RATIO, CHUNK_MIN, CHUNK_MAX, zlib;
var init_gzip = __esm({
  "src/io/gzip.ts"() {
    "use strict";
    init_aligned();
    init_diagnostics();
    MAX_RATIO = 1032;
    CHUNK_MIN = 64 << 10;
    CHUNK_MAX = 64 << 20;
    zlib = () => process.getBuiltinModule("node:zlib");
  }
});

// src/io/xz.ts
function isXz(bytes) {
  return HEADER_MAGIC.every((byte, i) => bytes[i] === byte);
}
function xzStreams(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const streams = [];
  let end = bytes.length;
  while (end > 0) {
    while (end >= 4 && view.getUint32(end - 4, true) === 0) end -= 4;
    const stream = lastStream(bytes, view, end);
    streams.unshift(stream);
    end = stream.start;
  }
  return streams;
}
function lastStream(bytes, view, end) {
  const footer = end - EDGE_SIZE;
  if (footer < EDGE_SIZE || bytes[end - 2] !== 89 || bytes[end - 1] !== 90) {
    throw damaged2("no stream footer at the end: truncated, or foreign bytes after it", end);
  }
  if (crc322(bytes.subarray(footer + 4, end - 2)) !== view.getUint32(footer, true)) {
    throw damaged2("the checksum of the stream footer is wrong", footer);
  }
  const indexSize = (view.getUint32(footer + 4, true) + 1) * 4;
  const index2 = footer - indexSize;
  if (index2 < EDGE_SIZE) throw damaged2("the index is larger than the stream", footer);
  const { packed, expandedSize } = readIndex(bytes, view, index2, footer);
  const start = index2 - packed - EDGE_SIZE;
  if (start < 0 || !isXz(bytes.subarray(start))) throw damaged2("the index does not lead to a stream header", index2);
  return { start, end, expandedSize };
}
function readIndex(bytes, view, start, end) {
  if (bytes[start] !== 0) throw damaged2("no index where the footer says", start);
  if (crc322(bytes.subarray(start, end - 4)) !== view.getUint32(end - 4, true)) {
    throw damaged2("the checksum of the index is wrong", start);
  }
  let at = start + 1;
  const next = () => {
    let value = 0;
    for (let scale = 1; at < end - 4; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw damaged2("a number in the index is not well formed", start);
  };
  const records = next();
  let packed = 0;
  let expandedSize = 0;
  for (let i = 0; i < records; i++) {
    packed += Math.ceil(next() / 4) * 4;
    expandedSize += next();
  }
  return { packed, expandedSize };
}
function crc322(bytes) {
  return process.getBuiltinModule("node:zlib").crc32(bytes);
}
function prepareXz() {
  loading ??= load();
  return loading;
}
async function load() {
  const loaded2 = await import("xz-decompress");
  const { XzReadableStream } = "XzReadableStream" in loaded2 ? loaded2 : loaded2.default;
  const internals = XzReadableStream;
  await internals._getModuleInstance();
  const decoder = internals._moduleInstance?.exports;
  if (typeof decoder?.get_next_output !== "function") throw new Error("xz-decompress has changed inside: pin 0.2.3");
  loadedDecoder = decoder;
}
function* expandXz(bytes, limit) {
  const streams = xzStreams(bytes);
  const total = streams.reduce((sum2, s) => sum2 + s.expandedSize, 0);
  if (total > limit) {
    throw ioError("IO011", "xz data expands beyond the limit", {
      expected: `at most ${limit} bytes`,
      found: `${total}`
    });
  }
  const out = allocate(total);
  let at = 0;
  for (const stream of streams) {
    const end = at + stream.expandedSize;
    yield* expandStream(bytes.subarray(stream.start, stream.end), out.subarray(at, end), stream.start);
    at = end;
  }
  return out;
}
function* expandStream(bytes, out, offset) {
  const decoder = loadedDecoder;
  if (decoder === void 0) throw new Error("prepareXz() comes first");
  const { memory } = decoder;
  const context = decoder.create_context();
  if (context === 0) throw ioError("IO012", `xz data: ${FAILURES[3]}`);
  try {
    let taken = 0;
    let given = 0;
    let pauseAt = PAUSE_EVERY;
    for (; ; ) {
      let words2 = new Int32Array(memory.buffer, context, CONTEXT_WORDS);
      if (words2[INPUT_AT] === words2[INPUT_SIZE]) {
        const size2 = Math.min(words2[BUFFER_SIZE], bytes.length - taken);
        new Uint8Array(memory.buffer, words2[INPUT], size2).set(bytes.subarray(taken, taken + size2));
        decoder.supply_input(context, size2);
        taken += size2;
      }
      const result = decoder.get_next_output(context);
      words2 = new Int32Array(memory.buffer, context, CONTEXT_WORDS);
      const size = words2[OUTPUT_SIZE];
      if (given + size > out.length) throw damaged2("it holds more than its index says", offset);
      out.set(new Uint8Array(memory.buffer, words2[OUTPUT], size), given);
      given += size;
      words2[OUTPUT_SIZE] = 0;
      if (result === XZ_STREAM_END) {
        const left = bytes.length - taken + words2[INPUT_SIZE] - words2[INPUT_AT];
        if (left !== 0 || given !== out.length) throw damaged2("the index and the blocks disagree", offset);
        return;
      }
      if (result !== XZ_OK) {
        const why = FAILURES[result] ?? `decoder error ${result}`;
        throw UNSUPPORTED.has(result) ? ioError("IO012", `xz data: ${why}`) : damaged2(why, offset);
      }
      if (given >= pauseAt) {
        pauseAt = given + PAUSE_EVERY;
        yield;
      }
    }
  } finally {
    decoder.destroy_context(context);
  }
}
var HEADER_MAGIC, EDGE_SIZE, damaged2, loading, loadedDecoder, BUFFER_SIZE, INPUT, INPUT_AT, INPUT_SIZE, OUTPUT, OUTPUT_SIZE, CONTEXT_WORDS, XZ_OK, XZ_STREAM_END, FAILURES, UNSUPPORTED, PAUSE_EVERY;
var init_xz = __esm({
  "src/io/xz.ts"() {
    "use strict";
    init_aligned();
    init_diagnostics();
    HEADER_MAGIC = [253, 55, 122, 88, 90, 0];
    EDGE_SIZE = 12;
    damaged2 = (message, offset) => ioError("IO010", `xz data: ${message}`, { offset });
    BUFFER_SIZE = 0;
    INPUT = 1;
    INPUT_AT = 2;
    INPUT_SIZE = 3;
    OUTPUT = 4;
    OUTPUT_SIZE = 5;
    CONTEXT_WORDS = 7;
    XZ_OK = 0;
    XZ_STREAM_END = 1;
    FAILURES = {
      2: "its kind of checksum is not supported",
      3: "out of memory",
      4: "its dictionary is larger than 64 MiB",
      5: "no stream header",
      6: "it uses a filter or a checksum that the decoder lacks",
      7: "a checksum or a length disagrees",
      8: "it ends in the middle"
    };
    UNSUPPORTED = /* @__PURE__ */ new Set([2, 3, 4, 6]);
    PAUSE_EVERY = 4 << 20;
  }
});

// src/io/xz-pack.ts
var init_xz_pack = __esm({
  "src/io/xz-pack.ts"() {
    "use strict";
    init_aligned();
    init_diagnostics();
  }
});

// src/io/xxhash64.ts
var init_xxhash64 = __esm({
  "src/io/xxhash64.ts"() {
    "use strict";
  }
});

// src/io/zstd.ts
function prepareZstd() {
  loading2 ??= load2();
  return loading2;
}
async function load2() {
  const loaded2 = await import("@bokuweb/zstd-wasm");
  await loaded2.init();
  zstd = loaded2;
}
function isZstd(bytes) {
  if (bytes.length < 4) return false;
  const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return magic === MAGIC2 || isSkippable(magic);
}
function zstdFrames(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = [];
  let at = 0;
  while (at < bytes.length) {
    need(bytes, at, 8);
    const magic = view.getUint32(at, true);
    if (isSkippable(magic)) {
      const size = 8 + view.getUint32(at + 4, true);
      need(bytes, at, size);
      at += size;
    } else if (magic === MAGIC2) {
      const frame = readFrame(bytes, view, at);
      frames.push(frame);
      at = frame.end;
    } else {
      throw damaged3("foreign bytes after the last frame", at);
    }
  }
  return frames;
}
function need(bytes, at, size) {
  if (at + size > bytes.length) throw damaged3("it ends in the middle", at);
}
function readFrame(bytes, view, start) {
  const descriptor = bytes[start + 4];
  const singleSegment = (descriptor & 32) !== 0;
  if ((descriptor & 8) !== 0) throw damaged3("a reserved bit is set in the frame header", start + 4);
  let at = start + 5 + (singleSegment ? 0 : 1);
  const dictionarySize = [0, 1, 2, 4][descriptor & 3];
  const sizeSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  need(bytes, at, dictionarySize + sizeSize + 3);
  for (let i = 0; i < dictionarySize; i++) {
    if (bytes[at + i] !== 0) throw ioError("IO012", "zstd data: it needs a dictionary", { offset: at });
  }
  at += dictionarySize;
  const promised = contentSize(view, at, sizeSize);
  at += sizeSize;
  let bound = 0;
  for (let last = false; !last; ) {
    need(bytes, at, 3);
    const block = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16;
    const size = block >> 3;
    const type = block >> 1 & 3;
    last = (block & 1) !== 0;
    if (type === 3 || size > BLOCK_MAX) throw damaged3("a block header is not well formed", at);
    bound += type === 2 ? BLOCK_MAX : size;
    at += 3 + (type === 1 ? 1 : size);
  }
  if ((descriptor & CHECKSUM_FLAG) !== 0) at += 4;
  need(bytes, start, at - start);
  if (promised !== void 0 && promised > bound) throw damaged3("the header promises more than the blocks hold", start);
  return { start, end: at, size: promised ?? bound, exact: promised !== void 0 };
}
function contentSize(view, at, width) {
  switch (width) {
    case 0:
      return void 0;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
function expandZstd(bytes, limit) {
  if (zstd === void 0) throw new Error("prepareZstd() comes first");
  const frames = zstdFrames(bytes);
  const parts = [];
  let total = 0;
  for (const frame of frames) {
    const room = Math.min(limit, HEAP_MAX - (frame.end - frame.start)) - total;
    if (frame.exact && frame.size > room) throw tooLarge(limit, total + frame.size);
    const part = expandFrame(zstd, bytes.subarray(frame.start, frame.end), frame, room);
    if (part === void 0) throw tooLarge(limit);
    parts.push(part);
    total += part.length;
  }
  if (parts.length === 1) return parts[0];
  const out = allocate(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
function expandFrame(library, bytes, frame, room) {
  const capacity = Math.min(frame.size, room);
  let part;
  try {
    part = library.decompress(bytes, { defaultHeapSize: capacity });
  } catch (error) {
    const code = Number(/code (-?\d+)/.exec(error.message)?.[1]);
    if (Number.isNaN(code)) throw error;
    if (code === DESTINATION_TOO_SMALL && !frame.exact && capacity < frame.size) return void 0;
    throw damaged3(`a checksum or a length disagrees (decoder error ${-code})`, frame.start);
  }
  if (frame.exact && part.length !== frame.size)
    throw damaged3("the frame is shorter than its header says", frame.start);
  return part;
}
function tooLarge(limit, found2) {
  return ioError("IO011", "zstd data expands beyond the limit", {
    expected: `at most ${limit} bytes`,
    found: found2 === void 0 ? void 0 : `${found2}`
  });
}
var MAGIC2, SKIPPABLE_MAGIC, CHECKSUM_FLAG, BLOCK_MAX, HEAP_MAX, loading2, zstd, isSkippable, damaged3, DESTINATION_TOO_SMALL;
var init_zstd = __esm({
  "src/io/zstd.ts"() {
    "use strict";
    init_aligned();
    init_diagnostics();
    init_xxhash64();
    MAGIC2 = 4247762216;
    SKIPPABLE_MAGIC = 407710288;
    CHECKSUM_FLAG = 4;
    BLOCK_MAX = 128 << 10;
    HEAP_MAX = 1.5 * 2 ** 30;
    isSkippable = (magic) => (magic & 4294967280) >>> 0 === SKIPPABLE_MAGIC;
    damaged3 = (message, offset) => ioError("IO010", `zstd data: ${message}`, { offset });
    DESTINATION_TOO_SMALL = -70;
  }
});

// src/io/compression.ts
function detectForm(bytes) {
  if (isXz(bytes)) return "xz";
  if (isZstd(bytes)) return "zstd";
  if (isGzip(bytes)) return "gzip";
  return "plain";
}
async function prepare(form) {
  if (form === "xz") await prepareXz();
  if (form === "zstd") await prepareZstd();
}
function decompressSync(bytes, form, limit = EXPANSION_LIMIT) {
  switch (form) {
    case "plain":
      return bytes;
    case "gzip":
      return expandGzip(bytes, limit);
    case "zstd":
      return expandZstd(bytes, limit);
    case "xz": {
      const steps2 = expandXz(bytes, limit);
      for (; ; ) {
        const step = steps2.next();
        if (step.done) return step.value;
      }
    }
  }
}
async function decompress(bytes, form, limit = EXPANSION_LIMIT) {
  await prepare(form);
  if (form !== "xz") return decompressSync(bytes, form, limit);
  const steps2 = expandXz(bytes, limit);
  for (; ; ) {
    const step = steps2.next();
    if (step.done) return step.value;
    await new Promise((resolve4) => setImmediate(resolve4));
  }
}
var EXPANSION_LIMIT;
var init_compression = __esm({
  "src/io/compression.ts"() {
    "use strict";
    init_errors();
    init_diagnostics();
    init_gzip();
    init_xz();
    init_xz_pack();
    init_zstd();
    EXPANSION_LIMIT = 2 ** 30;
  }
});

// src/io/read.ts
import * as fs5 from "node:fs";
async function readObject(path, options = {}) {
  const { bytes: stored2, mode } = await readStored(path);
  const form = detectForm(stored2);
  try {
    const bytes = await decompress(stored2, form, options.expansionLimit ?? EXPANSION_LIMIT);
    if (bytes.length === 0) throw ioError("IO005", "holds nothing but an empty compressed file");
    return { path, form, bytes, stored: stored2, compressedSize: stored2.length, mode };
  } catch (error) {
    throw inFile(error, path);
  }
}
async function readStored(path) {
  let stored2;
  try {
    stored2 = path === STDIN ? { bytes: await readStdin(), mode: void 0 } : await readFile(path);
  } catch (error) {
    throw readFailure(error, path);
  }
  if (stored2.bytes.length === 0) throw empty(path);
  return stored2;
}
async function readFile(path) {
  if (hasNul(path)) throw ioError("IO001", "the path contains a NUL byte", { file: path });
  const kind = fs5.statSync(path);
  if (kind.isFile()) return readRegular(path);
  if (kind.isDirectory()) throw ioError("IO003", "is a folder", { file: path, expected: "a file" });
  if (!kind.isFIFO()) throw ioError("IO004", "is a device or a socket", { file: path, expected: "a regular file" });
  const handle = await fs5.promises.open(path, "r");
  try {
    return { bytes: await readToEnd(handle.fd, path), mode: void 0 };
  } finally {
    await handle.close();
  }
}
async function readRegular(path) {
  const fd = fs5.openSync(path, "r");
  try {
    const before = fs5.fstatSync(fd);
    if (before.size > FILE_LIMIT) throw tooLarge2(path, before.size);
    const bytes = before.size === 0 ? await readToEnd(fd, path) : readSized(fd, before.size);
    const after = fs5.fstatSync(fd);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      throw ioError("IO007", "changed while it was read", { file: path });
    }
    return { bytes, mode: before.mode & 511 };
  } finally {
    fs5.closeSync(fd);
  }
}
function readSized(fd, size) {
  const bytes = allocate(size);
  let length = 0;
  while (length < size) {
    const count = fs5.readSync(fd, bytes, length, size - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
  }
  return bytes;
}
async function readStdin() {
  if (process.getBuiltinModule("node:tty").isatty(STDIN_FD)) {
    throw ioError("IO009", "standard input is a terminal", { file: STDIN });
  }
  return readToEnd(STDIN_FD, STDIN);
}
async function readToEnd(fd, path) {
  let buffer = allocate(FIRST_CAPACITY);
  let length = 0;
  for (; ; ) {
    if (length === buffer.length) buffer = grown(buffer, path);
    const count = await readSome(fd, buffer, length);
    if (count === 0) return allocate(buffer.subarray(0, length));
    length += count;
  }
}
async function readSome(fd, buffer, offset) {
  for (; ; ) {
    try {
      return await new Promise((resolve4, reject2) => {
        fs5.read(
          fd,
          buffer,
          offset,
          buffer.length - offset,
          null,
          (error, count) => error === null ? resolve4(count) : reject2(error)
        );
      });
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      await new Promise((resolve4) => setTimeout(resolve4, RETRY_MS));
    }
  }
}
function grown(buffer, path) {
  const larger = allocate(roomAfter(buffer.length, path));
  larger.set(buffer);
  return larger;
}
function roomAfter(length, path, size = 0) {
  if (length >= FILE_LIMIT) throw tooLarge2(path, length);
  return Math.min(Math.max(length * 2, size + 1, FIRST_CAPACITY), FILE_LIMIT);
}
var FILE_LIMIT, STDIN, STDIN_FD, FIRST_CAPACITY, RETRY_MS, tooLarge2, empty;
var init_read2 = __esm({
  "src/io/read.ts"() {
    "use strict";
    init_errors();
    init_aligned();
    init_compression();
    init_diagnostics();
    FILE_LIMIT = 2 ** 31;
    STDIN = "-";
    STDIN_FD = 0;
    FIRST_CAPACITY = 16 << 20;
    RETRY_MS = 5;
    tooLarge2 = (file, size) => ioError("IO006", "is too large", { file, expected: `at most ${FILE_LIMIT} bytes`, found: `${size} or more` });
    empty = (file) => ioError("IO005", "is empty", { file });
  }
});

// src/kernel/modinfo.ts
function parseModinfo(bytes) {
  const text2 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  const entries2 = [];
  for (const line of text2.split("\0")) {
    if (line === "") continue;
    const equals = line.indexOf("=");
    if (equals < 0) entries2.push({ key: line, value: "" });
    else entries2.push({ key: line.slice(0, equals), value: line.slice(equals + 1) });
  }
  return entries2;
}
function modinfoOf(elf) {
  const section = elf.sectionNamed(".modinfo");
  return section === void 0 ? [] : parseModinfo(elf.contents(section));
}
var init_modinfo = __esm({
  "src/kernel/modinfo.ts"() {
    "use strict";
  }
});

// src/kernel/image.ts
function sectionAt(elf, address2) {
  return elf.sections.find(
    (s) => s.isAllocated && s.hasContents && address2 >= s.sh_addr && address2 < s.sh_addr + BigInt(s.sh_size)
  );
}
function relocatedWords(elf, start, end) {
  const section = sectionAt(elf, start);
  const count = Number(end - start) / 8;
  if (section === void 0 || !Number.isInteger(count) || end > section.sh_addr + BigInt(section.sh_size))
    throw new InputError({
      code: "ELF031",
      message: "a table of the kernel does not lie in one section",
      expected: "a range of whole 8-byte words inside a section",
      found: `0x${start.toString(16)} to 0x${end.toString(16)}`,
      remedy: "give an unstripped, undamaged vmlinux"
    });
  const values = new BigUint64Array(count);
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const from = Number(start - section.sh_addr);
  for (let i = 0; i < count; i++) values[i] = view.getBigUint64(from + i * 8, true);
  const startLow = Number(start & 0xffffffffn);
  const startHigh = Number(start >> 32n);
  const length = count * 8;
  for (const table2 of elf.sections) {
    if (table2.sh_type !== SHT_RELA || !table2.isAllocated) continue;
    const relocations = elf.relocations(table2);
    const { words: words2 } = relocations;
    const inOrder = relocations.sorted && relocations.sameHigh;
    for (let i = inOrder ? firstFrom(relocations, startLow) : 0, w = i * 6; i < relocations.count; i++, w += 6) {
      const distance = (words2[w + 1] - startHigh) * 4294967296 + (words2[w] - startLow);
      if (inOrder && distance >= length) break;
      if (distance < 0 || distance >= length || distance % 8 !== 0) continue;
      const type = words2[w + 2];
      if (type === R_PPC64_RELATIVE) values[distance / 8] = big64(words2[w + 4], words2[w + 5]);
      else if (type === R_PPC64_ADDR64 && words2[w + 3] === 0)
        values[distance / 8] = big64(words2[w + 4], words2[w + 5]);
    }
  }
  return values;
}
function firstFrom({ words: words2, count }, low) {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = from + to >>> 1;
    if (words2[middle * 6] < low) from = middle + 1;
    else to = middle;
  }
  return from;
}
var R_PPC64_ADDR64, R_PPC64_RELATIVE, MARKER;
var init_image = __esm({
  "src/kernel/image.ts"() {
    "use strict";
    init_constants();
    init_bytes();
    init_errors();
    R_PPC64_ADDR64 = 38;
    R_PPC64_RELATIVE = 22;
    MARKER = new TextEncoder().encode("_branch.");
  }
});

// src/kernel/knowledge/config.ts
import { gunzipSync } from "node:zlib";
function parseConfig(text2) {
  const values = /* @__PURE__ */ new Map();
  for (const match of text2.matchAll(/^CONFIG_(\w+)=(.*)$/gm)) values.set(match[1], match[2].trim());
  if (values.get("MODULES") !== "y")
    throw new InputError({
      code: "KER022",
      message: "not the configuration of a kernel that loads modules",
      expected: "lines such as CONFIG_MODULES=y",
      found: values.size === 0 ? "no line that sets an option" : "CONFIG_MODULES is not set",
      remedy: "give the .config of the build, or /boot/config-RELEASE"
    });
  return values;
}
function embeddedConfig(image) {
  const at = image.address("kernel_config_data");
  const section = at === void 0 ? image.elf.sectionNamed(".rodata") : sectionAt(image.elf, at);
  if (section === void 0) return void 0;
  const bytes = image.elf.contents(section);
  const text2 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const from = at === void 0 ? 0 : Math.max(0, Number(at - section.sh_addr) - START.length);
  const start = text2.indexOf(START, from);
  const end = start < 0 ? -1 : text2.indexOf(END, start);
  if (end < 0) return void 0;
  try {
    const packed = text2.subarray(start + START.length, end);
    return parseConfig(gunzipSync(packed, { maxOutputLength: CONFIG_LIMIT }).toString("latin1"));
  } catch {
    return void 0;
  }
}
var CONFIG_LIMIT, START, END;
var init_config = __esm({
  "src/kernel/knowledge/config.ts"() {
    "use strict";
    init_errors();
    init_image();
    CONFIG_LIMIT = 16 << 20;
    START = Buffer.from("IKCFG_ST", "latin1");
    END = Buffer.from("IKCFG_ED", "latin1");
  }
});

// src/kernel/knowledge/exports.ts
function exportsOfImage(source) {
  const { elf } = source;
  const plain = tableOf(source, "");
  if (plain === void 0)
    throw new InputError({
      code: "KER014",
      message: "the image exports no symbols to modules",
      expected: "the symbols __start___ksymtab and __stop___ksymtab, as every kernel with CONFIG_MODULES has them",
      found: "none",
      remedy: "give the vmlinux of a kernel that loads modules"
    });
  const gpl = tableOf(source, "_gpl");
  const count = plain.count + (gpl?.count ?? 0);
  const starts2 = new Uint32Array(count);
  const addresses = new Uint32Array(count * 2);
  const namespaceAt = new Uint32Array(count);
  const crcs = new Uint32Array(count);
  const flags = new Uint8Array(count);
  const namespaces = new Namespaces(elf.bytes);
  let at = 0;
  for (const [entries2, suffix] of [[plain, ""], ...gpl ? [[gpl, "_gpl"]] : []]) {
    const isGpl = suffix === "_gpl";
    starts2.set(entries2.nameAt, at);
    addresses.set(entries2.values, at * 2);
    if (source.modversions) crcs.set(words32(source, `__start___kcrctab${suffix}`, entries2.count), at);
    for (let i = 0; i < entries2.count; i++) {
      namespaceAt[at + i] = namespaces.place(entries2.namespaceAt[i]);
      flags[at + i] = (isGpl ? EXPORT_GPL_ONLY : 0) | (source.modversions ? EXPORT_HAS_CRC : 0);
    }
    at += entries2.count;
  }
  if (gpl === void 0) readFlags(source, flags);
  const { numbers: _numbers, ...names3 } = numberNames(elf.bytes, starts2);
  if (names3.nameAt.length !== count)
    throw damaged4("names that differ", `${count - names3.nameAt.length} names that come twice`);
  return { ...names3, addresses, namespaceAt, crcs, flags, namespaces: namespaces.bytes() };
}
function tableOf(source, suffix) {
  const start = source.address(`__start___ksymtab${suffix}`);
  const stop = source.address(`__stop___ksymtab${suffix}`);
  if (start === void 0 || stop === void 0) return void 0;
  const size = Number(stop - start);
  if (size === 0) return { count: 0, values: none, nameAt: none, namespaceAt: none };
  if (size < 0)
    throw damaged4("a table that ends behind its start", `0x${start.toString(16)} to 0x${stop.toString(16)}`);
  const entries2 = (size % ABSOLUTE_SIZE === 0 ? absolute(source.elf, start, stop) : void 0) ?? (size % PREL32_SIZE === 0 ? relative(source.elf, start, stop) : void 0);
  if (entries2 === void 0)
    throw damaged4(
      `entries of ${ABSOLUTE_SIZE} or ${PREL32_SIZE} bytes whose names lie in the image`,
      `${size} bytes at 0x${start.toString(16)} that are neither`
    );
  return entries2;
}
function absolute(elf, start, stop) {
  const values = relocatedWords(elf, start, stop);
  const words2 = new Uint32Array(values.buffer);
  return gather(elf, values.length / 3, (entry2, field2) => {
    const at = entry2 * 6 + field2 * 2;
    return [words2[at], words2[at + 1]];
  });
}
function relative(elf, start, stop) {
  const section = sectionAt(elf, start);
  if (section === void 0 || stop > section.sh_addr + BigInt(section.sh_size)) return void 0;
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const from = Number(start - section.sh_addr);
  return gather(elf, Number(stop - start) / PREL32_SIZE, (entry2, field2) => {
    const at = from + entry2 * PREL32_SIZE + field2 * 4;
    if (view.getInt32(at, true) === 0) return [0, 0];
    const target = section.sh_addr + BigInt(at) + BigInt(view.getInt32(at, true));
    return [Number(target & 0xffffffffn), Number(target >> 32n & 0xffffffffn)];
  });
}
function gather(elf, count, read3) {
  const values = new Uint32Array(count * 2);
  const nameAt = new Uint32Array(count);
  const namespaceAt = new Uint32Array(count);
  const places3 = new Places(elf);
  for (let i = 0; i < count; i++) {
    values.set(read3(i, 0), i * 2);
    const name = places3.fileOffset(...read3(i, 1));
    const pointer2 = read3(i, 2);
    const namespace = pointer2[0] === 0 && pointer2[1] === 0 ? NO_NAMESPACE : places3.fileOffset(...pointer2);
    if (name === void 0 || namespace === void 0 || elf.bytes[name] === 0) return void 0;
    nameAt[i] = name;
    namespaceAt[i] = namespace;
  }
  return { count, values, nameAt, namespaceAt };
}
function words32(source, name, count) {
  return new Uint32Array(rangeAt(source, name, count * 4).slice().buffer);
}
function readFlags(source, flags) {
  if (source.address("__start___kflagstab") === void 0)
    throw damaged4("__ksymtab_gpl or __kflagstab beside __ksymtab", "neither");
  const bytes = rangeAt(source, "__start___kflagstab", flags.length);
  for (let i = 0; i < flags.length; i++) if ((bytes[i] & FLAG_GPL_ONLY) !== 0) flags[i] |= EXPORT_GPL_ONLY;
}
function rangeAt({ elf, address: address2 }, name, size) {
  const start = address2(name);
  if (size === 0) return new Uint8Array(0);
  const section = start === void 0 ? void 0 : sectionAt(elf, start);
  if (start === void 0 || section === void 0) throw damaged4(`${size} bytes at ${name}`, "none");
  const from = Number(start - section.sh_addr);
  if (from + size > section.sh_size)
    throw damaged4(`${size} bytes at ${name}`, `${section.sh_size - from} to the end of ${section.name}`);
  return elf.contents(section).subarray(from, from + size);
}
function damaged4(expected, found2) {
  return new InputError({
    code: "KER016",
    message: "the kernel's table of exported symbols is damaged or of an unknown form",
    expected,
    found: found2,
    remedy: "give an undamaged vmlinux; if it is one, report it with the release of the kernel"
  });
}
var ABSOLUTE_SIZE, PREL32_SIZE, FLAG_GPL_ONLY, NO_NAMESPACE, none, Places, Namespaces;
var init_exports = __esm({
  "src/kernel/knowledge/exports.ts"() {
    "use strict";
    init_errors();
    init_image();
    init_names();
    init_tables();
    ABSOLUTE_SIZE = 24;
    PREL32_SIZE = 12;
    FLAG_GPL_ONLY = 1;
    NO_NAMESPACE = 0;
    none = new Uint32Array(0);
    Places = class {
      #elf;
      #section;
      /** Bytes of the section before its last NUL. */
      #limit = 0;
      constructor(elf) {
        this.#elf = elf;
      }
      /** @returns `undefined` where no NUL-ended text is at the address */
      fileOffset(low, high) {
        const found2 = this.#inSection(low, high);
        if (found2 !== void 0) return found2;
        this.#section = sectionAt(this.#elf, BigInt(high) << 32n | BigInt(low));
        if (this.#section === void 0) return void 0;
        this.#limit = this.#elf.contents(this.#section).lastIndexOf(0);
        return this.#inSection(low, high);
      }
      #inSection(low, high) {
        const section = this.#section;
        if (section === void 0) return void 0;
        const offset = (high - section.addressHigh) * 4294967296 + (low - section.addressLow);
        return offset >= 0 && offset <= this.#limit ? section.sh_offset + offset : void 0;
      }
    };
    Namespaces = class {
      #file;
      #places = /* @__PURE__ */ new Map();
      #text = [""];
      #length = 1;
      constructor(file) {
        this.#file = file;
      }
      place(at) {
        if (at === NO_NAMESPACE || this.#file[at] === 0) return 0;
        const text2 = Buffer.from(this.#file.subarray(at, this.#file.indexOf(0, at))).toString("latin1");
        let place = this.#places.get(text2);
        if (place === void 0) {
          place = this.#length;
          this.#places.set(text2, place);
          this.#text.push(text2);
          this.#length += text2.length + 1;
        }
        return place;
      }
      bytes() {
        return Buffer.from(this.#text.map((text2) => `${text2}\0`).join(""), "latin1");
      }
    };
  }
});

// src/kernel/knowledge/identity.ts
function identityOf(image) {
  const bannerAt = image.address("linux_banner");
  const banner = (bannerAt === void 0 ? void 0 : image.textAt(bannerAt)) ?? "";
  const bannerRelease = /^Linux version (\S+) /.exec(banner)?.[1];
  const at = image.address("vermagic");
  const vermagic = at === void 0 ? void 0 : image.textAt(at);
  if (vermagic === void 0 || !/^\d+\.\d+\S* /.test(vermagic))
    throw new InputError({
      code: "KER020",
      message: "the image does not say which modules it takes",
      expected: 'the string "vermagic" of kernel/module/main.c, which begins with the release',
      found: vermagic === void 0 ? "no symbol of that name" : JSON.stringify(vermagic.slice(0, 60)),
      remedy: "give the unstripped vmlinux of a kernel with CONFIG_MODULES, or its complete System.map"
    });
  const identity = identityFrom(vermagic, banner);
  if (bannerRelease !== void 0 && bannerRelease !== identity.release)
    throw new InputError({
      code: "KER021",
      message: "the image names two releases",
      expected: `${identity.release}, as in vermagic`,
      found: `${bannerRelease}, as in linux_banner`,
      remedy: "give an undamaged vmlinux and the System.map of the same build"
    });
  return identity;
}
function identityFrom(vermagic, banner = "") {
  const release = vermagic.slice(0, vermagic.indexOf(" "));
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release);
  return { release, version: [Number(major), Number(minor)], vermagic, banner };
}
var init_identity = __esm({
  "src/kernel/knowledge/identity.ts"() {
    "use strict";
    init_errors();
  }
});

// src/elf/notes.ts
function readNotes(elf, section) {
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const alignment = section.sh_addralign >= 8 ? 8 : 4;
  const notes = [];
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const nameSize = view.getUint32(at, true);
    const descriptorSize = view.getUint32(at + 4, true);
    const descriptorOffset = alignUp(at + HEADER_SIZE + nameSize, alignment);
    const end = descriptorOffset + descriptorSize;
    if (end > bytes.length)
      throw new InputError({
        code: "ELF020",
        message: "a note runs over the end of its section",
        section: section.name,
        offset: at,
        expected: `an end at 0x${bytes.length.toString(16)} or before`,
        found: `0x${end.toString(16)}`,
        remedy: "the file is damaged: build or copy it again"
      });
    const name = bytes.subarray(at + HEADER_SIZE, at + HEADER_SIZE + nameSize);
    const terminator = name.indexOf(0);
    notes.push({
      owner: Buffer.from(name.subarray(0, terminator < 0 ? name.length : terminator)).toString("latin1"),
      type: view.getUint32(at + 8, true),
      descriptor: bytes.subarray(descriptorOffset, end),
      descriptorOffset
    });
    at = alignUp(end, alignment);
  }
  return notes;
}
var HEADER_SIZE;
var init_notes = __esm({
  "src/elf/notes.ts"() {
    "use strict";
    init_bytes();
    init_errors();
    HEADER_SIZE = 12;
  }
});

// src/kernel/knowledge/symbols.ts
function isLeftOut(bytes, at) {
  const first = bytes[at];
  if (first !== 36 && first !== 46 && first !== 95) return false;
  return LEFT_OUT.some((prefix) => prefix.every((byte, i) => bytes[at + i] === byte));
}
function symbolsOfImage(table2) {
  const { words: words2, count } = table2;
  const starts2 = new Uint32Array(count);
  const addresses = new Uint32Array(count * 2);
  const names3 = table2.strings.bytes;
  let kept = 0;
  for (let i = 1; i < count; i++) {
    const at = words2[i * 6];
    const info = words2[i * 6 + 1];
    const type = info & 15;
    const section = info >>> 16;
    if (at === 0 || section === SHN_UNDEF || type === STT_SECTION || type === STT_FILE) continue;
    if (section === SHN_ABS && (info >>> 4 & 15) === STB_LOCAL) continue;
    if (isLeftOut(names3, at)) continue;
    starts2[kept] = at;
    addresses[kept * 2] = words2[i * 6 + 2];
    addresses[kept * 2 + 1] = words2[i * 6 + 3];
    kept++;
  }
  return arrange(names3, starts2.subarray(0, kept), addresses);
}
function symbolsOfSystemMap(file) {
  const names3 = new Uint8Array(file);
  const starts2 = [];
  const addresses = [];
  for (let at = 0, line = 1; at < names3.length; line++) {
    let end = names3.indexOf(10, at);
    if (end < 0) end = names3.length;
    if (end > at) {
      const high = hexadecimal(names3, at, 8);
      const low = hexadecimal(names3, at + 8, 8);
      const isLine = high >= 0 && low >= 0 && names3[at + 16] === 32 && names3[at + 18] === 32 && end > at + 19;
      if (!isLine) throw notMap(`line ${line}: ${JSON.stringify(textOf(names3.subarray(at, Math.min(end, at + 80))))}`);
      if (!isLeftOut(names3, at + 19)) {
        starts2.push(at + 19);
        addresses.push(low, high);
      }
      if (end < names3.length) names3[end] = 0;
    }
    at = end + 1;
  }
  if (starts2.length < FEWEST_LINES) throw notMap(`${starts2.length} symbols`);
  return arrange(names3, Uint32Array.from(starts2), Uint32Array.from(addresses));
}
function notMap(found2) {
  return new InputError({
    code: "KER018",
    message: "not the System.map of a kernel",
    expected: "lines of sixteen hexadecimal digits, a letter and a name",
    found: found2,
    remedy: "give the System.map that the kernel's build left; Debian has it in the package linux-image-RELEASE-dbg"
  });
}
function hexadecimal(bytes, at, length) {
  let value = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    const digit = byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
function arrange(names3, starts2, addresses) {
  const { strings, nameAt, slots: slots2, numbers } = numberNames(names3, starts2);
  const first = new Uint32Array(nameAt.length + 1);
  for (let i = 0; i < numbers.length; i++) first[numbers[i] + 1]++;
  for (let n = 0; n < nameAt.length; n++) first[n + 1] += first[n];
  const next = first.slice();
  const sorted = new Uint32Array(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const number2 = numbers[i];
    const low = addresses[i * 2];
    const high = addresses[i * 2 + 1];
    let at = next[number2]++;
    for (; at > first[number2] && isAbove(sorted, at - 1, low, high); at--) {
      sorted[at * 2] = sorted[at * 2 - 2];
      sorted[at * 2 + 1] = sorted[at * 2 - 1];
    }
    sorted[at * 2] = low;
    sorted[at * 2 + 1] = high;
  }
  return { strings, nameAt, slots: slots2, first, addresses: sorted };
}
function isAbove(sorted, at, low, high) {
  return sorted[at * 2 + 1] > high || sorted[at * 2 + 1] === high && sorted[at * 2] > low;
}
var LEFT_OUT, FEWEST_LINES, textOf;
var init_symbols2 = __esm({
  "src/kernel/knowledge/symbols.ts"() {
    "use strict";
    init_constants();
    init_errors();
    init_names();
    LEFT_OUT = ["$", ".L", "__crc_", "__kstrtab_", "__kstrtabns_"].map((text2) => new TextEncoder().encode(text2));
    FEWEST_LINES = 100;
    textOf = (bytes) => Buffer.from(bytes).toString("latin1");
  }
});

// src/kernel/knowledge/image.ts
function isComplete(symbols2) {
  return new IndexedSymbols(symbols2.nameAt.length, () => symbols2).find(SURE_SYMBOL).length > 0;
}
function otherBuild(expected, found2) {
  return new InputError({
    code: "KER019",
    message: "the System.map is not of this kernel",
    expected,
    found: found2,
    remedy: "give the System.map of the same build, or leave it out where the image has symbols"
  });
}
var NT_GNU_BUILD_ID2, TOC_BIAS, KernelImage, SURE_SYMBOL;
var init_image2 = __esm({
  "src/kernel/knowledge/image.ts"() {
    "use strict";
    init_constants();
    init_notes();
    init_read();
    init_errors();
    init_image();
    init_symbols2();
    init_tables();
    NT_GNU_BUILD_ID2 = 3;
    TOC_BIAS = 0x8000n;
    KernelImage = class {
      elf;
      symbols;
      /** The symbols come from a System.map, because the image has none. */
      fromSystemMap;
      #lookup;
      address = (name) => this.#lookup.find(name)[0];
      /**
       * @param bytes a vmlinux, expanded
       * @param systemMap used for an image without symbols, and held against one that has them
       * @throws InputError ELF001 to ELF032, KER014, KER015, KER018, KER019
       */
      constructor(bytes, systemMap) {
        this.elf = readElf(bytes);
        if (this.elf.isRelocatable)
          throw new InputError({
            code: "KER014",
            message: "a relocatable object, not the image of a kernel",
            expected: "a linked vmlinux",
            found: "ET_REL",
            remedy: "give the vmlinux that the kernel boots from, or an unstripped vmlinuz of powerpc"
          });
        const own = this.elf.symbols === void 0 ? void 0 : symbolsOfImage(this.elf.symbols);
        const given = systemMap === void 0 ? void 0 : symbolsOfSystemMap(systemMap);
        const usesOwn = own !== void 0 && isComplete(own);
        const symbols2 = usesOwn ? own : given;
        if (symbols2 === void 0)
          throw new InputError({
            code: "KER015",
            message: "the image has no symbols",
            expected: "a symbol table, or a System.map beside it",
            found: "a stripped image",
            remedy: "give --system-map System.map, or an unstripped vmlinux"
          });
        this.symbols = symbols2;
        this.fromSystemMap = !usesOwn;
        this.#lookup = new IndexedSymbols(symbols2.nameAt.length, () => symbols2);
        if (given !== void 0) this.#checkSystemMap(usesOwn ? given : void 0);
      }
      /** A System.map of another build gives addresses that look right and are not. */
      #checkSystemMap(map) {
        const banner = this.address("linux_banner");
        if (banner !== void 0 && this.textAt(banner)?.startsWith("Linux version ") !== true)
          throw otherBuild('linux_banner at the address of "Linux version"', `0x${banner.toString(16)}`);
        if (map === void 0) return;
        const other = new IndexedSymbols(map.nameAt.length, () => map);
        for (const name of ["linux_banner", "_stext", "_etext", "__start___ksymtab", "init_uts_ns", "_end"]) {
          const own = this.address(name);
          const given = other.find(name)[0];
          if (own !== void 0 && given !== void 0 && own !== given)
            throw otherBuild(`${name} at 0x${own.toString(16)}, as in the image`, `0x${given.toString(16)}`);
        }
      }
      has(name) {
        return this.address(name) !== void 0;
      }
      /** `length` bytes at an address; zeros in sections without contents, `undefined` outside every section. */
      bytesAt(address2, length) {
        const section = sectionAt(this.elf, address2);
        if (section !== void 0) {
          const from = Number(address2 - section.sh_addr);
          return from + length <= section.sh_size ? this.elf.contents(section).subarray(from, from + length) : void 0;
        }
        const isZero2 = this.elf.sections.some(
          (s) => s.isAllocated && s.sh_type === SHT_NOBITS && address2 >= s.sh_addr && address2 + BigInt(length) <= s.sh_addr + BigInt(s.sh_size)
        );
        return isZero2 ? new Uint8Array(length) : void 0;
      }
      /** The NUL-ended text at an address. */
      textAt(address2) {
        const section = sectionAt(this.elf, address2);
        if (section === void 0) return void 0;
        const bytes = this.elf.contents(section);
        const from = Number(address2 - section.sh_addr);
        const end = bytes.indexOf(0, from);
        return end < 0 ? void 0 : Buffer.from(bytes.subarray(from, end)).toString("latin1");
      }
      /** Whether `.rodata` holds the text. */
      holdsText(text2) {
        const section = this.elf.sectionNamed(".rodata");
        if (section === void 0) return false;
        const bytes = this.elf.contents(section);
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(text2, 0, "latin1");
      }
      /** `st_size` of the first symbol of that name, bytes; `undefined` where only addresses are known. */
      sizeOf(name) {
        const table2 = this.elf.symbols;
        const at = table2?.find(name) ?? -1;
        return at < 0 ? void 0 : table2.size(at);
      }
      /** What r2 holds in the kernel. */
      get toc() {
        const symbol2 = this.address(".TOC.");
        if (symbol2 !== void 0) return symbol2;
        const got = this.elf.sectionNamed(".got");
        return got === void 0 ? void 0 : got.sh_addr + TOC_BIAS;
      }
      /** Lower-case hexadecimal; empty where there is none. */
      get buildId() {
        for (const section of this.elf.sections) {
          if (section.sh_type !== SHT_NOTE) continue;
          const note = readNotes(this.elf, section).find((n) => n.owner === "GNU" && n.type === NT_GNU_BUILD_ID2);
          if (note !== void 0) return Buffer.from(note.descriptor).toString("hex");
        }
        return "";
      }
    };
    SURE_SYMBOL = "_stext";
  }
});

// src/kernel/knowledge/options.ts
function sigForce(image) {
  if (!image.has("module_sig_check")) return false;
  const byte = image.byteAt("sig_enforce");
  return byte === void 0 ? void 0 : byte !== 0;
}
function mprofile(image) {
  if (image.words.has("mprofile-kernel")) return true;
  return image.words.has("patchable-function-entry") && /\bgcc\b/.test(image.banner);
}
function kallsymsAll(image) {
  if (!image.has("kallsyms_num_syms")) return false;
  const listed = image.wordAt("kallsyms_num_syms");
  let inText = 0;
  for (const [start, end] of [
    ["_stext", "_etext"],
    ["_sinittext", "_einittext"]
  ]) {
    const from = image.address(start);
    const to = image.address(end);
    if (from === void 0 || to === void 0) return void 0;
    inText += image.countBetween(from, to);
  }
  return listed === void 0 ? void 0 : listed > inText * 1.1;
}
function optionsFrom(image, config, assumptions) {
  const values = {};
  const guessed2 = [];
  for (const row of ROWS) {
    const traced = row.trace?.(image);
    if (config !== void 0) {
      const set = row.config.some((name) => config.get(name) === "y");
      if (row.certain === true && traced !== void 0 && traced !== set)
        throw otherConfig(`CONFIG_${row.config[0]}=${traced ? "y" : "n"}, as in the image`, set ? "y" : "n");
      values[row.name] = set;
      continue;
    }
    values[row.name] = traced ?? row.otherwise ?? false;
    if (row.certain !== true) guessed2.push(`${row.name} ${values[row.name] ? "on" : "off"}`);
  }
  if (config === void 0) {
    assumptions.push("no configuration: options are told from the words of vermagic and the symbols of the image");
    assumptions.push(`options without a trace of their own: ${guessed2.join(", ")}`);
  }
  const at = image.version[0] * 1e3 + image.version[1];
  const extendedModversions = values.modversions === true && at >= EXTENDED_SINCE;
  return { ...values, extendedModversions, pageSize: pageSize(image, config) };
}
function pageSize(image, config) {
  const traced = image.sizeOf("empty_zero_page");
  const known3 = traced === 4096 || traced === 65536 ? traced : void 0;
  const shift = config?.get("PPC_PAGE_SHIFT") ?? config?.get("PAGE_SHIFT");
  const configured = config?.get("PPC_64K_PAGES") === "y" ? 65536 : config?.get("PPC_4K_PAGES") === "y" ? 4096 : shift !== void 0 && /^\d\d$/.test(shift) ? 2 ** Number(shift) : void 0;
  if (known3 !== void 0 && configured !== void 0 && known3 !== configured)
    throw otherConfig(`pages of ${known3} bytes, as in the image`, `${configured}`);
  const size = configured ?? known3;
  if (size === void 0)
    throw new InputError({
      code: "KER023",
      message: "the size of a page is not known",
      expected: "a configuration, or an image whose symbols have sizes",
      found: "neither",
      remedy: "give --config /boot/config-RELEASE"
    });
  return size;
}
function otherConfig(expected, found2) {
  return new InputError({
    code: "KER022",
    message: "the configuration is not of this kernel",
    expected,
    found: found2,
    remedy: "give the .config of the same build, or leave --config out"
  });
}
var word, symbol, text, NAMESPACE_WARNING, ROWS, EXTENDED_SINCE;
var init_options = __esm({
  "src/kernel/knowledge/options.ts"() {
    "use strict";
    init_errors();
    word = (text2) => (image) => image.words.has(text2);
    symbol = (name) => (image) => image.has(name);
    text = (wanted) => (image) => image.holdsText(wanted);
    NAMESPACE_WARNING = "4%s: module uses symbol (%s) from namespace %s";
    ROWS = [
      { name: "modversions", config: ["MODVERSIONS"], trace: word("modversions"), certain: true },
      { name: "moduleSig", config: ["MODULE_SIG"], trace: symbol("module_sig_check"), certain: true },
      { name: "moduleSigForce", config: ["MODULE_SIG_FORCE"], trace: (image) => sigForce(image) },
      { name: "moduleUnload", config: ["MODULE_UNLOAD"], trace: word("mod_unload"), certain: true },
      { name: "moduleForceLoad", config: ["MODULE_FORCE_LOAD"], trace: text("%s: %s: kernel tainted.") },
      {
        name: "allowMissingNamespaces",
        config: ["MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS"],
        trace: text(NAMESPACE_WARNING)
      },
      { name: "livepatch", config: ["LIVEPATCH"], trace: symbol("klp_module_coming"), certain: true },
      { name: "dynamicFtrace", config: ["DYNAMIC_FTRACE"], trace: symbol("ftrace_release_mod"), certain: true },
      {
        name: "dynamicFtraceWithRegs",
        config: ["DYNAMIC_FTRACE_WITH_REGS", "DYNAMIC_FTRACE_WITH_ARGS"],
        trace: symbol("ftrace_regs_caller"),
        certain: true
      },
      { name: "mprofileKernel", config: ["MPROFILE_KERNEL"], trace: (image) => mprofile(image) },
      {
        name: "patchableFunctionEntry",
        config: ["ARCH_USING_PATCHABLE_FUNCTION_ENTRY"],
        trace: word("patchable-function-entry"),
        certain: true
      },
      { name: "ftraceOutOfLine", config: ["PPC_FTRACE_OUT_OF_LINE"], trace: symbol("ftrace_ool_stub_text_end") },
      { name: "ftraceCallOps", config: ["DYNAMIC_FTRACE_WITH_CALL_OPS"], trace: symbol("ftrace_nop_ops") },
      { name: "pcrel", config: ["PPC_KERNEL_PCREL"], trace: (image) => image.usesPcrel() },
      { name: "kallsyms", config: ["KALLSYMS"], trace: symbol("kallsyms_num_syms"), certain: true },
      { name: "kallsymsAll", config: ["KALLSYMS_ALL"], trace: (image) => kallsymsAll(image) },
      { name: "jumpLabel", config: ["JUMP_LABEL"], trace: symbol("arch_jump_label_transform"), certain: true },
      { name: "genericBug", config: ["GENERIC_BUG"], trace: symbol("module_bug_finalize"), certain: true },
      { name: "smp", config: ["SMP"], trace: word("SMP"), certain: true },
      // The powerpc default since 5.14; nothing in an image tells it (IS_ENABLED since 6.9).
      { name: "strictModuleRwx", config: ["STRICT_MODULE_RWX"], otherwise: true },
      { name: "dynamicDebug", config: ["DYNAMIC_DEBUG", "DYNAMIC_DEBUG_CORE"], trace: symbol("__dynamic_pr_debug") },
      { name: "tracepoints", config: ["TRACEPOINTS"], trace: symbol("register_tracepoint_module_notifier") },
      { name: "eventTracing", config: ["EVENT_TRACING"], trace: symbol("trace_event_raw_init") },
      { name: "bpfEvents", config: ["BPF_EVENTS"], trace: symbol("bpf_get_raw_tracepoint") },
      { name: "btfModules", config: ["DEBUG_INFO_BTF_MODULES"], trace: symbol("btf_module_notify") },
      {
        name: "allowBtfMismatch",
        config: ["MODULE_ALLOW_BTF_MISMATCH"],
        trace: text("Kernel module BTF mismatch detected")
      },
      { name: "relocatable", config: ["RELOCATABLE"], trace: word("relocatable"), certain: true }
    ];
    EXTENDED_SINCE = 6014;
  }
});

// src/kernel/btf.ts
function trailing(kind, vlen) {
  switch (kind) {
    case KIND_INT:
    case KIND_VAR:
    case KIND_DECL_TAG:
      return 4;
    case KIND_ARRAY:
      return 12;
    case KIND_STRUCT:
    case KIND_UNION:
    case KIND_DATASEC:
    case KIND_ENUM64:
      return vlen * 12;
    case KIND_ENUM:
    case KIND_FUNC_PROTO:
      return vlen * 8;
    default:
      return kind >= KIND_INT && kind <= KIND_ENUM64 ? 0 : void 0;
  }
}
var MAGIC3, KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_RESTRICT, KIND_FUNC, KIND_FUNC_PROTO, KIND_VAR, KIND_DATASEC, KIND_FLOAT, KIND_DECL_TAG, KIND_TYPE_TAG, KIND_ENUM64, Btf;
var init_btf = __esm({
  "src/kernel/btf.ts"() {
    "use strict";
    MAGIC3 = 60319;
    KIND_INT = 1;
    KIND_PTR = 2;
    KIND_ARRAY = 3;
    KIND_STRUCT = 4;
    KIND_UNION = 5;
    KIND_ENUM = 6;
    KIND_TYPEDEF = 8;
    KIND_VOLATILE = 9;
    KIND_CONST = 10;
    KIND_RESTRICT = 11;
    KIND_FUNC = 12;
    KIND_FUNC_PROTO = 13;
    KIND_VAR = 14;
    KIND_DATASEC = 15;
    KIND_FLOAT = 16;
    KIND_DECL_TAG = 17;
    KIND_TYPE_TAG = 18;
    KIND_ENUM64 = 19;
    Btf = class _Btf {
      #view;
      #bytes;
      #base;
      /** Byte offset of each type of this part, the first of them numbered `#firstType`. */
      #types = [];
      #firstType;
      #strings;
      /** String offsets below this are the base's. */
      #firstString;
      constructor(bytes, base, types, strings) {
        this.#bytes = bytes;
        this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        this.#base = base;
        this.#firstType = base?.typeCount ?? 1;
        this.#firstString = base?.stringEnd ?? 0;
        this.#strings = { start: strings[0], end: strings[1] };
        this.#index(types[0], types[1]);
      }
      /** A BTF, or `undefined` where the bytes are damaged, of another version, or split with the base missing. */
      static parse(bytes, base) {
        if (bytes.length < 24) return void 0;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const headerSize = view.getUint32(4, true);
        if (view.getUint16(0, true) !== MAGIC3 || view.getUint8(2) !== 1 || headerSize < 24) return void 0;
        const part = (at) => {
          const start = headerSize + view.getUint32(at, true);
          return [start, start + view.getUint32(at + 4, true)];
        };
        const types = part(8);
        const strings = part(16);
        if (types[1] > bytes.length || strings[1] > bytes.length || strings[1] <= strings[0]) return void 0;
        if (base === void 0 && bytes[strings[0]] !== 0) return void 0;
        const btf = new _Btf(bytes, base, types, strings);
        return btf.#intact ? btf : void 0;
      }
      #intact = false;
      #index(start, end) {
        let at = start;
        while (at + 12 <= end) {
          const info = this.#view.getUint32(at + 4, true);
          const more = trailing(info >>> 24 & 31, info & 65535);
          if (more === void 0 || at + 12 + more > end) return;
          this.#types.push(at);
          at += 12 + more;
        }
        this.#intact = at === end;
      }
      /** One more than the largest type number. */
      get typeCount() {
        return this.#firstType + this.#types.length;
      }
      get stringEnd() {
        return this.#firstString + (this.#strings.end - this.#strings.start);
      }
      #string(offset) {
        if (offset < this.#firstString) return this.#base.#string(offset);
        const start = this.#strings.start + offset - this.#firstString;
        if (start >= this.#strings.end) return "";
        const end = this.#bytes.indexOf(0, start);
        return Buffer.from(this.#bytes.subarray(start, end < 0 ? this.#strings.end : end)).toString("latin1");
      }
      /** The type's bytes and where they begin; `undefined` for void and for numbers that nobody has. */
      #type(id) {
        if (id < this.#firstType) return id === 0 || this.#base === void 0 ? void 0 : this.#base.#type(id);
        const at = this.#types[id - this.#firstType];
        if (at === void 0) return void 0;
        const info = this.#view.getUint32(at + 4, true);
        return { btf: this, at, kind: info >>> 24 & 31, vlen: info & 65535 };
      }
      /** `sizeof`, bytes; `undefined` where it cannot be told. */
      #sizeOf(id) {
        let next = id;
        for (let step = 0; step < 64; step++) {
          const type = this.#type(next);
          if (type === void 0) return void 0;
          const word2 = type.btf.#view.getUint32(type.at + 8, true);
          switch (type.kind) {
            case KIND_PTR:
              return 8;
            case KIND_INT:
            case KIND_STRUCT:
            case KIND_UNION:
            case KIND_ENUM:
            case KIND_ENUM64:
            case KIND_FLOAT:
              return word2;
            case KIND_TYPEDEF:
            case KIND_VOLATILE:
            case KIND_CONST:
            case KIND_RESTRICT:
            case KIND_TYPE_TAG:
              next = word2;
              break;
            default:
              return void 0;
          }
        }
        return void 0;
      }
      /** The complete structures of this part with one of these names; of several with one name, the first. */
      structures(names3) {
        const found2 = /* @__PURE__ */ new Map();
        for (let i = 0; i < this.#types.length; i++) {
          const at = this.#types[i];
          if ((this.#view.getUint32(at + 4, true) >>> 24 & 31) !== KIND_STRUCT) continue;
          const nameAt = this.#view.getUint32(at, true);
          if (nameAt === 0) continue;
          const name = this.#string(nameAt);
          if (!names3.has(name) || found2.has(name)) continue;
          const members = /* @__PURE__ */ new Map();
          const nested = /* @__PURE__ */ new Map();
          this.#members(this.#firstType + i, 0, members, nested, 0);
          found2.set(name, { size: this.#view.getUint32(at + 8, true), members, nested });
        }
        return found2;
      }
      #members(id, base, members, nested, depth) {
        const type = this.#type(id);
        if (type === void 0 || depth > 16 || type.kind !== KIND_STRUCT && type.kind !== KIND_UNION) return;
        const view = type.btf.#view;
        const hasBitFields = (view.getUint32(type.at + 4, true) & 2147483648) !== 0;
        for (let i = 0, at = type.at + 12; i < type.vlen; i++, at += 12) {
          const bits2 = view.getUint32(at + 8, true) & (hasBitFields ? 16777215 : 4294967295);
          const offset = base + (bits2 >>> 0 >>> 3);
          const member = view.getUint32(at + 4, true);
          const name = type.btf.#string(view.getUint32(at, true));
          if (name === "") this.#members(member, offset, members, nested, depth + 1);
          else if (!members.has(name)) {
            members.set(name, offset);
            const of = this.#type(member);
            if (of?.kind === KIND_STRUCT) nested.set(name, of.btf.#string(of.btf.#view.getUint32(of.at, true)));
          }
        }
      }
      /**
       * All functions of this part by name: whether they take or give anything. Of assembly the assembler leaves functions that
       * do neither, with no prototype to know better.
       */
      functions() {
        const found2 = /* @__PURE__ */ new Map();
        for (const at of this.#types) {
          if ((this.#view.getUint32(at + 4, true) >>> 24 & 31) !== KIND_FUNC) continue;
          const name = this.#string(this.#view.getUint32(at, true));
          const type = this.#type(this.#view.getUint32(at + 8, true));
          const hasMore = type !== void 0 && (type.vlen > 0 || type.btf.#view.getUint32(type.at + 8, true) !== 0);
          found2.set(name, hasMore || found2.get(name) === true);
        }
        return found2;
      }
      /** The prototypes of all functions of this part called `name`. */
      prototypes(name) {
        const found2 = [];
        for (let i = 0; i < this.#types.length; i++) {
          const at = this.#types[i];
          if ((this.#view.getUint32(at + 4, true) >>> 24 & 31) !== KIND_FUNC) continue;
          if (this.#string(this.#view.getUint32(at, true)) !== name) continue;
          const prototype = this.#prototype(name, this.#view.getUint32(at + 8, true));
          if (prototype !== void 0) found2.push(prototype);
        }
        return found2;
      }
      #prototype(name, id) {
        const type = this.#type(id);
        if (type === void 0 || type.kind !== KIND_FUNC_PROTO) return void 0;
        const view = type.btf.#view;
        const result = view.getUint32(type.at + 8, true);
        const resultSize = result === 0 ? 0 : this.#sizeOf(result);
        let complete = resultSize !== void 0;
        let words2 = (resultSize ?? 0) > 16 ? 1 : 0;
        let variadic = false;
        for (let i = 0; i < type.vlen; i++) {
          const parameter = view.getUint32(type.at + 12 + i * 8 + 4, true);
          if (parameter === 0) {
            variadic = true;
            continue;
          }
          const size = this.#sizeOf(parameter);
          if (size === void 0) complete = false;
          if ((size ?? 8) > 8 && words2 % 2 === 1) words2++;
          words2 += Math.max(1, Math.ceil((size ?? 8) / 8));
        }
        return { name, parameters: type.vlen - (variadic ? 1 : 0), variadic, words: words2, complete };
      }
    };
  }
});

// src/kernel/knowledge/dwarf-forms.ts
import { inflateSync } from "node:zlib";
function debugSection(elf, name) {
  const section = elf.sectionNamed(name);
  if (section === void 0) return new Uint8Array(0);
  const bytes = elf.contents(section);
  if ((section.sh_flags & SHF_COMPRESSED) === 0) return bytes;
  const view = viewOf(bytes);
  const size = Number(view.getBigUint64(8, true));
  if (view.getUint32(0, true) !== ELFCOMPRESS_ZLIB || size > 2 ** 31) throw new Unreadable("compressed otherwise");
  try {
    return inflateSync(bytes.subarray(CHDR_SIZE), { maxOutputLength: Math.max(1, size) });
  } catch {
    throw new Unreadable("damaged");
  }
}
function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
function latin1(bytes, at) {
  const end = at < bytes.length ? bytes.indexOf(0, at) : -1;
  return end < 0 ? void 0 : Buffer.from(bytes.subarray(at, end)).toString("latin1");
}
var FORM_REF_ADDR, FORM_REF1, FORM_REF_UDATA, FORM_STRING, FORM_BLOCK1, FORM_STRP, FORM_EXPRLOC, FORM_LINE_STRP, FORM_IMPLICIT_CONST, Unreadable, SHF_COMPRESSED, ELFCOMPRESS_ZLIB, CHDR_SIZE, FormReader;
var init_dwarf_forms = __esm({
  "src/kernel/knowledge/dwarf-forms.ts"() {
    "use strict";
    FORM_REF_ADDR = 16;
    FORM_REF1 = 17;
    FORM_REF_UDATA = 21;
    FORM_STRING = 8;
    FORM_BLOCK1 = 10;
    FORM_STRP = 14;
    FORM_EXPRLOC = 24;
    FORM_LINE_STRP = 31;
    FORM_IMPLICIT_CONST = 33;
    Unreadable = class extends Error {
    };
    SHF_COMPRESSED = 2048;
    ELFCOMPRESS_ZLIB = 1;
    CHDR_SIZE = 24;
    FormReader = class {
      bytes;
      #view;
      at = 0;
      constructor(bytes) {
        this.bytes = bytes;
        this.#view = viewOf(bytes);
      }
      /** Reads, or passes over, the value of a form; `undefined` where it is no number. */
      value(unit, form, constant) {
        switch (form) {
          case 1:
            return this.#skip(unit.addressSize);
          case 5:
          case 18:
          case 38:
          case 42:
            return this.u16();
          case 6:
          case 19:
          case 40:
          case 44:
          case 28:
            return this.u32();
          case 7:
          case 20:
          case 32:
          case 36:
            return this.u64();
          case 11:
          case 12:
          case 17:
          case 37:
          case 41:
            return this.u8();
          case 39:
          case 43:
            return this.u8() | this.u16() << 8;
          case 13:
            return this.sleb();
          case 15:
          case 21:
          case 26:
          case 27:
          case 34:
          case 35:
            return this.uleb();
          case FORM_STRP:
          case FORM_LINE_STRP:
          case 23:
          case 29:
            return this.offset(unit.offsetSize);
          case 16:
            return this.offset(unit.version === 2 ? unit.addressSize : unit.offsetSize);
          case 25:
            return 1;
          case 33:
            return constant;
          case 30:
            return this.#skip(16);
          case FORM_STRING: {
            const end = this.bytes.indexOf(0, this.at);
            if (end < 0) throw new Unreadable("a name without end");
            this.at = end + 1;
            return void 0;
          }
          case FORM_BLOCK1:
            return this.#skip(this.u8());
          case 3:
            return this.#skip(this.u16());
          case 4:
            return this.#skip(this.u32());
          case 9:
          case FORM_EXPRLOC:
            return this.#skip(this.uleb());
          case 22:
            return this.value(unit, this.uleb(), 0);
          default:
            throw new Unreadable("an unknown form");
        }
      }
      #skip(length) {
        this.at += length;
        return void 0;
      }
      u8() {
        return this.#view.getUint8(this.at++);
      }
      u16() {
        this.at += 2;
        return this.#view.getUint16(this.at - 2, true);
      }
      u32() {
        this.at += 4;
        return this.#view.getUint32(this.at - 4, true);
      }
      u64() {
        this.at += 8;
        return Number(this.#view.getBigUint64(this.at - 8, true));
      }
      offset(size) {
        return size === 8 ? this.u64() : this.u32();
      }
      uleb() {
        return this.#leb(false);
      }
      sleb() {
        return this.#leb(true);
      }
      /** A LEB128 number; exact below 2^53. */
      #leb(isSigned2) {
        let value = 0;
        let factor = 1;
        for (; ; ) {
          const byte = this.bytes[this.at++];
          if (byte === void 0) throw new Unreadable("ends inside a number");
          value += (byte & 127) * factor;
          factor *= 128;
          if ((byte & 128) === 0) return isSigned2 && (byte & 64) !== 0 ? value - factor : value;
        }
      }
    };
  }
});

// src/kernel/knowledge/dwarf.ts
function dwarfStructures(elf, names3) {
  if (elf.isRelocatable || elf.sectionNamed(".debug_info") === void 0) return void 0;
  try {
    return new DwarfReader(elf).structures(names3);
  } catch (error) {
    if (error instanceof Unreadable || error instanceof RangeError) return void 0;
    throw error;
  }
}
var TAG_MEMBER, TAG_STRUCTURE, TAG_UNION, AT_NAME, AT_BYTE_SIZE, AT_DATA_MEMBER_LOCATION, AT_DECLARATION, AT_TYPE, AT_STR_OFFSETS_BASE, OP_PLUS_UCONST, DwarfReader;
var init_dwarf = __esm({
  "src/kernel/knowledge/dwarf.ts"() {
    "use strict";
    init_dwarf_forms();
    TAG_MEMBER = 13;
    TAG_STRUCTURE = 19;
    TAG_UNION = 23;
    AT_NAME = 3;
    AT_BYTE_SIZE = 11;
    AT_DATA_MEMBER_LOCATION = 56;
    AT_DECLARATION = 60;
    AT_TYPE = 73;
    AT_STR_OFFSETS_BASE = 114;
    OP_PLUS_UCONST = 35;
    DwarfReader = class {
      #info;
      #abbreviations;
      #strings;
      #lineStrings;
      #stringOffsets;
      #known = /* @__PURE__ */ new Map();
      constructor(elf) {
        this.#info = new FormReader(debugSection(elf, ".debug_info"));
        this.#abbreviations = debugSection(elf, ".debug_abbrev");
        this.#strings = debugSection(elf, ".debug_str");
        this.#lineStrings = debugSection(elf, ".debug_line_str");
        this.#stringOffsets = debugSection(elf, ".debug_str_offsets");
      }
      structures(names3) {
        const found2 = /* @__PURE__ */ new Map();
        for (let at = 0; at < this.#info.bytes.length && found2.size < names3.size; ) {
          const unit = this.#unit(at);
          if (unit.entries < unit.end) this.#walk(unit, names3, found2);
          at = unit.end;
        }
        return found2;
      }
      #unit(start) {
        this.#info.at = start;
        let length = this.#info.u32();
        let offsetSize = 4;
        if (length === 4294967295) {
          offsetSize = 8;
          length = this.#info.u64();
        }
        const end = this.#info.at + length;
        if (end > this.#info.bytes.length || length < 7) throw new Unreadable("a unit runs over the end");
        const version2 = this.#info.u16();
        if (version2 < 2 || version2 > 5) throw new Unreadable("of a later version");
        let unitType = 1;
        let addressSize = 8;
        if (version2 >= 5) {
          unitType = this.#info.u8();
          addressSize = this.#info.u8();
        }
        const abbreviationsAt = this.#info.offset(offsetSize);
        if (version2 < 5) addressSize = this.#info.u8();
        if (unitType === 4 || unitType === 5) this.#info.at += 8;
        if (unitType === 2 || unitType === 6) this.#info.at += 8 + offsetSize;
        const abbreviations = this.#table(abbreviationsAt);
        const stringOffsets = offsetSize === 8 ? 16 : 8;
        return { start, end, entries: this.#info.at, version: version2, offsetSize, addressSize, abbreviations, stringOffsets };
      }
      #walk(unit, names3, found2) {
        for (let at = unit.entries; at < unit.end; ) {
          const entry2 = this.#entry(unit, at);
          at = this.#info.at;
          if (entry2?.tag !== TAG_STRUCTURE || entry2.isDeclaration || entry2.byteSize === void 0) continue;
          if (entry2.name === void 0 || !names3.has(entry2.name) || found2.has(entry2.name)) continue;
          const members = /* @__PURE__ */ new Map();
          const nested = /* @__PURE__ */ new Map();
          if (entry2.hasChildren) this.#members(unit, at, 0, members, nested, 0);
          found2.set(entry2.name, { size: entry2.byteSize, members, nested });
        }
      }
      /** @param at behind the structure's own entry */
      #members(unit, at, base, members, nested, depth) {
        let level = 0;
        for (let next = at; next < unit.end; ) {
          const entry2 = this.#entry(unit, next);
          next = this.#info.at;
          if (entry2 === void 0) {
            if (level-- === 0) return;
            continue;
          }
          if (level === 0 && entry2.tag === TAG_MEMBER && entry2.type !== void 0) {
            const offset = base + (entry2.location ?? 0);
            const type = this.#inUnit(unit, entry2.type);
            if (entry2.name !== void 0) {
              if (!members.has(entry2.name)) members.set(entry2.name, offset);
              if (type?.tag === TAG_STRUCTURE && type.name !== void 0) nested.set(entry2.name, type.name);
            } else if (type?.hasChildren && depth < 16 && (type.tag === TAG_STRUCTURE || type.tag === TAG_UNION))
              this.#members(unit, type.end, offset, members, nested, depth + 1);
          }
          if (entry2.hasChildren) level++;
        }
      }
      #inUnit(unit, at) {
        return at >= unit.entries && at < unit.end ? this.#entry(unit, at) : void 0;
      }
      /** The entry at `at`, or `undefined` for the one that ends a list; `#at` is behind it then. */
      #entry(unit, at) {
        this.#info.at = at;
        const number2 = this.#info.uleb();
        if (number2 === 0) return void 0;
        const abbreviation = unit.abbreviations.get(number2);
        if (abbreviation === void 0) throw new Unreadable("an unknown abbreviation");
        let name;
        let byteSize;
        let location;
        let type;
        let isDeclaration = false;
        const wantsName = abbreviation.tag === TAG_STRUCTURE || abbreviation.tag === TAG_MEMBER;
        for (const { name: attribute, form, constant } of abbreviation.attributes) {
          if (attribute === AT_NAME && wantsName) name = this.#text(unit, form);
          else if (attribute === AT_BYTE_SIZE) byteSize = this.#info.value(unit, form, constant);
          else if (attribute === AT_DATA_MEMBER_LOCATION) location = this.#location(unit, form, constant);
          else if (attribute === AT_TYPE) type = this.#reference(unit, form);
          else if (attribute === AT_DECLARATION) isDeclaration = this.#info.value(unit, form, constant) !== 0;
          else if (attribute === AT_STR_OFFSETS_BASE) unit.stringOffsets = this.#info.value(unit, form, constant) ?? 8;
          else this.#info.value(unit, form, constant);
        }
        const { tag, hasChildren } = abbreviation;
        return { tag, hasChildren, name, byteSize, location, isDeclaration, type, end: this.#info.at };
      }
      /** A member's offset: a constant, or in DWARF 2 an expression of one operator. */
      #location(unit, form, constant) {
        if (form !== FORM_BLOCK1 && form !== FORM_EXPRLOC) return this.#info.value(unit, form, constant);
        const length = form === FORM_BLOCK1 ? this.#info.u8() : this.#info.uleb();
        const end = this.#info.at + length;
        const offset = length > 1 && this.#info.u8() === OP_PLUS_UCONST ? this.#info.uleb() : void 0;
        this.#info.at = end;
        return offset;
      }
      /** Offset in `.debug_info`; `undefined` for a type in another unit or file. */
      #reference(unit, form) {
        const value = this.#info.value(unit, form, 0);
        if (form === FORM_REF_ADDR) return value;
        return form >= FORM_REF1 && form <= FORM_REF_UDATA && value !== void 0 ? unit.start + value : void 0;
      }
      #text(unit, form) {
        if (form === FORM_STRING) {
          const start = this.#info.at;
          this.#info.value(unit, form, 0);
          return latin1(this.#info.bytes, start);
        }
        const value = this.#info.value(unit, form, 0);
        if (value === void 0) return void 0;
        if (form === FORM_STRP) return latin1(this.#strings, value);
        if (form === FORM_LINE_STRP) return latin1(this.#lineStrings, value);
        const slot = unit.stringOffsets + value * unit.offsetSize;
        const offsets = viewOf(this.#stringOffsets);
        const at = unit.offsetSize === 8 ? Number(offsets.getBigUint64(slot, true)) : offsets.getUint32(slot, true);
        return latin1(this.#strings, at);
      }
      #table(at) {
        const known3 = this.#known.get(at);
        if (known3 !== void 0) return known3;
        const reader = new FormReader(this.#abbreviations);
        reader.at = at;
        const table2 = /* @__PURE__ */ new Map();
        for (let number2 = reader.uleb(); number2 !== 0; number2 = reader.uleb()) {
          const tag = reader.uleb();
          const hasChildren = reader.u8() !== 0;
          const attributes = [];
          for (; ; ) {
            const name = reader.uleb();
            const form = reader.uleb();
            const constant = form === FORM_IMPLICIT_CONST ? reader.sleb() : 0;
            if (name === 0 && form === 0) break;
            attributes.push({ name, form, constant });
          }
          table2.set(number2, { tag, hasChildren, attributes });
        }
        this.#known.set(at, table2);
        return table2;
      }
    };
  }
});

// src/kernel/knowledge/measured.ts
function measuredStructures(layoutCrc) {
  return layoutCrc === void 0 ? void 0 : ROWS2.get(layoutCrc);
}
var ROWS2;
var init_measured = __esm({
  "src/kernel/knowledge/measured.ts"() {
    "use strict";
    ROWS2 = /* @__PURE__ */ new Map([
      [
        // Debian 12: 6.1.0-50-powerpc64le
        3626781958,
        {
          sizes: {
            module: 1024,
            mod_arch_specific: 80,
            module_layout: 80,
            mod_kallsyms: 32,
            kernel_param: 40,
            kernel_symbol: 24,
            modversion_info: 64,
            module_version_attribute: 72,
            exception_table_entry: 8,
            bug_entry: 12,
            jump_entry: 16,
            bpf_raw_event_map: 32,
            error_injection_entry: 16,
            _ddebug: 56,
            ddebug_class_map: 56,
            tracepoint: 72,
            trace_event_call: 144,
            trace_eval_map: 24,
            srcu_struct: 392,
            // These two are private to a source file: counted from module_64.c and feature-fixups.c.
            ppc64_stub_entry: 40,
            fixup_entry: 48
          },
          moduleFields: {
            state: 0,
            list: 8,
            name: 24,
            mkobj: 80,
            modinfo_attrs: 176,
            version: 184,
            srcversion: 192,
            holders_dir: 200,
            syms: 208,
            crcs: 216,
            num_syms: 224,
            param_lock: 232,
            kp: 264,
            num_kp: 272,
            num_gpl_syms: 276,
            gpl_syms: 280,
            gpl_crcs: 288,
            using_gplonly_symbols: 296,
            sig_ok: 297,
            async_probe_requested: 298,
            num_exentries: 300,
            extable: 304,
            init: 312,
            core_layout: 384,
            init_layout: 464,
            arch: 544,
            "arch.stubs_section": 544,
            "arch.toc_section": 548,
            "arch.toc_fixed": 552,
            "arch.start_opd": 560,
            "arch.end_opd": 568,
            "arch.tramp": 576,
            "arch.tramp_regs": 584,
            "arch.bug_list": 592,
            "arch.bug_table": 608,
            "arch.num_bugs": 616,
            taints: 624,
            num_bugs: 632,
            bug_list: 640,
            bug_table: 656,
            kallsyms: 664,
            core_kallsyms: 672,
            sect_attrs: 704,
            notes_attrs: 712,
            args: 720,
            percpu: 728,
            percpu_size: 736,
            noinstr_text_start: 744,
            noinstr_text_size: 752,
            num_tracepoints: 756,
            tracepoints_ptrs: 760,
            num_bpf_raw_events: 784,
            bpf_raw_events: 792,
            jump_entries: 816,
            num_jump_entries: 824,
            trace_events: 840,
            num_trace_events: 848,
            trace_evals: 856,
            num_trace_evals: 864,
            num_ftrace_callsites: 868,
            ftrace_callsites: 872,
            source_list: 912,
            target_list: 928,
            exit: 944,
            refcnt: 952
          }
        }
      ]
    ]);
  }
});

// src/kernel/knowledge/structures.ts
function structuresFrom(sources, assumptions) {
  const known3 = described(sources) ?? fromModule(sources, assumptions) ?? measured(sources, assumptions);
  const sizes2 = { ...known3?.sizes };
  const moduleFields = { name: NAME_OFFSET, ...known3?.moduleFields };
  for (const [name, value] of sources.given) {
    if (name.startsWith("module.")) moduleFields[name.slice("module.".length)] = value;
    else sizes2[name] = value;
  }
  const moduleSize = sizes2.module;
  if (moduleSize === void 0)
    throw new InputError({
      code: "KER024",
      message: "the size of struct module is not known",
      expected: "BTF or DWARF in the image, or a module that was built for it",
      found: "neither",
      remedy: "give a module of this kernel with --module FILE, or the size with --structure module=BYTES (readelf -S of any of its modules shows it: .gnu.linkonce.this_module)"
    });
  if (sources.given.size > 0)
    assumptions.push(`given by hand: ${[...sources.given].map((pair) => pair.join("=")).join(", ")}`);
  const isGiven = sources.given.has("module") || known3 === void 0;
  return { moduleSize, moduleFields, sizes: sizes2, source: isGiven ? "given" : known3.source };
}
function described({ elf }) {
  if (elf === void 0) return void 0;
  const section = elf.sectionNamed(".BTF");
  const btf = section === void 0 ? void 0 : Btf.parse(elf.contents(section));
  return known(btf?.structures(WANTED), "btf") ?? known(dwarfStructures(elf, WANTED), "dwarf");
}
function known(structures, source) {
  const module = structures?.get("module");
  if (structures === void 0 || module === void 0) return void 0;
  const moduleFields = {};
  for (const [name, offset] of module.members) {
    moduleFields[name] = offset;
    if (name !== NESTED) continue;
    const nested = structures.get(module.nested.get(name) ?? "");
    for (const [inner, at] of nested?.members ?? []) moduleFields[`${name}.${inner}`] = offset + at;
  }
  const sizes2 = {};
  for (const [name, { size }] of structures) sizes2[name] = size;
  return { moduleFields, sizes: sizes2, source };
}
function fromModule(sources, assumptions) {
  const { module } = sources;
  if (module === void 0) return void 0;
  const section = module.sectionNamed(THIS_MODULE);
  if (section === void 0 || !module.isRelocatable)
    throw new InputError({
      code: "KER026",
      message: "the sample is not a module",
      expected: `an object with ${THIS_MODULE}`,
      found: "none",
      remedy: "give a .ko that was built for this kernel"
    });
  const moduleFields = {};
  const symbols2 = module.symbols;
  for (const table3 of module.relocationSectionsFor(section.index)) {
    const relocations = module.relocations(table3);
    for (let i = 0; i < relocations.count; i++) {
      const name = symbols2?.name(relocations.symbol(i));
      if (name === "init_module") moduleFields.init = relocations.offset(i);
      if (name === "cleanup_module") moduleFields.exit = relocations.offset(i);
    }
  }
  const table2 = measuredStructures(sources.layoutCrc);
  if (table2 !== void 0 && table2.sizes.module === section.sh_size) {
    assumptions.push(MEASURED);
    return { moduleFields: { ...table2.moduleFields, ...moduleFields }, sizes: table2.sizes, source: "module" };
  }
  assumptions.push("no BTF and no DWARF: of the structures only struct module is known, from a module of this kernel");
  return { moduleFields, sizes: { ...FIXED, module: section.sh_size }, source: "module" };
}
function measured({ layoutCrc }, assumptions) {
  const table2 = measuredStructures(layoutCrc);
  if (table2 === void 0) return void 0;
  assumptions.push(MEASURED);
  return { ...table2, source: "table" };
}
var WANTED, NESTED, NAME_OFFSET, THIS_MODULE, MEASURED, FIXED;
var init_structures = __esm({
  "src/kernel/knowledge/structures.ts"() {
    "use strict";
    init_errors();
    init_btf();
    init_dwarf();
    init_measured();
    WANTED = /* @__PURE__ */ new Set([
      "module",
      "mod_arch_specific",
      "module_layout",
      "module_memory",
      "mod_kallsyms",
      "kernel_param",
      "kernel_symbol",
      "modversion_info",
      "module_version_attribute",
      "exception_table_entry",
      "bug_entry",
      "jump_entry",
      "static_call_site",
      "bpf_raw_event_map",
      "error_injection_entry",
      "_ddebug",
      "ddebug_class_map",
      "tracepoint",
      "trace_event_call",
      "trace_eval_map",
      "srcu_struct",
      "fixup_entry",
      "ppc64_stub_entry",
      "ftrace_ool_stub",
      "klp_func",
      "klp_object",
      "klp_patch"
    ]);
    NESTED = "arch";
    NAME_OFFSET = 24;
    THIS_MODULE = ".gnu.linkonce.this_module";
    MEASURED = "no BTF and no DWARF: sizes of structures are those measured on a kernel whose module_layout has the same checksum";
    FIXED = {
      kernel_param: 40,
      kernel_symbol: 24,
      modversion_info: 64,
      exception_table_entry: 8,
      jump_entry: 16,
      trace_eval_map: 24
    };
  }
});

// src/kernel/symvers.ts
function parseSymvers(text2) {
  const symbols2 = /* @__PURE__ */ new Map();
  text2.split("\n").forEach((line, i) => {
    if (line === "") return;
    const [crc, name, exporter, kind, namespace] = line.split("	");
    if (crc === void 0 || !/^0x[0-9a-f]{1,8}$/i.test(crc) || !name || exporter === void 0 || !kind?.startsWith("EXPORT_"))
      throw new InputError({
        code: "KER002",
        message: `line ${i + 1} is not one of Module.symvers`,
        expected: "checksum, name, module and kind of export, separated by tabs",
        found: JSON.stringify(line.slice(0, 80)),
        remedy: "give the Module.symvers that the build of the kernel or of the exporting module left"
      });
    if (symbols2.has(name)) return;
    const gplOnly = kind.includes("GPL");
    symbols2.set(name, { name, crc: Number.parseInt(crc, 16), exporter, gplOnly, namespace: namespace ?? "" });
  });
  return symbols2;
}
var init_symvers = __esm({
  "src/kernel/symvers.ts"() {
    "use strict";
    init_errors();
  }
});

// src/kernel/knowledge/symvers-check.ts
function vmlinuxExports(text2) {
  return [...parseSymvers(text2).values()].filter((symbol2) => symbol2.exporter === "vmlinux");
}
function checkSymvers(arrays, text2) {
  const listed = vmlinuxExports(text2);
  const exports = new IndexedExports(arrays);
  for (const symbol2 of listed) {
    const at = exports.find(symbol2.name);
    if (at < 0) throw disagrees(symbol2.name, "exported", "not exported");
    const crc = exports.crc(at);
    if (crc !== void 0 && crc !== symbol2.crc) throw disagrees(symbol2.name, hex(symbol2.crc), hex(crc));
    if (crc === void 0 && symbol2.crc !== 0) throw disagrees(symbol2.name, hex(symbol2.crc), "no checksum");
    const kinds = ["for all modules", "for modules under the GPL only"];
    if (exports.gplOnly(at) !== symbol2.gplOnly)
      throw disagrees(symbol2.name, kinds[symbol2.gplOnly ? 1 : 0], kinds[symbol2.gplOnly ? 0 : 1]);
    const namespace = exports.namespace(at);
    if (namespace !== symbol2.namespace)
      throw disagrees(symbol2.name, `namespace "${symbol2.namespace}"`, `"${namespace}"`);
  }
  if (listed.length === exports.count) return;
  const names3 = new Set(listed.map((symbol2) => symbol2.name));
  for (let i = 0; i < exports.count; i++)
    if (!names3.has(exports.name(i))) throw disagrees(exports.name(i), "not exported", "exported");
}
function disagrees(name, expected, found2) {
  return new InputError({
    code: "KER017",
    message: `Module.symvers and the image disagree about ${name}`,
    expected: `${expected}, as Module.symvers says`,
    found: `${found2} in the image`,
    remedy: "give the Module.symvers of the same build, or leave it out: the image alone is enough"
  });
}
function exportsOfPieces(text2, address2, modversions) {
  const listed = vmlinuxExports(text2);
  const starts2 = new Uint32Array(listed.length);
  const strings = [];
  const namespaces = [""];
  const namespacePlaces = /* @__PURE__ */ new Map([["", 0]]);
  const addresses = new Uint32Array(listed.length * 2);
  const crcs = new Uint32Array(listed.length);
  const flags = new Uint8Array(listed.length);
  const namespaceAt = new Uint32Array(listed.length);
  let length = 0;
  let namespacesLength = 1;
  listed.forEach((symbol2, i) => {
    const value = address2(symbol2.name);
    if (value === void 0)
      throw new InputError({
        code: "KER019",
        message: "the System.map is not of this kernel",
        expected: `the exported symbol ${symbol2.name}`,
        found: "no such symbol",
        remedy: "give the System.map and the Module.symvers of one build"
      });
    starts2[i] = length;
    strings.push(symbol2.name);
    length += Buffer.byteLength(symbol2.name) + 1;
    addresses[i * 2] = Number(value & 0xffffffffn);
    addresses[i * 2 + 1] = Number(value >> 32n);
    crcs[i] = symbol2.crc;
    flags[i] = (symbol2.gplOnly ? EXPORT_GPL_ONLY : 0) | (modversions ? EXPORT_HAS_CRC : 0);
    let place = namespacePlaces.get(symbol2.namespace);
    if (place === void 0) {
      place = namespacesLength;
      namespacePlaces.set(symbol2.namespace, place);
      namespaces.push(symbol2.namespace);
      namespacesLength += Buffer.byteLength(symbol2.namespace) + 1;
    }
    namespaceAt[i] = place;
  });
  const { numbers: _numbers, ...names3 } = numberNames(Buffer.from(`${strings.join("\0")}\0`), starts2);
  return {
    ...names3,
    addresses,
    crcs,
    flags,
    namespaceAt,
    namespaces: Buffer.from(namespaces.map((text3) => `${text3}\0`).join(""))
  };
}
var hex;
var init_symvers_check = __esm({
  "src/kernel/knowledge/symvers-check.ts"() {
    "use strict";
    init_errors();
    init_symvers();
    init_names();
    init_tables();
    hex = (value) => `0x${value.toString(16).padStart(8, "0")}`;
  }
});

// src/kernel/knowledge/build.ts
function buildKernel(sources) {
  return sources.image === void 0 ? fromPieces(sources) : fromImage(sources, sources.image);
}
function fromImage(sources, bytes) {
  const assumptions = [];
  const image = new KernelImage(bytes, sources.systemMap);
  const identity = identityOf(image);
  const words2 = new Set(identity.vermagic.trim().split(" ").slice(1));
  const { address: address2 } = image;
  const exports = exportsOfImage({ elf: image.elf, address: address2, modversions: words2.has("modversions") });
  if (sources.symvers !== void 0) checkSymvers(exports, textOf2(sources.symvers));
  const config = sources.config === void 0 ? embeddedConfig(image) : parseConfig(textOf2(sources.config));
  if (image.fromSystemMap) assumptions.push("the image has no symbols: their addresses are those of the System.map");
  const options = optionsFrom(
    {
      ...identity,
      words: words2,
      has: (name) => image.has(name),
      holdsText: (text2) => image.holdsText(text2),
      byteAt: (name) => dataAt(image, name, 1)?.getUint8(0),
      wordAt: (name) => dataAt(image, name, 4)?.getUint32(0, true),
      address: address2,
      sizeOf: (name) => image.sizeOf(name),
      usesPcrel: () => usesPcrel(image),
      countBetween: (start, end) => countBetween(image.symbols, start, end)
    },
    config,
    assumptions
  );
  const module = sampleModule(sources.module, identity.vermagic);
  const structures = structuresFrom(
    { elf: image.elf, module, layoutCrc: crcOf(exports, "module_layout"), given: sources.structures ?? /* @__PURE__ */ new Map() },
    assumptions
  );
  const toc = options.pcrel ? image.toc ?? 0n : image.toc;
  if (toc === void 0)
    throw new InputError({
      code: "KER014",
      message: "the image has no TOC",
      expected: "the symbol .TOC. or a section .got",
      found: "neither",
      remedy: "give the vmlinux of a ppc64le kernel"
    });
  const { release, version: version2, vermagic } = identity;
  const { buildId, symbols: symbols2 } = image;
  return { release, version: version2, vermagic, buildId, toc, options, structures, exports, symbols: symbols2, assumptions };
}
function dataAt(image, name, size) {
  const at = image.address(name);
  const bytes = at === void 0 ? void 0 : image.bytesAt(at, size);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, size);
}
function usesPcrel(image) {
  const table2 = image.elf.symbols;
  const at = table2?.find("start_kernel") ?? -1;
  return at < 0 ? void 0 : table2.st_other(at) >> 5 === 1;
}
function countBetween({ addresses }, start, end) {
  const low = Number(start & 0xffffffffn);
  const high = Number(start >> 32n);
  const size = Number(end - start);
  let count = 0;
  for (let i = 0; i < addresses.length; i += 2) {
    const distance = (addresses[i + 1] - high) * 4294967296 + (addresses[i] - low);
    if (distance >= 0 && distance < size) count++;
  }
  return count;
}
function crcOf(arrays, name) {
  const exports = new IndexedExports(arrays);
  const at = exports.find(name);
  return at < 0 ? void 0 : exports.crc(at);
}
function sampleModule(bytes, vermagic) {
  if (bytes === void 0) return void 0;
  const elf = readElf(bytes);
  const own = modinfoOf(elf).find((entry2) => entry2.key === "vermagic")?.value;
  if (vermagic !== void 0 && own !== vermagic)
    throw new InputError({
      code: "KER026",
      message: "the sample module was built for another kernel",
      expected: `vermagic ${JSON.stringify(vermagic)}`,
      found: own === void 0 ? "none" : JSON.stringify(own),
      remedy: "give a .ko of the same build as the kernel"
    });
  return elf;
}
function fromPieces(sources) {
  const { systemMap, symvers, module, config } = sources;
  if (systemMap === void 0 || symvers === void 0 || module === void 0 || config === void 0)
    throw new InputError({
      code: "KER015",
      message: "too little is given to know a kernel",
      expected: "a vmlinux; or --system-map, --symvers, --config and --module together",
      found: "neither",
      remedy: "give the vmlinux of the kernel"
    });
  const elf = sampleModule(module, void 0);
  const vermagic = modinfoOf(elf).find((entry2) => entry2.key === "vermagic")?.value ?? "";
  if (!/^\d+\.\d+\S* /.test(vermagic))
    throw new InputError({
      code: "KER020",
      message: "the sample module does not say which kernel it is for",
      expected: "a vermagic that begins with the release",
      found: JSON.stringify(vermagic.slice(0, 60)),
      remedy: "give a .ko that was built for this kernel"
    });
  const assumptions = [
    "no image: addresses are those of the System.map, exports those of Module.symvers, and vermagic that of a module"
  ];
  const symbols2 = symbolsOfSystemMap(systemMap);
  const lookup = new IndexedSymbols(symbols2.nameAt.length, () => symbols2);
  const address2 = (name) => lookup.find(name)[0];
  const identity = identityFrom(vermagic);
  const words2 = new Set(vermagic.trim().split(" ").slice(1));
  const options = optionsFrom(piecesTraces(identity, words2, address2), parseConfig(textOf2(config)), assumptions);
  const exports = exportsOfPieces(textOf2(symvers), address2, options.modversions);
  const structures = structuresFrom(
    { elf: void 0, module: elf, layoutCrc: crcOf(exports, "module_layout"), given: sources.structures ?? /* @__PURE__ */ new Map() },
    assumptions
  );
  const toc = address2(".TOC.") ?? (options.pcrel ? 0n : void 0);
  if (toc === void 0)
    throw new InputError({
      code: "KER015",
      message: "the System.map does not tell the TOC",
      expected: "the symbol .TOC.",
      found: "none",
      remedy: "give the vmlinux of the kernel"
    });
  const { release, version: version2 } = identity;
  return { release, version: version2, vermagic, buildId: "", toc, options, structures, exports, symbols: symbols2, assumptions };
}
function piecesTraces(identity, words2, address2) {
  return {
    version: identity.version,
    banner: identity.banner,
    words: words2,
    has: (name) => address2(name) !== void 0,
    holdsText: () => void 0,
    byteAt: () => void 0,
    wordAt: () => void 0,
    address: address2,
    sizeOf: () => void 0,
    usesPcrel: () => void 0,
    countBetween: () => 0
  };
}
var textOf2;
var init_build = __esm({
  "src/kernel/knowledge/build.ts"() {
    "use strict";
    init_read();
    init_errors();
    init_modinfo();
    init_config();
    init_exports();
    init_identity();
    init_image2();
    init_options();
    init_structures();
    init_symbols2();
    init_symvers_check();
    init_tables();
    textOf2 = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  }
});

// src/cli/kernel/make.ts
var make_exports = {};
__export(make_exports, {
  makeIndex: () => makeIndex
});
async function makeIndex(pieces, given = {}) {
  const used = {};
  const image = await pickImage(pieces.images);
  if (image !== void 0) used.image = image.path;
  const sources = {
    image: image?.bytes,
    structures: given.structures
  };
  const symvers = given.symvers ?? pieces.symvers;
  const config = given.config ?? pieces.config;
  if (symvers !== void 0) sources.symvers = (await readObject(symvers)).bytes;
  if (config !== void 0) sources.config = (await readObject(config)).bytes;
  const systemMap = given.systemMap ?? (image === void 0 || !image.hasSymbols ? pieces.systemMap : void 0);
  if (systemMap !== void 0) sources.systemMap = (await readObject(systemMap)).bytes;
  const found2 = image?.hasTypes === true || pieces.modulesFolder === void 0 ? void 0 : someModule(pieces.modulesFolder);
  const module = given.module ?? found2;
  if (module !== void 0) sources.module = (await readObject(module)).bytes;
  Object.assign(used, definedOnly({ systemMap, symvers, config, module }));
  try {
    return { bytes: encodeIndex(buildKernel(sources)), used };
  } catch (error) {
    throw inFile(error, blamed(error, used));
  }
}
function blamed(error, used) {
  const code = error instanceof InputError ? error.code : "";
  const piece = {
    KER002: used.symvers,
    KER017: used.symvers,
    KER018: used.systemMap,
    KER019: used.systemMap,
    KER022: used.config,
    KER026: used.module
  }[code] ?? used.image;
  return piece ?? "kernel";
}
function definedOnly(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== void 0));
}
async function pickImage(paths) {
  let failure;
  for (const path of paths) {
    try {
      const { bytes } = await readObject(path);
      const elf = readElf(bytes);
      const isOnly = paths.length === 1;
      if (!isOnly && elf.sectionNamed("__ksymtab") === void 0 && elf.sectionNamed("__ksymtab_gpl") === void 0)
        continue;
      const hasTypes = elf.sectionNamed(".BTF") !== void 0 || elf.sectionNamed(".debug_info") !== void 0;
      return { path, bytes, hasSymbols: (elf.symbols?.find(SURE_SYMBOL) ?? -1) >= 0, hasTypes };
    } catch (error) {
      failure ??= inFile(error, path);
    }
  }
  if (failure !== void 0) throw failure;
  return void 0;
}
var init_make = __esm({
  "src/cli/kernel/make.ts"() {
    "use strict";
    init_read();
    init_read2();
    init_build();
    init_image2();
    init_store();
    init_errors();
    init_pieces();
  }
});

// src/cli/kernel/installed.ts
var installed_exports = {};
__export(installed_exports, {
  openInstalled: () => openInstalled
});
import { createHash as createHash2 } from "node:crypto";
import * as fs6 from "node:fs";
import { homedir } from "node:os";
import { dirname as dirname3, isAbsolute, join as join2 } from "node:path";
async function openInstalled(path, choice) {
  const pieces = piecesOf(path, choice.root);
  const image = pieces.images[0];
  if (image !== void 0 && !fs6.statSync(image).isFile()) return openIndex((await makeFrom(pieces)).bytes);
  const buildId = image === void 0 ? "" : peekBuildId(image);
  const folder2 = choice.cacheFolder ?? cacheFolder();
  const entry2 = folder2 === void 0 ? void 0 : join2(folder2, `kernel-${buildId || "packed"}-${digest(pieces)}.index`);
  if (entry2 !== void 0) {
    const kept = trusted(entry2, pieces.images);
    if (kept !== void 0) return kept;
  }
  const { bytes } = await makeFrom(pieces);
  if (folder2 !== void 0 && entry2 !== void 0) await keep(folder2, entry2, bytes);
  return openIndex(bytes);
}
async function makeFrom(pieces) {
  const { makeIndex: makeIndex2 } = await Promise.resolve().then(() => (init_make(), make_exports));
  return makeIndex2(pieces);
}
function piecesOf(path, root) {
  try {
    return findPieces(path, root);
  } catch (error) {
    throw readFailure(error, path);
  }
}
function cacheFolder() {
  const given = process.env.XDG_CACHE_HOME;
  if (given !== void 0 && isAbsolute(given)) return join2(given, "tocsin");
  try {
    const home = homedir();
    return isAbsolute(home) ? join2(home, ".cache/tocsin") : void 0;
  } catch {
    return void 0;
  }
}
function digest({ images, systemMap, symvers, config, modulesFolder }) {
  const hash = createHash2("sha256").update(`${version} ${INDEX_VERSION}
`);
  for (const path of [...images, systemMap, symvers, config]) {
    if (path === void 0) continue;
    const { size, mtimeNs, ino } = fs6.statSync(path, { bigint: true });
    hash.update(`${path} ${size} ${mtimeNs} ${ino}
`);
  }
  hash.update(modulesFolder ?? "");
  return hash.digest("hex").slice(0, 24);
}
function trusted(entry2, images) {
  try {
    const kind = fs6.lstatSync(entry2, { throwIfNoEntry: false });
    if (kind === void 0 || !kind.isFile()) return void 0;
    if (kind.uid !== process.getuid?.() || (kind.mode & 18) !== 0) return void 0;
    const knowledge = openIndexFile(entry2);
    const isOfBuild = images.some((path) => ["", knowledge?.buildId].includes(peekBuildId(path)));
    return isOfBuild ? knowledge : void 0;
  } catch (error) {
    if (error instanceof InputError || errnoOf(error) !== void 0) return void 0;
    throw error;
  }
}
async function keep(folder2, entry2, bytes) {
  try {
    makeFolder(folder2);
    fs6.rmSync(entry2, { force: true });
    await writeAtomic(entry2, bytes, { mode: 384, force: true });
    dropOldest(folder2);
  } catch (error) {
    if (!(error instanceof InputError) && errnoOf(error) === void 0) throw error;
  }
}
function makeFolder(path) {
  try {
    fs6.mkdirSync(path, { mode: 448 });
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    if (errnoOf(error) !== "ENOENT" || dirname3(path) === path) throw error;
    makeFolder(dirname3(path));
    fs6.mkdirSync(path, { mode: 448 });
  }
}
function dropOldest(folder2) {
  const entries2 = fs6.readdirSync(folder2).filter((name) => /^kernel-\w+-\w+\.index$/.test(name)).map((name) => join2(folder2, name)).map((path) => ({ path, time: fs6.statSync(path).mtimeMs })).sort((a, b) => b.time - a.time);
  for (const { path } of entries2.slice(MOST_ENTRIES)) fs6.rmSync(path, { force: true });
}
var MOST_ENTRIES;
var init_installed = __esm({
  "src/cli/kernel/installed.ts"() {
    "use strict";
    init_atomic_write();
    init_diagnostics();
    init_store();
    init_errors();
    init_version();
    init_kernel_option();
    init_build_id();
    init_pieces();
    MOST_ENTRIES = 8;
  }
});

// src/cli/kernel-option.ts
import * as fs7 from "node:fs";
async function openKernel(path, choice = {}) {
  const index2 = openIndexFile(path);
  if (index2 !== void 0) return index2;
  const { openInstalled: openInstalled2 } = await Promise.resolve().then(() => (init_installed(), installed_exports));
  return openInstalled2(path, choice);
}
function openIndexFile(path) {
  let file;
  let keep3 = false;
  try {
    const kind = fs7.statSync(path, { throwIfNoEntry: false });
    if (kind === void 0 || !kind.isFile()) return void 0;
    file = fs7.openSync(path, fs7.constants.O_RDONLY);
    const descriptor = file;
    const header = readAt2(descriptor, 0, INDEX_HEADER);
    if (!isIndex(header)) return void 0;
    const first = firstPart(header);
    const { size } = fs7.fstatSync(descriptor);
    if (first < INDEX_HEADER || first >= size) return openIndex(readAt2(descriptor, 0, size));
    const knowledge = openIndex(readAt2(descriptor, 0, first), () => {
      const rest = readAt2(descriptor, first, size - first);
      fs7.closeSync(descriptor);
      return rest;
    });
    keep3 = true;
    return knowledge;
  } catch (error) {
    throw inFile(readFailure(error, path), path);
  } finally {
    if (file !== void 0 && !keep3) fs7.closeSync(file);
  }
}
function readAt2(descriptor, position, length) {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = fs7.readSync(descriptor, bytes, filled, length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
var init_kernel_option = __esm({
  "src/cli/kernel-option.ts"() {
    "use strict";
    init_diagnostics();
    init_store();
    init_errors();
  }
});

// src/kernel/module-exports.ts
init_constants();

// src/kernel/licenses.ts
var GPL_COMPATIBLE = /* @__PURE__ */ new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL"
]);
function isGplCompatible(license) {
  return GPL_COMPATIBLE.has(license);
}

// src/kernel/module-exports.ts
var ENTRY_SIZE = 24;
var NAME_FIELD = 8;
var NAMESPACE_FIELD = 16;
var CRC_SIZE = 4;
var GPL_ONLY_FLAG = 1;
function readModuleExports(header, read3) {
  if (header.length < EHDR_SIZE || header.readUInt32LE(0) !== 1179403647 || header.readUInt16LE(16) !== ET_REL)
    return void 0;
  const shoff = Number(header.readBigUInt64LE(40));
  const shnum = header.readUInt16LE(60);
  const shstrndx = header.readUInt16LE(62);
  const tail = new Tail(shoff, shnum * SHDR_SIZE, read3);
  const headers = Buffer.from(tail.part(shoff, shnum * SHDR_SIZE));
  const sections2 = new Headers(headers, shnum);
  if (shstrndx >= sections2.count) return void 0;
  const names3 = tail.part(sections2.offset(shstrndx), sections2.size(shstrndx));
  if (names3.indexOf("__ksymtab") < 0) return void 0;
  return collect(sections2, Buffer.from(names3), (offset, length) => Buffer.from(read3(offset, length)));
}
function moduleExports(bytes) {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return readModuleExports(file.subarray(0, EHDR_SIZE), (offset, length) => file.subarray(offset, offset + length));
}
var NAMES_BEFORE = 4096;
var Tail = class {
  #bytes;
  #start;
  #read;
  constructor(shoff, size, read3) {
    this.#start = Math.max(0, shoff - NAMES_BEFORE);
    this.#bytes = Buffer.from(read3(this.#start, shoff - this.#start + size));
    this.#read = read3;
  }
  part(offset, length) {
    const at = offset - this.#start;
    return at >= 0 && at + length <= this.#bytes.length ? this.#bytes.subarray(at, at + length) : this.#read(offset, length);
  }
};
var Headers = class {
  count;
  #bytes;
  constructor(bytes, count) {
    this.#bytes = bytes;
    this.count = Math.min(count, Math.floor(bytes.length / SHDR_SIZE));
  }
  nameAt(i) {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE);
  }
  type(i) {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 4);
  }
  offset(i) {
    return Number(this.#bytes.readBigUInt64LE(i * SHDR_SIZE + 24));
  }
  size(i) {
    return Number(this.#bytes.readBigUInt64LE(i * SHDR_SIZE + 32));
  }
  link(i) {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 40);
  }
  info(i) {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 44);
  }
};
function collect(sections2, names3, read3) {
  const byName = /* @__PURE__ */ new Map();
  const relocations = /* @__PURE__ */ new Map();
  for (let i = 1; i < sections2.count; i++) {
    if (sections2.type(i) === SHT_RELA) relocations.set(sections2.info(i), i);
    else {
      const name = stringAt(names3, sections2.nameAt(i));
      if (!byName.has(name)) byName.set(name, i);
    }
  }
  const contents = (name) => {
    const i = byName.get(name);
    return i === void 0 ? void 0 : read3(sections2.offset(i), sections2.size(i));
  };
  const strings = contents("__ksymtab_strings");
  const modinfo = contents(".modinfo");
  if (strings === void 0 || modinfo === void 0) return void 0;
  const flags = contents("__kflagstab");
  const out = { names: [], namespaces: [], crcs: [], gplOnly: [] };
  let hasCrcs = true;
  for (const [table2, crcTable, gplOnly] of [
    ["__ksymtab", "__kcrctab", 0],
    ["__ksymtab_gpl", "__kcrctab_gpl", 1]
  ]) {
    const i = byName.get(table2);
    const rela = i === void 0 ? void 0 : relocations.get(i);
    if (i === void 0 || rela === void 0) continue;
    const entries2 = read3(sections2.offset(rela), sections2.size(rela));
    const count = Math.floor(Math.min(sections2.size(i) / ENTRY_SIZE, entries2.length / RELA_SIZE));
    const crcs = contents(crcTable);
    if (crcs === void 0 || crcs.length < count * CRC_SIZE) hasCrcs = false;
    const { names: found2, namespaces } = readNames(sections2, entries2, sections2.link(rela), count, strings, read3);
    for (let k2 = 0; k2 < count; k2++) {
      out.names.push(found2[k2] ?? "");
      out.namespaces.push(namespaces[k2] ?? "");
      out.crcs.push(hasCrcs ? crcs.readUInt32LE(k2 * CRC_SIZE) : 0);
      out.gplOnly.push(flags !== void 0 && gplOnly === 0 ? (flags[k2] ?? 0) & GPL_ONLY_FLAG : gplOnly);
    }
  }
  return {
    module: modinfoValue(modinfo, "name") ?? "",
    gplCompatible: isGplCompatible(modinfoValue(modinfo, "license") ?? ""),
    names: out.names,
    namespaces: out.namespaces,
    crcs: hasCrcs ? Uint32Array.from(out.crcs) : void 0,
    gplOnly: Uint8Array.from(out.gplOnly)
  };
}
function readNames(sections2, entries2, symtab, count, strings, read3) {
  const names3 = [];
  const namespaces = [];
  const values = /* @__PURE__ */ new Map();
  for (let at = 0; at + RELA_SIZE <= entries2.length; at += RELA_SIZE) {
    const offset = entries2.readUInt32LE(at);
    const field2 = offset % ENTRY_SIZE;
    const index2 = (offset - field2) / ENTRY_SIZE;
    if (field2 !== NAME_FIELD && field2 !== NAMESPACE_FIELD || index2 >= count) continue;
    const symbol2 = entries2.readUInt32LE(at + 12);
    let value = values.get(symbol2);
    if (value === void 0) {
      const bytes = symtab < sections2.count ? read3(sections2.offset(symtab) + symbol2 * SYM_SIZE, SYM_SIZE) : void 0;
      value = bytes?.length === SYM_SIZE ? Number(bytes.readBigUInt64LE(8)) : 0;
      values.set(symbol2, value);
    }
    (field2 === NAME_FIELD ? names3 : namespaces)[index2] = stringAt(strings, value + entries2.readInt32LE(at + 16));
  }
  return { names: names3, namespaces };
}
function stringAt(bytes, offset) {
  if (offset < 0 || offset >= bytes.length) return "";
  const end = bytes.indexOf(0, offset);
  return bytes.toString("latin1", offset, end < 0 ? bytes.length : end);
}
function modinfoValue(modinfo, key) {
  const wanted = `${key}=`;
  for (let at = modinfo.indexOf(wanted); at >= 0; at = modinfo.indexOf(wanted, at + 1))
    if (at === 0 || modinfo[at - 1] === 0) return stringAt(modinfo, at + wanted.length);
  return void 0;
}

// ../../tmp/op.ts
init_kernel_option();
import { readFileSync as readFileSync2, readdirSync as readdirSync4 } from "node:fs";
import { join as join4 } from "node:path";

// src/verify/check/exporters.ts
var FIRST_ADDRESS = 0xc008000040000000n;
var Exporters = class {
  #files;
  /** By symbol, numbers in `files`: the first that exports it, and the others where there are some. */
  #first = /* @__PURE__ */ new Map();
  #others = /* @__PURE__ */ new Map();
  #names = /* @__PURE__ */ new Map();
  #modules = [];
  /** @param files in the order in which they are asked; of several files with one module name the first counts */
  constructor(files2) {
    const names3 = /* @__PURE__ */ new Set();
    this.#files = files2.filter(({ file, exports: { module } }) => {
      this.#names.set(file, module);
      if (module !== "" && names3.has(module)) return false;
      names3.add(module);
      return true;
    });
    this.#files.forEach(({ exports }, i) => {
      for (const symbol2 of exports.names) this.#put(symbol2, i);
    });
  }
  #put(symbol2, file) {
    const first = this.#first.get(symbol2);
    if (first === void 0) this.#first.set(symbol2, file);
    else if (first !== file) {
      const others2 = this.#others.get(symbol2);
      if (others2 === void 0) this.#others.set(symbol2, [file]);
      else if (others2.at(-1) !== file) others2.push(file);
    }
  }
  /** The first module that exports a symbol, those left out for which `isLoaded` says no. */
  of(symbol2, isLoaded) {
    const first = this.#first.get(symbol2);
    if (first === void 0) return void 0;
    for (const i of [first, ...this.#others.get(symbol2) ?? []]) {
      const { file, exports } = this.#files[i];
      if (isLoaded(file, exports.module)) return this.#module(i);
    }
    return void 0;
  }
  /** Name of the module in a file; `undefined` where it exports nothing. */
  moduleOf(file) {
    return this.#names.get(file);
  }
  /** Symbols that several modules export, with the files. */
  *duplicates() {
    for (const [symbol2, others2] of this.#others)
      yield { symbol: symbol2, files: [this.#first.get(symbol2), ...others2].map((i) => this.#files[i].file) };
  }
  #module(i) {
    const known3 = this.#modules[i];
    if (known3 !== void 0) return known3;
    const { exports } = this.#files[i];
    const symbols2 = /* @__PURE__ */ new Map();
    exports.names.forEach((name, k2) => {
      symbols2.set(name, {
        name,
        address: FIRST_ADDRESS + BigInt(i) * 0x10000n + BigInt(k2) * 16n,
        crc: exports.crcs?.[k2],
        gplOnly: exports.gplOnly[k2] === 1,
        namespace: exports.namespaces[k2] ?? ""
      });
    });
    const module = { name: exports.module, exports: symbols2, gplCompatible: exports.gplCompatible };
    this.#modules[i] = module;
    return module;
  }
};

// src/loader/image.ts
init_constants();

// src/loader/arch.ts
var SYMBOL_EXTERNAL = 128;
var SYMBOL_EXEMPT = 64;
var SYMBOL_PECULIAR = 32;
var SYMBOL_GONE = 16;
var ArchState = class {
  /** Sections are copied and every relocation is done in the kernel's order; else the relocations are only checked. */
  exact = false;
  /** Memory of the areas; only when `exact`. */
  memory = [];
  /** Address that stands for the kernel's temporary copy of the file: sections that are not kept have theirs there. */
  temporary = 0n;
  /** `mod->percpu` */
  percpu = 0n;
  kallsyms;
  /** `got_section` and `pcpu_section` of kernels with CONFIG_PPC_KERNEL_PCREL. */
  gotSection = 0;
  percpuSection = 0;
  /** `toc_fixed` */
  tocFixed = false;
  /** `stub_count` (6.13 and later): slots of `.stubs` in use. */
  stubCount = 0;
  /** `ool_stub_count`: tracer records that need a stub of their own. */
  outOfLineCount = 0;
  /** `ool_stubs`: bytes from the start of `.stubs`; -1 where there are none. */
  outOfLineOffset = -1;
  /** `tramp` and `tramp_regs`: addresses of the stubs to `ftrace_caller` and `ftrace_regs_caller`; 0 where there are none. */
  tramp = 0n;
  trampRegs = 0n;
  /** One element a symbol: see `SYMBOL_EXTERNAL`. */
  symbolClass = new Uint8Array(0);
  /** Uses GPL-only symbols (`using_gplonly_symbols`). */
  usesGplOnly = false;
};
var STUB_SIZE = 40;
var RELA_SIZE2 = 24;
var SYMBOL_SIZE = 24;
function outOfLineStubSize(callOps) {
  return callOps ? 24 : 16;
}

// src/loader/headers.ts
init_constants();

// src/loader/section-names.ts
var NAME_LIMIT2 = 4096;
var SLOTS = 4 * NAME_LIMIT2;
var texts = [""];
var bytesOf = [new Uint8Array(0)];
var slots = new Uint16Array(SLOTS);
var LONGEST = 120;
function slotOf(bytes, from, to) {
  let hash = 2166136261;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
  return (hash >>> 9) % SLOTS;
}
function nameIdOf(bytes, from, to) {
  const length = to - from;
  if (length > LONGEST) return 0;
  for (let slot = slotOf(bytes, from, to); ; slot = (slot + 1) % SLOTS) {
    const id = slots[slot];
    if (id === 0) return keep2(bytes.slice(from, to), slot);
    const known3 = bytesOf[id];
    if (known3.length !== length) continue;
    let i = 0;
    while (i < length && known3[i] === bytes[from + i]) i++;
    if (i === length) return id;
  }
}
function keep2(name, slot) {
  if (texts.length === NAME_LIMIT2) return 0;
  const id = texts.length;
  slots[slot] = id;
  bytesOf.push(name);
  texts.push(Buffer.from(name).toString("latin1"));
  return id;
}
function nameText(id) {
  return texts[id];
}
function knownName(text2) {
  return nameIdOf(
    Uint8Array.from(text2, (c) => c.charCodeAt(0)),
    0,
    text2.length
  );
}
var lastBytes;
var lastText;
function latin12(bytes, from = 0, to = bytes.length) {
  if (lastBytes !== bytes) {
    lastBytes = bytes;
    lastText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return lastText.toString("latin1", from, to);
}

// src/loader/headers.ts
var TWO_322 = 4294967296;
function read64(view, at) {
  return view.getUint32(at + 4, true) * TWO_322 + view.getUint32(at, true);
}
function firstHeader(state, at) {
  const raw2 = new Uint8Array(SHDR_SIZE);
  raw2.set(state.bytes.subarray(at, at + SHDR_SIZE));
  const view = new DataView(raw2.buffer);
  return { type: view.getUint32(4, true), isEmpty: read64(view, 32) === 0 && read64(view, 16) === 0 };
}
function readHeaders(state, at, count) {
  const { view } = state;
  const words2 = new Uint32Array(8 * count);
  const doubles = new Float64Array(4 * count);
  const column = (i) => words2.subarray(i * count, (i + 1) * count);
  const wide2 = (i) => doubles.subarray(i * count, (i + 1) * count);
  const headers = new SectionHeaders(
    state,
    count,
    [column(0), column(1), column(2), column(3), column(4), column(5), column(6), column(7)],
    [wide2(0), wide2(1), wide2(2), wide2(3)]
  );
  for (let i = 0, from = at; i < count; i++, from += SHDR_SIZE) {
    headers.name[i] = view.getUint32(from, true);
    headers.type[i] = view.getUint32(from + 4, true);
    headers.flags[i] = view.getUint32(from + 8, true);
    headers.flagsHigh[i] = view.getUint32(from + 12, true);
    headers.addressLow[i] = view.getUint32(from + 16, true);
    headers.addressHigh[i] = view.getUint32(from + 20, true);
    headers.offset[i] = read64(view, from + 24);
    headers.size[i] = read64(view, from + 32);
    headers.link[i] = view.getUint32(from + 40, true);
    headers.info[i] = view.getUint32(from + 44, true);
    headers.alignment[i] = read64(view, from + 48);
    headers.entrySize[i] = read64(view, from + 56);
  }
  return headers;
}
function nameSections(state) {
  const { headers, bytes } = state;
  for (let i = 0; i < headers.count; i++) {
    const from = state.sectionNames + headers.name[i];
    headers.nameId[i] = nameIdOf(bytes, from, stringEnd(bytes, from));
  }
}
function stringEnd(bytes, from, limit = bytes.length) {
  const stop = Math.min(limit, bytes.length);
  let end = from;
  while (end < stop && bytes[end] !== 0) end++;
  return end;
}
function textAt2(bytes, from) {
  return from >= bytes.length ? "" : latin12(bytes, from, stringEnd(bytes, from));
}
var SectionHeaders = class {
  count;
  name;
  type;
  flags;
  flagsHigh;
  addressLow;
  addressHigh;
  link;
  info;
  offset;
  size;
  alignment;
  entrySize;
  nameId;
  #state;
  constructor(state, count, words2, wide2) {
    this.#state = state;
    this.count = count;
    [this.name, this.type, this.flags, this.flagsHigh] = words2;
    [, , , , this.addressLow, this.addressHigh, this.link, this.info] = words2;
    [this.offset, this.size, this.alignment, this.entrySize] = wide2;
    this.nameId = new Uint16Array(count);
  }
  text(index2) {
    const id = this.nameId[index2];
    return id === 0 ? textAt2(this.#state.bytes, this.#state.sectionNames + this.name[index2]) : nameText(id);
  }
};

// src/loader/move.ts
init_constants();
init_bytes();

// src/loader/areas.ts
init_constants();
var E_SHOFF = 40;
var SH_SIZE = 32;
function align32(size, alignment) {
  if (alignment <= 1) return size;
  const mask2 = alignment % 4294967296 - 1 >>> 0;
  return (size + mask2 >>> 0 & ~mask2) >>> 0;
}
function strictAlign(state, size) {
  return state.kernel.options.strictModuleRwx ? align32(size, state.kernel.options.pageSize) : size;
}
function appendSection(state, area, section) {
  const offset = align32(area.size, state.headers.alignment[section]);
  area.size = (offset + lowSize(state, section)) % 4294967296;
  return offset;
}
function lowSize({ headers, view }, section) {
  const size = headers.size[section];
  if (size < 2 ** 53) return size % 4294967296;
  return view.getUint32(Number(view.getBigUint64(E_SHOFF, true)) + section * SHDR_SIZE + SH_SIZE, true);
}
function areaOf(state, kind) {
  return state.areas.find((area) => area.kind === kind);
}
var INIT_KINDS = /* @__PURE__ */ new Set(["init", "init_text", "init_data", "init_rodata"]);
function isInitKind(kind) {
  return INIT_KINDS.has(kind);
}

// src/loader/header-copy.ts
var HEADER_SIZE2 = 64;
var FLAGS = 8;
var ADDRESS = 16;
var SIZE = 32;
var ALIGNMENT = 48;
var ENTRY_SIZE2 = 56;
var NOWHERE = 0xffffffffffffffffn;
function tableOf2(state) {
  return Number(state.view.getBigUint64(40, true));
}
function placeAsEntrySize(state, section) {
  const place = state.places[section];
  if (place === void 0 || place.memory === "percpu") return NOWHERE;
  const offset = BigInt(place.offset);
  if (!state.rules.memoryAreas) return isInitKind(place.memory) ? offset | 1n << 63n : offset;
  const kind = place.memory;
  return offset | BigInt(state.areas.findIndex((area) => area.kind === kind)) << 60n;
}
function writeHeaders(state, withAddresses) {
  const { headers, view, index: index2 } = state;
  const table2 = tableOf2(state);
  for (let i = 0; i < headers.count; i++) {
    const at = table2 + i * HEADER_SIZE2;
    view.setUint32(at + FLAGS, headers.flags[i], true);
    view.setBigUint64(at + ENTRY_SIZE2, placeAsEntrySize(state, i), true);
    if (i === index2.stubs || i === state.arch.gotSection) view.setBigUint64(at + SIZE, BigInt(headers.size[i]), true);
    if (i === index2.toc || i === state.arch.gotSection)
      view.setBigUint64(at + ALIGNMENT, BigInt(headers.alignment[i]), true);
    if (!withAddresses) continue;
    view.setUint32(at + ADDRESS, headers.addressLow[i], true);
    view.setUint32(at + ADDRESS + 4, headers.addressHigh[i], true);
  }
}
function hasUnknownAddress(state, from, to) {
  const table2 = tableOf2(state);
  for (let i = 1; i < state.headers.count; i++) {
    const at = table2 + i * HEADER_SIZE2 + ADDRESS;
    const isKnown = state.places[i] !== void 0 && state.request.placement.kind !== "base";
    if (!isKnown && from < at + 8 && to > at) return true;
  }
  return false;
}

// src/loader/kernel-addresses.ts
var KERNEL_ADDRESSES = 0xc000000000000000n;
var MODULE_ADDRESSES = 0xc008000000000000n;
function kernelAddress(state, name) {
  const running = state.request.running?.(name);
  if (running !== void 0) return running;
  const linked = state.kernel.symbols.find(name)[0];
  if (linked !== void 0) return linked;
  const exported = state.kernel.exports.find(name);
  return exported < 0 ? void 0 : state.kernel.exports.address(exported);
}
function isKernelText(state, address2) {
  return isBetween(state, address2, "_stext", "_etext") || isBetween(state, address2, "_sinittext", "_einittext");
}
function isKernelImage(state, address2) {
  const first = kernelAddress(state, "_stext");
  const end = kernelAddress(state, "_end");
  if (first === void 0 || end === void 0) return address2 >= KERNEL_ADDRESSES && address2 < MODULE_ADDRESSES;
  return address2 >= first && address2 < end;
}
function isKernelReadOnly(state, address2) {
  if (isBetween(state, address2, "__start_ro_after_init", "__end_ro_after_init")) return false;
  return isBetween(state, address2, "__start_rodata", "__end_rodata");
}
function isBetween(state, address2, first, end) {
  const from = kernelAddress(state, first);
  const to = kernelAddress(state, end);
  return from !== void 0 && to !== void 0 && address2 >= from && address2 < to;
}
var linkedData = /* @__PURE__ */ new WeakMap();
function linkedDataOf(kernel2) {
  const known3 = linkedData.get(kernel2);
  if (known3 !== void 0) return known3;
  const range = (first, end) => {
    const [from] = kernel2.symbols.find(first);
    const [to] = kernel2.symbols.find(end);
    return from === void 0 || to === void 0 ? [] : [[Number(from - KERNEL_ADDRESSES), Number(to - KERNEL_ADDRESSES)]];
  };
  const [image] = range("_stext", "_end");
  const hasLate = kernel2.symbols.find("__start_ro_after_init").length > 0;
  const readOnly2 = hasLate ? [...range("__start_rodata", "__start_ro_after_init"), ...range("__end_ro_after_init", "__end_rodata")] : range("__start_rodata", "__end_rodata");
  const others2 = [...range("_stext", "_etext"), ...range("_sinittext", "_einittext"), ...readOnly2];
  const data = image === void 0 ? null : { image, others: others2 };
  linkedData.set(kernel2, data);
  return data;
}
function isPlainKernelData(state, low, high) {
  if (state.request.running !== void 0 || high < 3221225472 || high >= 3221749760) return false;
  const data = linkedDataOf(state.kernel);
  if (data === null) return true;
  const at = (high - 3221225472) * 4294967296 + low;
  if (at < data.image[0] || at >= data.image[1]) return false;
  for (const [from, to] of data.others) if (at >= from && at < to) return false;
  return true;
}
function pointer(address2) {
  return address2.toString(16).padStart(16, "0");
}
function instruction(word2) {
  return word2.toString(16).padStart(8, "0");
}

// src/loader/module-structure.ts
init_constants();

// src/loader/layout.ts
init_constants();

// src/loader/find-section.ts
init_constants();
function findAllocated(state, name) {
  const { count, nameId, flags } = state.headers;
  for (let i = 1; i < count; i++) if (nameId[i] === name && (flags[i] & SHF_ALLOC) !== 0) return i;
  return 0;
}
function findAny(state, name) {
  const { count, nameId } = state.headers;
  for (let i = 1; i < count; i++) if (nameId[i] === name) return i;
  return 0;
}

// src/loader/kallsyms.ts
init_constants();

// src/loader/state.ts
var KernelRefusal = class {
  errno;
  constructor(errno) {
    this.errno = errno;
  }
};
var NeedsImage = class {
};
var ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  ENOEXEC: 8,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  ERANGE: 34,
  ELOOP: 40,
  EBADMSG: 74,
  EOPNOTSUPP: 95,
  ENOPKG: 65,
  ENODATA: 61,
  ENOKEY: 126,
  EKEYREJECTED: 129,
  ENOTSUPP: 524,
  EROFS: 30,
  E2BIG: 7
};
var LoadState = class {
  request;
  kernel;
  rules;
  /** The twin's own copy of the file, changed in place as the kernel changes its copy. */
  bytes;
  view;
  /** `info->len`: bytes that count, a signature at the end taken off. */
  length;
  /** Set by the checks of the header. */
  headers;
  /** Bytes of the file where the section names begin (`info->secstrings`). */
  sectionNames = 0;
  /** `mod->name`, from the file's `struct module`: what most messages begin with. */
  name = "";
  /** `info->name`: what .modinfo says, else `mod->name`. Messages about versions and vermagic begin with it. */
  infoName = "";
  /** Indices of sections; 0 where there is none. */
  index = {
    symtab: 0,
    strtab: 0,
    modinfo: 0,
    thisModule: 0,
    versions: 0,
    extCrcs: 0,
    extNames: 0,
    percpu: 0,
    stubs: 0,
    toc: 0,
    mcountRecords: 0
  };
  /** `mod->state` does not say any more that the module is unformed: a relocation wrote there. */
  foundEarly = false;
  /** TAINT_FORCED_MODULE in `mod->taints`. */
  forced = false;
  /** `sig_ok` */
  signed = false;
  /** Whether `mod->taints` lacks TAINT_PROPRIETARY_MODULE. */
  gplCompatible = true;
  /** kallsyms finds the module (MODULE_STATE_COMING and later): messages name its functions. */
  isFormed = false;
  /** The livepatch that the module's init function enabled. */
  livepatched;
  /** Livepatches that this module's coming changed, by name. */
  changed = /* @__PURE__ */ new Map();
  /** `mod->klp`: marked as a livepatch module, and the kernel has CONFIG_LIVEPATCH. */
  livepatch = false;
  /** Taints of the running kernel, and messages that it prints only once. */
  taints;
  /** `.modinfo` as the loader finds its entries. Set by the checks of the header. */
  modinfo;
  /** Versions of imports, made when first asked for (see `versions.ts`). */
  versions;
  /** Leading dots of the names in `__versions` are gone: `module_frob_arch_sections` has run. */
  dedotted = false;
  /** Modules whose symbols this one uses. */
  uses = /* @__PURE__ */ new Set();
  /** Place of each section by index; `undefined` where it is not kept. */
  places = [];
  areas = [];
  /** Bytes of each allocated section by index, as the loader writes them; not filled with `checkOnly`. */
  contents = [];
  /** st_value of each symbol after resolution, as two halves. */
  symbolLow = new Uint32Array(0);
  symbolHigh = new Uint32Array(0);
  /** What r2 holds in the module. */
  toc = 0n;
  /** What layout and relocation keep for themselves. */
  arch = new ArchState();
  stubs = [];
  excluded = /* @__PURE__ */ new Map();
  /** Code that the module's fixup tables name, once they are applied. */
  fixupRegions = [];
  /** The same where there is no memory, by section. */
  screenedRegions = [];
  /** Sections that hold the module's exports; found by `find_module_sections`. */
  exportTables = [];
  exports = /* @__PURE__ */ new Map();
  log = [];
  remarks = [];
  dangerous = false;
  /** Why the answer is not sure: things that only the running kernel knows. */
  unknown = [];
  /** Name of the step that runs, for the outcome. */
  step = "";
  constructor(request, rules) {
    this.request = request;
    this.kernel = request.kernel;
    this.rules = rules;
    this.bytes = request.checkOnly ? request.bytes : new Uint8Array(request.bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    this.length = this.bytes.length;
    this.taints = new Set(request.taints);
    this.arch.exact = request.checkOnly !== true;
  }
  /** Writes to the kernel's log; printk cuts long texts. Bytes of the file stand in `text` as Latin-1. */
  print(level, text2) {
    const limit = this.rules.logTextLimit;
    const shown = text2.length > limit ? text2.slice(0, limit) : text2;
    this.log.push({ level, text: shown });
  }
  /** @throws KernelRefusal */
  refuse(errno, text2, level = "err") {
    if (text2 !== void 0) this.print(level, text2);
    throw new KernelRefusal(errno);
  }
  /** The kernel reads or writes here what it should not: loading may crash or corrupt it. */
  danger(code, message, section) {
    this.dangerous = true;
    this.remark({ code, level: "error", message, ...section === void 0 ? {} : { section } });
  }
  /** `add_taint`: whether the running kernel had that taint not yet. */
  taint(taint) {
    if (this.taints.has(taint)) return false;
    this.taints.add(taint);
    return true;
  }
  remark(remark) {
    this.remarks.push(remark);
  }
  exclude(section, range) {
    const ranges = this.excluded.get(section);
    if (ranges === void 0) this.excluded.set(section, [range]);
    else ranges.push(range);
  }
  module(name) {
    return this.request.modules.get(name);
  }
};

// src/loader/kallsyms.ts
var KALLSYMS_SIZE = 32;
var KALLSYMS_ALIGNMENT = 8;
function coreData(state) {
  return state.rules.memoryAreas ? "data" : "core";
}
function initData(state) {
  return state.rules.memoryAreas ? "init_data" : "init";
}
function keptSections(state) {
  const { headers, places: places3, index: index2 } = state;
  const { kallsymsAll: kallsymsAll2 } = state.kernel.options;
  const kept = new Uint8Array(headers.count);
  const wanted = kallsymsAll2 ? SHF_ALLOC : SHF_ALLOC | SHF_EXECINSTR;
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i] & wanted) !== wanted) continue;
    const place = places3[i];
    if (place === void 0 || !isInitKind(place.memory)) kept[i] = 1;
  }
  if (kallsymsAll2 && index2.percpu !== 0) kept[index2.percpu] = 1;
  return kept;
}
function layoutSymtab(state) {
  const { headers, index: index2, view, bytes } = state;
  const { symtab, strtab } = index2;
  const core = areaOf(state, coreData(state));
  const init = areaOf(state, initData(state));
  headers.flags[symtab] = headers.flags[symtab] | SHF_ALLOC;
  state.places[symtab] = { memory: init.kind, offset: appendSection(state, init, symtab) };
  const kept = keptSections(state);
  const symbols2 = headers.offset[symtab];
  const strings = headers.offset[strtab];
  const stringsSize = headers.size[strtab];
  const count = Math.floor(headers.size[symtab] / SYMBOL_SIZE);
  let keptCount = 0;
  let stringBytes = 0;
  for (let i = 0; i < count; i++) {
    const at = symbols2 + i * SYMBOL_SIZE;
    const name = view.getUint32(at, true);
    if (i !== 0 && !state.livepatch) {
      const section = view.getUint16(at + 6, true);
      if (section >= headers.count || kept[section] === 0 || name === 0) continue;
    }
    if (name >= stringsSize && !state.arch.exact) throw new NeedsImage();
    const start = strings + name;
    const end = stringEnd(bytes, start);
    if (end >= bytes.length)
      state.danger("REL102", `the kernel reads the name of symbol ${i} behind the end of the file`);
    stringBytes += end - start + 1;
    keptCount++;
  }
  const symbolsAt = align32(core.size, headers.alignment[symtab]);
  const stringsAt = symbolsAt + keptCount * SYMBOL_SIZE;
  const typesAt = stringsAt + stringBytes;
  core.size = typesAt + keptCount;
  headers.flags[strtab] = headers.flags[strtab] | SHF_ALLOC;
  state.places[strtab] = { memory: init.kind, offset: appendSection(state, init, strtab) };
  const header = align32(init.size, KALLSYMS_ALIGNMENT);
  const initTypes = header + KALLSYMS_SIZE;
  init.size = initTypes + count;
  if (!state.rules.memoryAreas) {
    core.size = strictAlign(state, core.size);
    init.size = strictAlign(state, init.size);
  }
  state.arch.kallsyms = { symbols: symbolsAt, strings: stringsAt, types: typesAt, kept: keptCount, header, initTypes };
}
function typeLetter(state, info, section) {
  const { headers, index: index2 } = state;
  if (info >> 4 === 2) return (info & 15) === 1 ? "v" : "w";
  if (section === SHN_UNDEF) return "U";
  if (section === SHN_ABS || section === index2.percpu) return "a";
  if (section >= SHN_LORESERVE || section >= headers.count) return "?";
  const flags = headers.flags[section];
  if ((flags & SHF_EXECINSTR) !== 0) return "t";
  const isNobits = headers.type[section] === SHT_NOBITS;
  if ((flags & SHF_ALLOC) !== 0 && !isNobits) return (flags & SHF_WRITE) === 0 ? "r" : "d";
  if (isNobits) return "b";
  return headers.text(section).startsWith(".debug") ? "n" : "?";
}
function addKallsyms(state) {
  const { headers, index: index2, arch } = state;
  const offsets = arch.kallsyms;
  if (offsets === void 0 || !arch.exact) return;
  const core = arch.memory.find((area) => area.kind === coreData(state));
  const init = arch.memory.find((area) => area.kind === initData(state));
  const place = state.places[index2.symtab];
  const strings = state.places[index2.strtab];
  const count = Math.floor(headers.size[index2.symtab] / SYMBOL_SIZE);
  init.view.setBigUint64(offsets.header, init.base + BigInt(place.offset), true);
  init.view.setUint32(offsets.header + 8, count, true);
  init.view.setBigUint64(offsets.header + 16, init.base + BigInt(strings.offset), true);
  init.view.setBigUint64(offsets.header + 24, init.base + BigInt(offsets.initTypes), true);
  const kept = keptSections(state);
  let room = offsets.types - offsets.strings;
  let written = 0;
  let text2 = 0;
  for (let i = 0; i < count; i++) {
    const from = place.offset + i * SYMBOL_SIZE;
    const section = init.view.getUint16(from + 6, true);
    const letter = typeLetter(state, init.view.getUint8(from + 4), section).charCodeAt(0);
    init.bytes[offsets.initTypes + i] = letter;
    const name = init.view.getUint32(from, true);
    if (i !== 0 && !state.livepatch && (section >= headers.count || kept[section] === 0 || name === 0)) continue;
    core.bytes[offsets.types + written] = letter;
    const to = offsets.symbols + written * SYMBOL_SIZE;
    core.bytes.set(init.bytes.subarray(from, from + SYMBOL_SIZE), to);
    core.view.setUint32(to, text2, true);
    written++;
    const start = strings.offset + name;
    const end = stringEnd(init.bytes, start);
    const length = end - start;
    if (end >= init.bytes.length && name >= headers.size[index2.strtab])
      state.danger("REL102", `the kernel reads the name of symbol ${i} behind the memory of the module`);
    if (length >= room) {
      if (room > 0) {
        core.bytes.set(init.bytes.subarray(start, start + room - 1), offsets.strings + text2);
        core.bytes[offsets.strings + text2 + room - 1] = 0;
      }
      break;
    }
    core.bytes.set(init.bytes.subarray(start, start + length), offsets.strings + text2);
    core.bytes[offsets.strings + text2 + length] = 0;
    text2 += length + 1;
    room -= length + 1;
  }
}

// src/loader/layout.ts
var SHF_RO_AFTER_INIT = 2097152;
var RO_AFTER_INIT = [knownName(".data..ro_after_init"), knownName("__jump_table")];
var MASKS = [
  [SHF_EXECINSTR | SHF_ALLOC, 0],
  [SHF_ALLOC, SHF_WRITE],
  [SHF_RO_AFTER_INIT | SHF_ALLOC, 0],
  [SHF_WRITE | SHF_ALLOC, 0],
  [SHF_ALLOC, 0]
];
var CORE_KINDS = ["text", "rodata", "ro_after_init", "data", "data"];
var INIT_KINDS2 = [
  "init_text",
  "init_rodata",
  void 0,
  "init_data",
  "init_data"
];
var ALL_KINDS = [
  "text",
  "data",
  "rodata",
  "ro_after_init",
  "init_text",
  "init_data",
  "init_rodata"
];
var TOO_LARGE = 1073741824;
function isInitSection(state, section) {
  return !state.kernel.options.moduleUnload && state.headers.text(section).startsWith(".exit");
}
function prepareFlags(state) {
  const { headers, index: index2 } = state;
  headers.flags[index2.percpu] = headers.flags[index2.percpu] & ~SHF_ALLOC;
  for (const name of RO_AFTER_INIT) {
    if (!state.rules.marksAllReadOnlyAfterInit) {
      const section = findAllocated(state, name);
      if (section !== 0) headers.flags[section] = headers.flags[section] | SHF_RO_AFTER_INIT;
      continue;
    }
    for (let i = 1; i < headers.count; i++)
      if (headers.nameId[i] === name) headers.flags[i] = headers.flags[i] | SHF_RO_AFTER_INIT;
  }
}
function placeMatching(state, pass, isInit, kind) {
  const { count, flags } = state.headers;
  const [wanted, excluded] = MASKS[pass];
  if (kind === void 0) return;
  const area = areaOf(state, kind);
  for (let i = 0; i < count; i++) {
    if ((flags[i] & wanted) !== wanted || (flags[i] & excluded) !== 0) continue;
    if (state.places[i] !== void 0 || isInitSection(state, i) !== isInit) continue;
    state.places[i] = { memory: kind, offset: appendSection(state, area, i) };
  }
}
function layoutTwoAreas(state) {
  for (const kind of ["core", "init"]) {
    const area = areaOf(state, kind);
    for (let pass = 0; pass < MASKS.length; pass++) {
      placeMatching(state, pass, kind === "init", kind);
      const endsPart = pass === 0 || pass === 1 || pass === 4 || pass === 2 && kind === "core";
      if (endsPart) area.size = strictAlign(state, area.size);
    }
  }
}
function layoutSevenAreas(state) {
  for (const isInit of [false, true])
    for (let pass = 0; pass < MASKS.length; pass++)
      placeMatching(state, pass, isInit, (isInit ? INIT_KINDS2 : CORE_KINDS)[pass]);
}
function enforceRwxSections(state) {
  const { headers } = state;
  if (!state.kernel.options.strictModuleRwx) return;
  const both2 = SHF_WRITE | SHF_EXECINSTR;
  for (let i = 0; i < headers.count; i++)
    if ((headers.flags[i] & both2) === both2)
      state.refuse("ENOEXEC", `${state.name}: section ${headers.text(i)} (index ${i}) has invalid WRITE|EXEC flags`);
}
function layoutSections(state) {
  const { memoryAreas } = state.rules;
  prepareFlags(state);
  state.areas = (memoryAreas ? ALL_KINDS : ["core", "init"]).map((kind) => ({ kind, size: 0, base: 0n }));
  state.places = new Array(state.headers.count).fill(void 0);
  if (memoryAreas) layoutSevenAreas(state);
  else layoutTwoAreas(state);
  if (state.arch.exact) writeHeaders(state, false);
  if (state.kernel.options.kallsyms) layoutSymtab(state);
  for (const area of state.areas) {
    if (memoryAreas) area.size = align32(area.size, state.kernel.options.pageSize);
    if (area.size <= TOO_LARGE) continue;
    state.unknown.push(`whether the machine has ${area.size} bytes of memory for the module`);
    state.refuse("ENOMEM");
  }
}

// src/loader/memory.ts
init_constants();
var MASK = 0xffffffffffffffffn;
var KERNEL_ADDRESSES2 = 0xc000000000000000n;
var INIT_KINDS3 = /* @__PURE__ */ new Set(["init", "init_text", "init_data", "init_rodata"]);
function wrapping(address2, offset) {
  return address2 + offset & MASK;
}
function isKernelAddress(address2) {
  return address2 >= KERNEL_ADDRESSES2;
}
var ModuleMemory = class {
  #state;
  /** Sections by ascending address: index, address, one past the end. */
  #sections;
  #starts;
  #ends;
  #views = /* @__PURE__ */ new Map();
  #last = 0;
  #area;
  constructor(state) {
    this.#state = state;
    const { headers } = state;
    const placed2 = [];
    for (let i = 1; i < headers.count; i++) {
      const place = state.places[i];
      if (place === void 0 || place.memory === "percpu" || (headers.flags[i] & SHF_ALLOC) === 0) continue;
      const start = this.addressOf(i);
      placed2.push({ index: i, start, end: start + BigInt(headers.size[i]) });
    }
    placed2.sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : a.index - b.index);
    this.#sections = placed2.map((p) => p.index);
    this.#starts = placed2.map((p) => p.start);
    this.#ends = placed2.map((p) => p.end);
  }
  addressOf(section) {
    const { addressLow, addressHigh } = this.#state.headers;
    return BigInt(addressHigh[section]) << 32n | BigInt(addressLow[section]);
  }
  /** The section that holds all of the `length` bytes at `address`. */
  find(address2, length = 1) {
    const end = address2 + BigInt(length);
    if (this.#starts.length === 0) return void 0;
    if (address2 >= this.#starts[this.#last] && end <= this.#ends[this.#last]) return this.#spot(this.#last, address2);
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#starts[middle] <= address2) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1; i >= 0; i--) {
      if (end <= this.#ends[i]) {
        this.#last = i;
        return this.#spot(i, address2);
      }
      if (this.#ends[i] > this.#starts[i]) return void 0;
    }
    return void 0;
  }
  #spot(at, address2) {
    return { section: this.#sections[at], offset: Number(address2 - this.#starts[at]) };
  }
  /** A section's bytes; made (zeroes) for one that has none in the file. */
  view(section) {
    const known3 = this.#views.get(section);
    if (known3 !== void 0) return known3;
    const { contents, headers } = this.#state;
    contents[section] ??= new Uint8Array(headers.size[section]);
    const bytes = contents[section];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#views.set(section, view);
    return view;
  }
  word(address2) {
    const area = this.#areaOf(address2, 4);
    return area?.view.getUint32(Number(address2 - area.base), true);
  }
  /** @returns whether the address is the module's */
  setWord(address2, word2) {
    const area = this.#areaOf(address2, 4);
    area?.view.setUint32(Number(address2 - area.base), word2, true);
    return area !== void 0;
  }
  doubleword(address2) {
    const area = this.#areaOf(address2, 8);
    return area?.view.getBigUint64(Number(address2 - area.base), true);
  }
  /** @returns whether the address is the module's */
  setDoubleword(address2, value) {
    const area = this.#areaOf(address2, 8);
    area?.view.setBigUint64(Number(address2 - area.base), value, true);
    return area !== void 0;
  }
  /** Whether the bytes are in the module's memory, perhaps between its sections or up to the end of a page. */
  isOwn(address2, length) {
    return this.#areaOf(address2, length) !== void 0;
  }
  #areaOf(address2, length) {
    const end = address2 + BigInt(length);
    const holds2 = (area) => address2 >= area.base && end <= area.base + BigInt(area.bytes.length);
    if (this.#area === void 0 || !holds2(this.#area))
      this.#area = this.#state.arch.memory.find((area) => area.kind !== "percpu" && holds2(area));
    return this.#area;
  }
  isCode(spot) {
    return spot !== void 0 && (this.#state.headers.flags[spot.section] & SHF_EXECINSTR) !== 0;
  }
  isWritable(spot) {
    return (this.#state.headers.flags[spot.section] & SHF_WRITE) !== 0;
  }
  /** `within_module_init()`: whole memory areas, padding included. */
  isInit(address2) {
    return this.#isIn(address2, (kind) => INIT_KINDS3.has(kind));
  }
  /** `within_module_core()` */
  isCore(address2) {
    return this.#isIn(address2, (kind) => !INIT_KINDS3.has(kind));
  }
  #isIn(address2, wanted) {
    for (const area of this.#state.areas)
      if (address2 >= area.base && address2 < area.base + BigInt(area.size) && wanted(area.kind)) return true;
    return false;
  }
  /** Name of a section, for remarks. */
  name(section) {
    return this.#state.headers.text(section);
  }
};

// src/loader/module-structure.ts
var NAME = ".gnu.linkonce.this_module";
var UNFORMED = 3;
var STATE_SIZE = 4;
function setUnformed(structure) {
  if (structure === void 0 || structure.length < STATE_SIZE) return;
  structure.set([UNFORMED, 0, 0, 0]);
}
function isFound(structure) {
  if (structure === void 0 || structure.length < STATE_SIZE) return false;
  return structure[0] !== UNFORMED || structure[1] !== 0 || structure[2] !== 0 || structure[3] !== 0;
}
function checkModuleStructure(state) {
  const { headers, index: index2, kernel: kernel2 } = state;
  const flags = headers.flags[index2.thisModule];
  const staysWritable = (flags & SHF_WRITE) !== 0 && (flags & SHF_RO_AFTER_INIT) === 0;
  if (kernel2.options.strictModuleRwx && !staysWritable)
    state.danger(
      "MOD011",
      "the module structure lies in memory that becomes read-only, and the kernel writes there",
      NAME
    );
  if (state.arch.exact) checkFunctions(state);
}
function checkFunctions(state) {
  const { index: index2, kernel: kernel2, contents } = state;
  const structure = contents[index2.thisModule];
  if (structure === void 0) return;
  const memory = new ModuleMemory(state);
  const view = new DataView(structure.buffer, structure.byteOffset, structure.length);
  for (const member of ["init", "exit"]) {
    const at = kernel2.structures.moduleFields[member];
    if (at === void 0 || at + 8 > view.byteLength) continue;
    const address2 = view.getBigUint64(at, true);
    if (address2 === 0n || memory.isCode(memory.find(address2, 4))) continue;
    const message = `the module's ${member} function, at 0x${address2.toString(16)}, does not lie in its code`;
    state.danger("MOD012", message, NAME);
  }
}

// src/loader/overlaps.ts
init_constants();
var HEADER_SIZE3 = 64;
var SECTIONS = 65536;
function sharingSections(state) {
  const { count, type, offset, size } = state.headers;
  const table2 = Number(state.view.getBigUint64(40, true));
  const starts2 = new Float64Array(count + 1);
  const sharing = [];
  let used = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] === SHT_NULL || type[i] === SHT_NOBITS || size[i] === 0) continue;
    if (offset[i] + size[i] > state.bytes.length) sharing.push(i);
    else starts2[used++] = offset[i] * SECTIONS + i;
  }
  starts2[used++] = table2 * SECTIONS;
  const sorted = starts2.subarray(0, used).sort();
  let end = HEADER_SIZE3;
  let last = 0;
  for (let k2 = 0; k2 < used; k2++) {
    const i = sorted[k2] % SECTIONS;
    const start = (sorted[k2] - i) / SECTIONS;
    if (start < end) sharing.push(i, last);
    const here = start + (i === 0 ? count * HEADER_SIZE3 : size[i]);
    if (here < end) continue;
    end = here;
    last = i;
  }
  return sharing;
}
function remarkOnSharing(state) {
  const { headers, index: index2, places: places3 } = state;
  const section = sharingSections(state).find(
    (i) => i !== 0 && i !== index2.symtab && i !== index2.strtab && places3[i] !== void 0 && isAllocated(state, i)
  );
  if (section === void 0) return;
  const name = headers.text(section);
  state.danger("REL113", `${name} has the same bytes of the file as another section or the headers`, name);
}
function isAllocated({ headers }, section) {
  return (headers.flags[section] & SHF_ALLOC) !== 0;
}

// src/loader/move.ts
var MASK2 = 0xffffffffffffffffn;
var TEMPORARY_DISTANCE = 0x1000000n;
var TWO_323 = 4294967296;
var PERCPU_NAME = ".data..percpu";
function sectionAddress(state, section) {
  const { addressLow, addressHigh } = state.headers;
  return BigInt(addressHigh[section]) << 32n | BigInt(addressLow[section]);
}
function setSectionAddress(state, section, base, offset) {
  const low = base.low + offset % TWO_323;
  state.headers.addressLow[section] = low;
  state.headers.addressHigh[section] = base.high + Math.floor(offset / TWO_323) + (low >= TWO_323 ? 1 : 0);
}
function halves(address2) {
  return { low: Number(address2 & 0xffffffffn), high: Number(address2 >> 32n) };
}
function basesFromSections(state, addresses) {
  for (let i = 0; i < state.headers.count; i++) {
    const place = state.places[i];
    if (place === void 0) continue;
    const area = state.areas.find((candidate) => candidate.kind === place.memory);
    const address2 = area.base === 0n ? addresses.get(state.headers.text(i)) : void 0;
    if (address2 !== void 0) area.base = address2 - BigInt(place.offset) & MASK2;
  }
}
function setBases(state) {
  const { placement } = state.request;
  const { pageSize: pageSize2 } = state.kernel.options;
  if (placement.kind === "sections") basesFromSections(state, placement.addresses);
  else if (placement.kind === "bases") {
    for (const area of state.areas) if (area.size > 0) area.base = placement.bases.get(area.kind) ?? 0n;
  } else {
    let next = placement.base;
    for (const area of state.areas) {
      if (area.size === 0) continue;
      area.base = next;
      next += BigInt(alignUp(area.size, pageSize2));
    }
  }
}
function percpuAddress(state) {
  const { placement } = state.request;
  if (placement.kind === "sections") return placement.addresses.get(PERCPU_NAME) ?? 0n;
  if (placement.kind === "bases" && placement.percpu !== void 0) return placement.percpu;
  return kernelAddress(state, "__per_cpu_start") ?? 0n;
}
function emptyMemory(kind, base, size) {
  const bytes = new Uint8Array(size);
  return { kind, base, bytes, view: new DataView(bytes.buffer) };
}
function copySections(state) {
  const { headers, arch, index: index2 } = state;
  const { pageSize: pageSize2 } = state.kernel.options;
  arch.memory = state.areas.map((area) => emptyMemory(area.kind, area.base, alignUp(area.size, pageSize2)));
  for (let i = 0; i < headers.count; i++) {
    const place = state.places[i];
    if (place === void 0 || (headers.flags[i] & SHF_ALLOC) === 0) continue;
    const memory = arch.memory.find((area) => area.kind === place.memory);
    const start2 = headers.offset[i];
    const room = memory.bytes.length - place.offset;
    if (headers.type[i] !== SHT_NOBITS) {
      const source = state.bytes.subarray(start2, start2 + headers.size[i]);
      if (source.length < headers.size[i] || source.length > room)
        state.danger("REL104", "the kernel copies more than the file or the memory area holds", headers.text(i));
      if (room > 0) memory.bytes.set(source.subarray(0, room), place.offset);
    }
    state.contents[i] = memory.bytes.subarray(place.offset, place.offset + headers.size[i]);
  }
  setUnformed(state.contents[index2.thisModule]);
  if (index2.percpu === 0) return;
  const start = headers.offset[index2.percpu];
  const percpu = emptyMemory("percpu", sectionAddress(state, index2.percpu), headers.size[index2.percpu]);
  percpu.bytes.set(state.bytes.subarray(start, start + percpu.bytes.length));
  arch.memory.push(percpu);
  state.contents[index2.percpu] = percpu.bytes;
}
function moveModule(state) {
  const { headers, arch, index: index2 } = state;
  const { placement } = state.request;
  setBases(state);
  const first = state.areas.find((area) => area.size > 0)?.base ?? 0n;
  arch.temporary = first - TEMPORARY_DISTANCE & MASK2;
  arch.percpu = index2.percpu === 0 ? 0n : percpuAddress(state);
  const bases = new Map(state.areas.map((area) => [area.kind, halves(area.base)]));
  const temporary = halves(arch.temporary);
  for (let i = 1; i < headers.count; i++) {
    const place = state.places[i];
    const given = place !== void 0 && placement.kind === "sections" ? placement.addresses.get(headers.text(i)) : void 0;
    if (given !== void 0) setSectionAddress(state, i, halves(given), 0);
    else if (place !== void 0) setSectionAddress(state, i, bases.get(place.memory), place.offset);
    else setSectionAddress(state, i, temporary, headers.offset[i]);
  }
  if (headers.type[index2.thisModule] === SHT_NOBITS)
    state.danger(
      "REL111",
      "the module structure has no contents, so the kernel goes on with zeros",
      headers.text(index2.thisModule)
    );
  if (!arch.exact) return;
  remarkOnSharing(state);
  copySections(state);
  writeHeaders(state, true);
}

// src/loader/image.ts
var NOTHING = new Uint8Array(0);
function sections(state) {
  const { headers, index: index2, places: places3, contents, arch } = state;
  const found2 = [];
  for (let i = 1; i < headers.count; i++) {
    const isPercpu = i === index2.percpu;
    const place = places3[i];
    if (!isPercpu && (place === void 0 || (headers.flags[i] & SHF_ALLOC) === 0)) continue;
    found2.push({
      index: i,
      name: headers.text(i),
      address: isPercpu ? arch.percpu : sectionAddress(state, i),
      size: headers.size[i],
      flags: headers.flags[i],
      memory: place?.memory ?? "percpu",
      bytes: contents[i] ?? NOTHING,
      excluded: state.excluded.get(i) ?? []
    });
  }
  return found2;
}
function symbols(state) {
  const { headers, index: index2, bytes, view } = state;
  const found2 = [];
  const table2 = headers.offset[index2.symtab];
  const strings = headers.offset[index2.strtab];
  for (let i = 1; i < state.symbolLow.length; i++) {
    const at = table2 + i * SYMBOL_SIZE;
    found2.push({
      name: textAt2(bytes, strings + view.getUint32(at, true)),
      address: BigInt(state.symbolHigh[i]) << 32n | BigInt(state.symbolLow[i]),
      size: Number(view.getBigUint64(at + 16, true)),
      info: view.getUint8(at + 4),
      other: view.getUint8(at + 5),
      section: view.getUint16(at + 6, true)
    });
  }
  return found2;
}
function keptTables(state) {
  const offsets = state.arch.kallsyms;
  const core = state.arch.memory.find((area) => area.kind === (state.rules.memoryAreas ? "data" : "core"));
  if (offsets === void 0 || core === void 0) return void 0;
  return {
    address: core.base + BigInt(offsets.symbols),
    symtab: core.bytes.subarray(offsets.symbols, offsets.strings),
    strtab: core.bytes.subarray(offsets.strings, offsets.types),
    types: core.bytes.subarray(offsets.types, offsets.types + offsets.kept)
  };
}
function loadedImage(state) {
  const kallsyms = keptTables(state);
  return {
    name: state.name,
    toc: state.toc,
    sections: sections(state),
    symbols: symbols(state),
    stubs: state.stubs,
    ...kallsyms === void 0 ? {} : { kallsyms }
  };
}

// src/loader/rules.ts
function rulesFor(kernel2) {
  const at = kernel2.version[0] * 1e3 + kernel2.version[1];
  return {
    memoryAreas: at >= 6004,
    wantsAbi2: at >= 6002,
    outOfLineStubs: kernel2.options.ftraceOutOfLine,
    validity: at >= 6013 ? "split" : at >= 6004 ? "cached" : "plain",
    earlyCheck: at >= 6004,
    extendedVersions: at >= 6014,
    exportFlags: at >= 7e3,
    moduleNamespaces: at >= 6016,
    sectionAttributesMayFail: at >= 6012,
    enableDisable: at >= 6013,
    marksAllReadOnlyAfterInit: at >= 6013,
    doublePopSort: at >= 6011,
    stubsCounted: at >= 6013,
    alignedStubs: at >= 6004,
    acceptsRestore: at >= 6003,
    relocatesPercpu: at >= 7e3,
    btfLayout: at >= 7e3,
    livepatchTellsPlace: at >= 6017,
    debugFlags: at >= 6002 ? "pmfslt_" : "pmflt_",
    logTextLimit: at >= 6004 ? 1023 : 991,
    tracerReadsTargets: at < 6006,
    tracerDropsLinkSave: at >= 6013,
    srcuUsage: at >= 6004,
    tracesLivepatches: at >= 6002,
    tracerMarksFields: at >= 6012
  };
}

// src/loader/steps.ts
init_constants();

// src/loader/btf-check.ts
var BTF = knownName(".BTF");
var BTF_BASE = knownName(".BTF.base");
var MAGIC4 = 60319;
var SHORT_HEADER = 24;
var invalid = (text2) => ({ errno: "EINVAL", text: text2 });
function checkTypes(state) {
  const { options } = state.kernel;
  if (!options.btfModules) return;
  const data = findAny(state, BTF);
  if (data === 0 || state.headers.size[data] === 0) return;
  const base = findAny(state, BTF_BASE);
  const wrong = (base === 0 ? void 0 : checkHeader(state, base, false)) ?? checkHeader(state, data, true);
  if (wrong === void 0) return;
  state.print("err", `BPF: ${wrong.text}`);
  if (!options.allowBtfMismatch)
    state.refuse(wrong.errno, `failed to validate module [${state.name}] BTF: -${ERRNO[wrong.errno]}`, "warning");
  if (state.taint("btf notice"))
    state.print("warning", "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules");
}
function checkHeader(state, section, isSplit) {
  const start = state.headers.offset[section];
  const bytes = state.request.bytes.subarray(start, start + state.headers.size[section]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { length } = bytes;
  const fullHeader = state.rules.btfLayout ? SHORT_HEADER + 8 : SHORT_HEADER;
  if (length < 8) return invalid("hdr_len not found");
  const headerLength = view.getUint32(4, true);
  if (length < headerLength) return invalid("btf_header not found");
  for (let i = fullHeader; i < headerLength; i++)
    if (bytes[i] !== 0) return { errno: "E2BIG", text: "Unsupported btf_header" };
  const header = new DataView(new ArrayBuffer(fullHeader));
  for (let i = 0; i < Math.min(headerLength, fullHeader); i++) header.setUint8(i, bytes[i]);
  if (header.getUint16(0, true) !== MAGIC4) return invalid("Invalid magic");
  if (header.getUint8(2) !== 1) return { errno: "ENOTSUPP", text: "Unsupported version" };
  if (header.getUint8(3) !== 0) return { errno: "ENOTSUPP", text: "Unsupported flags" };
  if (!isSplit && length === headerLength) return invalid("No data");
  const hasLayout = headerLength >= fullHeader && fullHeader > SHORT_HEADER && header.getUint32(28, true) !== 0;
  const wrong = checkParts(header, length - headerLength, hasLayout ? 3 : 2);
  return wrong ?? checkStrings(header, bytes, headerLength, isSplit, headerLength < fullHeader || fullHeader === SHORT_HEADER);
}
function checkParts(header, room, count) {
  const parts = Array.from({ length: count }, (_, i) => ({
    offset: header.getUint32(8 + 8 * i, true),
    length: header.getUint32(12 + 8 * i, true)
  }));
  parts.sort((a, b) => a.offset - b.offset || a.length - b.length);
  let total = 0;
  for (const { offset, length } of parts) {
    if (room < offset) return invalid("Invalid section offset");
    if (total < offset) return invalid("Unsupported section found");
    if (total > offset) return invalid("Section overlap found");
    if (room - total < length) return invalid("Total section length too long");
    total += length;
  }
  return total === room ? void 0 : invalid("Unsupported section found");
}
function checkStrings(header, bytes, headerLength, isSplit, mustBeLast) {
  const start = headerLength + header.getUint32(16, true);
  const length = header.getUint32(20, true);
  if (mustBeLast && start + length !== bytes.length) return invalid("String section is not at the end");
  if (isSplit && length === 0) return void 0;
  const isBad = length === 0 || bytes[start + length - 1] !== 0 || !isSplit && bytes[start] !== 0;
  return isBad ? invalid("Invalid string section") : void 0;
}

// src/loader/exporters.ts
var exportIndexes = /* @__PURE__ */ new WeakMap();
function exportIndexOf(modules) {
  let index2 = exportIndexes.get(modules);
  if (index2 === void 0 || index2.modules > modules.size) {
    index2 = { modules: 0, byName: /* @__PURE__ */ new Map() };
    exportIndexes.set(modules, index2);
  }
  if (index2.modules === modules.size) return index2;
  let i = 0;
  for (const module of modules.values()) {
    if (i++ < index2.modules) continue;
    for (const symbol2 of module.exports.values()) {
      const owners2 = index2.byName.get(symbol2.name);
      if (owners2 === void 0) index2.byName.set(symbol2.name, [{ module, symbol: symbol2 }]);
      else owners2.unshift({ module, symbol: symbol2 });
    }
  }
  index2.modules = modules.size;
  return index2;
}
function ownerOf(state, name, gplOk) {
  const { exporter, modules } = state.request;
  if (exporter !== void 0) {
    const module = exporter(name);
    const symbol2 = module?.exports.get(name);
    return module === void 0 || symbol2 === void 0 || symbol2.gplOnly && !gplOk ? void 0 : { module, symbol: symbol2 };
  }
  if (modules.size === 0) return void 0;
  const owners2 = exportIndexOf(modules).byName.get(name);
  return owners2?.find(({ symbol: symbol2 }) => gplOk || !symbol2.gplOnly);
}

// src/loader/relocated-words.ts
init_constants();
var RELA_SIZE3 = 24;
var R_PPC64_ADDR642 = 38;
var TWO_324 = 4294967296;
var RelocatedWords = class {
  #state;
  #view;
  /** Number of the symbol by word; -1 where nothing is relocated. */
  #symbols;
  #addends;
  /** Bytes from the file's start of the section's contents; -1 where the file has none. */
  #start;
  /** Words that something else writes to: another type of relocation, or one that begins inside a word. */
  #disturbed;
  /** Reads the relocations of `section`; words are its doublewords. */
  constructor(state, section) {
    const { headers, request } = state;
    this.#state = state;
    const { bytes } = request;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const words2 = Math.floor(Math.min(headers.size[section], bytes.length) / 8);
    this.#symbols = new Int32Array(words2).fill(-1);
    this.#addends = new Float64Array(words2);
    this.#start = headers.type[section] === SHT_NOBITS ? -1 : headers.offset[section];
    for (let i = 1; i < headers.count; i++)
      if (headers.type[i] === SHT_RELA && headers.info[i] === section) this.#read(i);
  }
  #read(table2) {
    const view = this.#view;
    const { offset, size } = this.#state.headers;
    const end = Math.min(offset[table2] + size[table2], view.byteLength);
    for (let at = offset[table2]; at + RELA_SIZE3 <= end; at += RELA_SIZE3) {
      if (view.getUint32(at + 4, true) !== 0) continue;
      const place = view.getUint32(at, true);
      if (view.getUint32(at + 8, true) !== R_PPC64_ADDR642 || place % 8 !== 0) {
        this.#disturb(Math.floor(place / 8));
        continue;
      }
      if (place / 8 >= this.#symbols.length) continue;
      this.#symbols[place / 8] = view.getUint32(at + 12, true) & 2147483647;
      this.#addends[place / 8] = view.getInt32(at + 20, true) * TWO_324 + view.getUint32(at + 16, true);
    }
  }
  #disturb(word2) {
    this.#disturbed ??= /* @__PURE__ */ new Set();
    this.#disturbed.add(word2);
    this.#disturbed.add(word2 + 1);
  }
  /** Whether the pointer is zero: no relocation writes there, and neither does the file. */
  isNull(word2) {
    if (this.isRelocated(word2) || this.#disturbed?.has(word2) === true) return false;
    const at = this.#start + word2 * 8;
    if (this.#start < 0 || at + 8 > this.#view.byteLength) return true;
    return this.#view.getUint32(at, true) === 0 && this.#view.getUint32(at + 4, true) === 0;
  }
  get count() {
    return this.#symbols.length;
  }
  isRelocated(word2) {
    return (this.#symbols[word2] ?? -1) >= 0;
  }
  /** Where the symbol's entry lies in the file, or -1. */
  #symbolAt(word2) {
    const symbol2 = this.#symbols[word2] ?? -1;
    const { headers, index: index2 } = this.#state;
    const size = headers.size[index2.symtab];
    if (symbol2 < 0 || (symbol2 + 1) * SYM_SIZE > size) return -1;
    const at = headers.offset[index2.symtab] + symbol2 * SYM_SIZE;
    return at + SYM_SIZE <= this.#view.byteLength ? at : -1;
  }
  /** Where the pointer leads; `undefined` where it is not relocated or leads nowhere in the file. */
  target(word2) {
    const at = this.#symbolAt(word2);
    if (at < 0 || this.#disturbed?.has(word2) === true) return void 0;
    const view = this.#view;
    const section = view.getUint16(at + 6, true);
    const value = view.getUint32(at + 12, true) * TWO_324 + view.getUint32(at + 8, true);
    const offset = value + this.#addends[word2];
    const { headers } = this.#state;
    if (section >= headers.count || offset < 0 || section !== 0 && offset >= headers.size[section]) return void 0;
    return { section, offset };
  }
  /** The string that the pointer leads to, as the file holds it. */
  text(word2) {
    const at = this.fileOffset(word2);
    return at < 0 ? void 0 : textAt2(this.#state.request.bytes, at);
  }
  /** Bytes from the file's start of what the pointer leads to; -1 where the file does not hold it. */
  fileOffset(word2) {
    const target = this.target(word2);
    const { headers } = this.#state;
    if (target === void 0 || target.section === 0 || headers.type[target.section] === SHT_NOBITS) return -1;
    return headers.offset[target.section] + target.offset;
  }
  /** Name of the symbol that the pointer is relocated with. */
  symbolName(word2) {
    const at = this.#symbolAt(word2);
    if (at < 0) return void 0;
    const { headers, index: index2, request } = this.#state;
    return textAt2(request.bytes, headers.offset[index2.strtab] + this.#view.getUint32(at, true));
  }
  /** The address that the loader writes; 0 where nothing is relocated. */
  address(word2) {
    const symbol2 = this.#symbols[word2] ?? -1;
    if (symbol2 < 0) return 0n;
    const low = BigInt(this.#state.symbolLow[symbol2] ?? 0);
    const high = BigInt(this.#state.symbolHigh[symbol2] ?? 0);
    return BigInt.asUintN(64, (high << 32n) + low + BigInt(this.#addends[word2]));
  }
};

// src/loader/versions.ts
var ENTRY_SIZE3 = 64;
var NAME_AT = 8;
var DOT = 46;
var LONGEST_NAME = 1024;
function tryToForceLoad(state, reason) {
  if (!state.kernel.options.moduleForceLoad) return false;
  state.forced = true;
  if (state.taint("forced")) state.print("warning", `${state.name}: ${reason}: kernel tainted.`);
  return true;
}
function checkVersion(state, name, crc) {
  const bytes = Uint8Array.from(`${name}\0`, (c) => c.charCodeAt(0));
  return check(state, bytes, 0, crc);
}
function checkVersionAt(state, at, crc) {
  return check(state, state.bytes, at, crc);
}
function check(state, bytes, at, crc) {
  const { index: index2 } = state;
  if (crc === void 0 || !state.kernel.options.modversions) return true;
  if (index2.extCrcs === 0 && index2.versions === 0) return tryToForceLoad(state, textAt2(bytes, at));
  state.versions ??= new VersionTable(state);
  const wanted = state.versions.find(bytes, at);
  if (wanted === crc >>> 0) return true;
  if (wanted !== void 0) {
    state.print("warning", `${state.infoName}: disagrees about version of symbol ${textAt2(bytes, at)}`);
    return false;
  }
  if (index2.extCrcs !== 0) {
    if (state.taint("version notice"))
      state.print("warning", `${state.infoName}: no extended symbol version for ${textAt2(bytes, at)}`);
    return true;
  }
  state.print("warning", `${state.infoName}: no symbol version for ${textAt2(bytes, at)}`);
  return false;
}
function hashOf(bytes, from, stop) {
  let hash = 2166136261;
  for (let i = from; i < stop && bytes[i] !== 0; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
  return hash ^ hash >>> 15;
}
var VersionTable = class {
  #state;
  #extended;
  /** Bytes from the file's start. */
  #offset;
  #count;
  /** Open addressing: one more than the number of the entry, 0 where a slot is free. */
  #slots;
  /** Where the name of each entry begins, bytes from the file's start. */
  #names;
  #isDedotted;
  constructor(state) {
    const { headers, index: index2 } = state;
    this.#state = state;
    this.#extended = index2.extCrcs !== 0;
    const section = this.#extended ? index2.extCrcs : index2.versions;
    const entrySize = this.#extended ? 4 : ENTRY_SIZE3;
    this.#offset = headers.offset[section];
    const whole2 = Math.floor(headers.size[section] / entrySize);
    const room = Math.floor((state.bytes.length - this.#offset) / entrySize);
    this.#count = Math.max(0, Math.min(whole2, room));
    if (whole2 > this.#count)
      state.danger("MOD005", "the kernel reads symbol versions from outside the file", headers.text(section));
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.#count + 1)));
    this.#names = new Float64Array(this.#count);
  }
  /** The checksum of the first entry for the name; -1 where it is none of 32 bits; `undefined` where there is no entry. */
  find(bytes, at) {
    if (this.#isDedotted !== this.#state.dedotted) this.#makeIndex();
    const mask2 = this.#slots.length - 1;
    for (let slot = hashOf(bytes, at, at + LONGEST_NAME) & mask2; ; slot = slot + 1 & mask2) {
      const entry2 = this.#slots[slot] - 1;
      if (entry2 < 0) return void 0;
      if (this.#isSame(entry2, bytes, at)) return this.#crc(entry2);
    }
  }
  #crc(entry2) {
    const { view } = this.#state;
    const at = this.#offset + entry2 * (this.#extended ? 4 : ENTRY_SIZE3);
    return !this.#extended && view.getUint32(at + 4, true) !== 0 ? -1 : view.getUint32(at, true);
  }
  #isSame(entry2, bytes, at) {
    const file = this.#state.bytes;
    let a = this.#names[entry2];
    let b = at;
    for (const stop = a + LONGEST_NAME; a < stop; a++, b++) {
      const byte = a < file.length ? file[a] : 0;
      if (byte !== (b < bytes.length ? bytes[b] : 0)) return false;
      if (byte === 0) return true;
    }
    return true;
  }
  #makeIndex() {
    const { bytes, dedotted, headers, index: index2 } = this.#state;
    this.#isDedotted = dedotted;
    const slots2 = this.#slots.fill(0);
    const mask2 = slots2.length - 1;
    let nameAt = this.#extended ? headers.offset[index2.extNames] : this.#offset + NAME_AT;
    for (let i = 0; i < this.#count; i++) {
      const from = dedotted && bytes[nameAt] === DOT ? nameAt + 1 : nameAt;
      this.#names[i] = from;
      let slot = hashOf(bytes, from, Math.min(from + LONGEST_NAME, bytes.length)) & mask2;
      while (slots2[slot] !== 0 && !this.#isSame(slots2[slot] - 1, bytes, from)) slot = slot + 1 & mask2;
      if (slots2[slot] === 0) slots2[slot] = i + 1;
      nameAt = this.#extended ? stringEnd(bytes, nameAt) + 1 : nameAt + ENTRY_SIZE3;
    }
  }
};
function checkModstructVersion(state) {
  const { exports, options } = state.kernel;
  if (!options.modversions) return;
  const layout = exports.find("module_layout");
  if (layout < 0) return;
  const crc = exports.crc(layout);
  if (crc === void 0) return;
  const at = layoutEntry(state, crc);
  if (!at && !checkVersion(state, "module_layout", crc)) state.refuse("ENOEXEC");
}
var LAYOUT = Uint8Array.from("module_layout\0", (c) => c.charCodeAt(0));
function layoutEntry(state, crc) {
  const { headers, index: index2, bytes, view } = state;
  if (index2.versions === 0 || index2.extCrcs !== 0) return false;
  const from = headers.offset[index2.versions];
  const end = Math.min(from + headers.size[index2.versions], bytes.length);
  for (let at = from; at + ENTRY_SIZE3 <= end; at += ENTRY_SIZE3) {
    let i = 0;
    while (i < LAYOUT.length && bytes[at + NAME_AT + i] === LAYOUT[i]) i++;
    if (i === LAYOUT.length) return view.getUint32(at, true) === crc >>> 0 && view.getUint32(at + 4, true) === 0;
  }
  return false;
}

// src/loader/exports.ts
var KSYMTAB = knownName("__ksymtab");
var KSYMTAB_GPL = knownName("__ksymtab_gpl");
var KCRCTAB = knownName("__kcrctab");
var KCRCTAB_GPL = knownName("__kcrctab_gpl");
var KFLAGSTAB = knownName("__kflagstab");
var OBSPARM = knownName("__obsparm");
var ENTRY_SIZE4 = 24;
var ENTRY_WORDS = 3;
var GPL_ONLY = 1;
function findModuleSections(state) {
  const { name, rules } = state;
  const find = (id) => findAllocated(state, id);
  const plain = { symbols: find(KSYMTAB), crcs: find(KCRCTAB), flags: 0, gplOnly: false };
  const gpl = { symbols: find(KSYMTAB_GPL), crcs: find(KCRCTAB_GPL), flags: 0, gplOnly: true };
  if (rules.exportFlags) {
    state.exportTables = [{ ...plain, flags: find(KFLAGSTAB) }];
    if (gpl.symbols !== 0) state.print("warning", `${name}: ignoring obsolete section __ksymtab_gpl`);
    if (gpl.crcs !== 0) state.print("warning", `${name}: ignoring obsolete section __kcrctab_gpl`);
  } else state.exportTables = [plain, gpl];
  if (find(OBSPARM) !== 0) state.print("warning", `${name}: Ignoring obsolete parameters`);
}
function exportCount(state, table2) {
  return Math.floor(state.headers.size[table2.symbols] / ENTRY_SIZE4);
}
function checkExportSections(state) {
  const filled = state.exportTables.filter((table2) => exportCount(state, table2) > 0);
  if (state.rules.exportFlags && filled.some((table2) => table2.flags === 0))
    state.refuse("ENOEXEC", `${state.name}: no flags for exported symbols`);
  if (!state.kernel.options.modversions || !filled.some((table2) => table2.crcs === 0)) return;
  if (!tryToForceLoad(state, "no versions for exported symbols")) state.refuse("ENOEXEC");
}
function verifyExportedSymbols(state) {
  const { contents, index: index2 } = state;
  state.foundEarly = isFound(contents[index2.thisModule]);
  for (const table2 of state.exportTables) if (exportCount(state, table2) > 0) verifyTable(state, table2);
}
function verifyTable(state, table2) {
  const { headers } = state;
  const section = headers.text(table2.symbols);
  const words2 = new RelocatedWords(state, table2.symbols);
  const count = Math.min(exportCount(state, table2), Math.floor(words2.count / ENTRY_WORDS));
  let before = "";
  for (let i = 0; i < count; i++) {
    const word2 = i * ENTRY_WORDS;
    const name = words2.text(word2 + 1);
    if (name === void 0) {
      state.danger("MOD006", `export ${i} has no name in the module, and the kernel reads it as a string`, section);
      continue;
    }
    refuseDuplicate(state, name);
    if (name < before)
      state.remark({
        code: "MOD007",
        level: "warning",
        message: `export ${name} is not in the order of names, and the kernel may not find it`,
        section,
        offset: i * ENTRY_SIZE4
      });
    before = name;
    state.exports.set(name, {
      name,
      address: words2.address(word2),
      crc: crcOf2(state, table2, i),
      gplOnly: isGplOnly(state, table2, i),
      namespace: words2.isRelocated(word2 + 2) ? words2.text(word2 + 2) ?? "" : ""
    });
  }
}
function refuseDuplicate(state, name) {
  const isKernels2 = state.kernel.exports.find(name) >= 0;
  const ownerName = state.foundEarly ? state.name : ownerOf(state, name, true)?.module.name;
  const owner = isKernels2 ? "kernel" : ownerName;
  if (owner !== void 0)
    state.refuse("ENOEXEC", `${state.name}: exports duplicate symbol ${name} (owned by ${owner})`);
}
function crcOf2(state, table2, i) {
  if (table2.crcs === 0 || !state.kernel.options.modversions) return void 0;
  const { headers, view } = state;
  const at = headers.offset[table2.crcs] + 4 * i;
  if (4 * i + 4 > headers.size[table2.crcs] || at + 4 > view.byteLength) {
    if (4 * i <= headers.size[table2.crcs])
      state.danger("MOD008", "fewer checksums than exports: the kernel reads behind them", headers.text(table2.crcs));
    return void 0;
  }
  return view.getUint32(at, true);
}
function isGplOnly(state, table2, i) {
  if (table2.flags === 0) return table2.gplOnly;
  const { headers, bytes } = state;
  if (i >= headers.size[table2.flags]) {
    if (i === headers.size[table2.flags])
      state.danger("MOD008", "fewer flags than exports: the kernel reads behind them", headers.text(table2.flags));
    return false;
  }
  return (bytes[headers.offset[table2.flags] + i] & GPL_ONLY) !== 0;
}

// src/loader/bug-table.ts
init_constants();
var BUG_TABLE = knownName("__bug_table");
var ENTRY_SIZE5 = 12;
function remarkOnBugs(state, memory) {
  const section = findAny(state, BUG_TABLE);
  const size = state.kernel.structures.sizes.bug_entry ?? ENTRY_SIZE5;
  if (!state.kernel.options.genericBug || section === 0 || state.headers.size[section] < size) return;
  if (state.places[section] === void 0) {
    state.danger("FTR211", "the bug table is not kept, and the kernel goes on reading where it was", "__bug_table");
    return;
  }
  if ((state.headers.flags[section] & SHF_WRITE) === 0)
    state.danger(
      "FTR211",
      "the bug table is read-only, and the kernel writes there when a warning is given",
      "__bug_table"
    );
  const view = memory.view(section);
  for (let at = 0; at + size <= view.byteLength; at += size) {
    const address2 = wrapping(memory.addressOf(section) + BigInt(at), BigInt(view.getInt32(at, true)));
    if (memory.isCode(memory.find(address2, 4))) continue;
    state.remark({
      code: "FTR208",
      level: "warning",
      message: "an entry of the bug table does not name the module's code",
      section: "__bug_table",
      offset: at
    });
  }
}

// src/loader/sort.ts
var WORDS2 = 6;
function compare(words2, a, b) {
  const x = b * WORDS2;
  const y = a * WORDS2;
  if (words2[x + 3] !== words2[y + 3]) return words2[x + 3] < words2[y + 3] ? -1 : 1;
  if (words2[x + 2] !== words2[y + 2]) return words2[x + 2] < words2[y + 2] ? -1 : 1;
  const high = (words2[x + 5] | 0) - (words2[y + 5] | 0);
  if (high !== 0) return high;
  if (words2[x + 4] !== words2[y + 4]) return words2[x + 4] < words2[y + 4] ? -1 : 1;
  return 0;
}
var MOST_SYMBOLS = 2 ** 21;
var MOST_TYPES = 2 ** 8;
var ADDENDS = 2 ** 24;
function keysOf(words2, count) {
  const keys = new Float64Array(count);
  for (let i = 0, w = 0; i < count; i++, w += WORDS2) {
    const symbol2 = words2[w + 3];
    const type = words2[w + 2];
    const addend = words2[w + 4] | 0;
    const fits3 = symbol2 < MOST_SYMBOLS && type < MOST_TYPES && addend >= -ADDENDS / 2 && addend < ADDENDS / 2;
    if (!fits3 || (words2[w + 5] | 0) !== addend >> 31) return ranksOf(words2, count);
    keys[i] = -((symbol2 * MOST_TYPES + type) * ADDENDS + addend);
  }
  return keys;
}
function ranksOf(words2, count) {
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => compare(words2, a, b));
  const ranks = new Float64Array(count);
  for (let i = 1; i < count; i++) {
    const differs = compare(words2, order[i - 1], order[i]) === 0 ? 0 : 1;
    ranks[order[i]] = ranks[order[i - 1]] + differs;
  }
  return ranks;
}
function swap({ keys, order }, a, b) {
  const key = keys[a];
  keys[a] = keys[b];
  keys[b] = key;
  const kept = order[a];
  order[a] = order[b];
  order[b] = kept;
}
function sift(heap, a, n, firstOfEqual) {
  const { keys, order } = heap;
  let b = a;
  let c = 2 * b + 1;
  let d = c + 1;
  while (d < n) {
    const first = keys[c];
    const second = keys[d];
    b = first > second || firstOfEqual && first === second ? c : d;
    c = 2 * b + 1;
    d = c + 1;
  }
  if (d === n) b = c;
  const own = keys[a];
  while (b !== a && own >= keys[b]) b = b - 1 >> 1;
  if (b === a) return;
  c = b;
  let key = keys[c];
  let number2 = order[c];
  while (b !== a) {
    b = b - 1 >> 1;
    const keyAbove = keys[b];
    const numberAbove = order[b];
    keys[b] = key;
    order[b] = number2;
    key = keyAbove;
    number2 = numberAbove;
  }
  keys[c] = key;
  order[c] = number2;
}
function heapsort(heap) {
  let n = heap.order.length;
  let a = n >> 1;
  if (a === 0) return;
  for (; ; ) {
    if (a > 0) a--;
    else if (--n > 0) swap(heap, 0, n);
    else return;
    sift(heap, a, n, true);
  }
}
function doublePopHeapsort(heap) {
  const { keys } = heap;
  let n = heap.order.length;
  let a = n >> 1;
  let shift = 0;
  if (a === 0) return;
  for (; ; ) {
    if (a > 0) a -= 1 << shift;
    else if (n > 3) {
      n--;
      swap(heap, 0, n);
      shift = keys[1] <= keys[2] ? 1 : 0;
      a = 1 << shift;
      n--;
      swap(heap, a, n);
    } else break;
    sift(heap, a, n, false);
  }
  n--;
  swap(heap, 0, n);
  if (n === 2 && keys[0] > keys[1]) swap(heap, 0, 1);
}
function sortRelocations(words2, doublePop) {
  const count = Math.floor(words2.length / WORDS2);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  const heap = { keys: keysOf(words2, count), order };
  if (doublePop) doublePopHeapsort(heap);
  else heapsort(heap);
  const sorted = new Uint32Array(count * WORDS2);
  for (let i = 0; i < count; i++) {
    const from = order[i] * WORDS2;
    const to = i * WORDS2;
    for (let w = 0; w < WORDS2; w++) sorted[to + w] = words2[from + w];
  }
  words2.set(sorted);
}

// src/loader/table-order.ts
var WORDS3 = 6;
var SIGN = 2147483648;
function sortedOrder(count, first, second, doublePop) {
  if (ascends(count, first, second)) return void 0;
  const words2 = new Uint32Array(count * WORDS3);
  for (let i = 0; i < count; i++) {
    const at = i * WORDS3;
    const key = ~first[i];
    words2[at] = i;
    words2[at + 2] = Number(BigInt.asUintN(32, key));
    words2[at + 3] = Number(BigInt.asUintN(32, key >> 32n));
    const other = ~(second?.[i] ?? 0n);
    words2[at + 4] = Number(BigInt.asUintN(32, other));
    words2[at + 5] = Number(BigInt.asUintN(32, other >> 32n)) ^ SIGN;
  }
  sortRelocations(words2, doublePop);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = words2[i * WORDS3];
  return order;
}
function ascends(count, first, second) {
  for (let i = 1; i < count; i++) {
    if (first[i - 1] < first[i]) continue;
    if (first[i - 1] > first[i] || second === void 0 || second[i - 1] >= second[i]) return false;
  }
  return true;
}

// src/loader/exception-table.ts
var EX_TABLE = knownName("__ex_table");
var ENTRY = 8;
function sortExceptionTable(state, memory) {
  const section = findAllocated(state, EX_TABLE);
  if (section === 0) return;
  const view = memory.view(section);
  const count = Math.floor(view.byteLength / ENTRY);
  const address2 = memory.addressOf(section);
  const instructions2 = new BigUint64Array(count);
  const fixups = new BigUint64Array(count);
  for (let i = 0; i < count; i++) {
    const at = address2 + BigInt(i * ENTRY);
    instructions2[i] = wrapping(at, BigInt(view.getInt32(i * ENTRY, true)));
    fixups[i] = wrapping(at + 4n, BigInt(view.getInt32(i * ENTRY + 4, true)));
    if (memory.isCode(memory.find(instructions2[i], 4)) && memory.isCode(memory.find(fixups[i], 4))) continue;
    state.remark({
      code: "FTR207",
      level: "error",
      message: "an entry of the exception table does not lead from the module's code to its code",
      section: "__ex_table",
      offset: i * ENTRY
    });
  }
  const order = sortedOrder(count, instructions2, void 0, state.rules.doublePopSort);
  if (order === void 0) return;
  for (let i = 0; i < count; i++) {
    const at = address2 + BigInt(i * ENTRY);
    view.setInt32(i * ENTRY, Number(BigInt.asIntN(32, instructions2[order[i]] - at)), true);
    view.setInt32(i * ENTRY + 4, Number(BigInt.asIntN(32, fixups[order[i]] - at - 4n)), true);
  }
}

// src/ppc64/words.ts
var NOP = 1610612736;
var MFLR_R0 = 2080899750;
var MTLR_R0 = 2080900006;
var STD_R0_16_R1 = 4160815120;
var LD_R2_24_R1 = 3896573976;

// src/loader/branch-words.ts
var LINK = 1;
var ABSOLUTE = 2;
var LI_MASK = 67108860;
function reaches(from, to) {
  const offset = BigInt.asIntN(64, to - from);
  return offset >= -0x2000000n && offset <= 0x1fffffcn && (offset & 3n) === 0n;
}
function branchWord(from, to, link) {
  if (!reaches(from, to)) return void 0;
  return (1207959552 | Number(BigInt.asUintN(26, to - from)) & LI_MASK | (link ? LINK : 0)) >>> 0;
}
function isBranchAndLink(word2) {
  return (word2 & ~LI_MASK) >>> 0 === 1207959553;
}
function branchTarget(from, word2) {
  return wrapping(from, BigInt((word2 & LI_MASK) << 6 >> 6));
}
function isRelativeBranch(word2) {
  const primary = word2 >>> 26;
  return (primary === 18 || primary === 16) && (word2 & ABSOLUTE) === 0;
}
function relativeTarget(from, word2) {
  if (word2 >>> 26 === 18) return branchTarget(from, word2);
  return wrapping(from, BigInt((word2 & 65532) << 16 >> 16));
}
function movedBranch(word2, from, to) {
  const target = relativeTarget(from, word2);
  if (word2 >>> 26 === 18) return branchWord(to, target, (word2 & LINK) !== 0);
  const offset = BigInt.asIntN(64, target - to);
  if (offset < -0x8000n || offset > 0x7fffn || (offset & 3n) !== 0n) return void 0;
  return (1073741824 | word2 & 67043331 | Number(BigInt.asUintN(16, offset) & 0xfffcn)) >>> 0;
}

// src/loader/feature-fixups.ts
var LWSYNC = 2082473132;
var ALWAYS = 0x380008081n;
var FEATURE_ENTRY = 48;
var PLACE_ENTRY = 8;
var FEATURE_TABLES = [
  { id: knownName("__ftr_fixup"), name: "__ftr_fixup", always: ALWAYS, decides: "features of the processor" },
  {
    id: knownName("__mmu_ftr_fixup"),
    name: "__mmu_ftr_fixup",
    always: 0n,
    decides: "features of the memory management unit"
  },
  { id: knownName("__fw_ftr_fixup"), name: "__fw_ftr_fixup", always: 0n, decides: "features of the firmware" }
];
var SPEC_BARRIER = knownName("__spec_barrier_fixup");
var LWSYNC_FIXUP = knownName("__lwsync_fixup");
function applyFeatureFixups(state, memory) {
  const regions = [];
  for (const table2 of FEATURE_TABLES) {
    const section = tableOf3(state, table2.id);
    if (section === 0) continue;
    const fixups = new FeatureTable(state, memory, section, table2);
    for (let at = 0; at < state.headers.size[section]; at += FEATURE_ENTRY) {
      if (!isWhole(state, memory, section, at, FEATURE_ENTRY)) break;
      const region = fixups.apply(at);
      if (region !== void 0) regions.push(region);
    }
  }
  places(state, memory, SPEC_BARRIER, (spot, address2) => {
    state.exclude(spot.section, {
      offset: spot.offset,
      length: 4,
      reason: "speculation barrier: whether the machine needs it decides"
    });
    regions.push({ start: address2, end: address2 + 4n, table: "__spec_barrier_fixup" });
  });
  places(state, memory, LWSYNC_FIXUP, (spot, address2) => {
    memory.view(spot.section).setUint32(spot.offset, LWSYNC, true);
    regions.push({ start: address2, end: address2 + 4n, table: "__lwsync_fixup" });
  });
  return regions;
}
function tableOf3(state, id) {
  const section = findAny(state, id);
  if (section === 0 || state.places[section] !== void 0) return section;
  const name = state.headers.text(section);
  if (state.headers.size[section] > 0)
    state.danger(
      "FTR206",
      `${name} is not allocated: the kernel applies its entries though nothing relocated them`,
      name
    );
  return 0;
}
function isWhole(state, memory, section, at, size) {
  if (memory.isOwn(memory.addressOf(section) + BigInt(at), size)) return true;
  const name = state.headers.text(section);
  state.danger("FTR206", `the kernel reads the last entry of ${name} beyond the module's memory`, name);
  return false;
}
function places(state, memory, id, patch) {
  const section = tableOf3(state, id);
  if (section === 0) return;
  const base = memory.addressOf(section);
  for (let at = 0; at < state.headers.size[section]; at += PLACE_ENTRY) {
    if (!isWhole(state, memory, section, at, PLACE_ENTRY)) break;
    const entry2 = base + BigInt(at);
    const address2 = wrapping(entry2, memory.doubleword(entry2));
    const spot = memory.find(address2, 4);
    if (!memory.isCode(spot)) outside(state, memory, section, at, address2, 4, spot);
    if (spot !== void 0) patch(spot, address2);
  }
}
function outside(state, memory, section, offset, address2, length, spot) {
  if (!memory.isOwn(address2, length)) state.dangerous = true;
  state.remark({
    code: "FTR206",
    level: "error",
    message: spot === void 0 ? "an entry names a place outside the module's sections, and the kernel writes there" : `an entry names a place in ${memory.name(spot.section)}, which is no code`,
    section: memory.name(section),
    offset
  });
}
var words = (from, to) => BigInt.asIntN(64, to - from) >> 2n;
var FeatureTable = class {
  #state;
  #memory;
  #section;
  #table;
  #base;
  constructor(state, memory, section, table2) {
    this.#state = state;
    this.#memory = memory;
    this.#section = section;
    this.#table = table2;
    this.#base = memory.addressOf(section);
  }
  /** `patch_feature_section()` for the entry at `at`, which lies in the module's memory. */
  apply(at) {
    const field2 = (offset) => this.#memory.doubleword(this.#base + BigInt(at + offset));
    const address2 = (offset) => wrapping(this.#base + BigInt(at), field2(offset));
    const start = address2(16);
    const end = address2(24);
    const from = address2(32);
    const to = address2(40);
    if (words(from, to) > words(start, end)) {
      this.#failed(at, "the alternative is longer than the code that it replaces");
      return void 0;
    }
    const outcome = decided(field2(0), field2(8), this.#table.always);
    if (start >= end) return void 0;
    const spot = this.#memory.find(start, Number(end - start));
    if (!this.#memory.isCode(spot) && outcome !== "kept")
      outside(this.#state, this.#memory, this.#section, at, start, Number(end - start), spot);
    if (from < to && outcome !== "kept" && !this.#memory.isOwn(from, Number(to - from))) {
      this.#state.danger("FTR206", "an entry takes its alternative from outside the module", this.#table.name);
      return void 0;
    }
    if (outcome === "replaced" && this.#memory.isOwn(start, Number(end - start)))
      this.#replace(at, start, end, from, to);
    else if (outcome === "machine" && spot !== void 0)
      this.#state.exclude(spot.section, {
        offset: spot.offset,
        length: Number(end - start),
        reason: `feature fixup: the ${this.#table.decides} decide`
      });
    return { start, end, table: this.#table.name };
  }
  #replace(at, start, end, from, to) {
    let source = from;
    let place = start;
    while (source < to) {
      const length = this.#copy(source, place, from, to);
      if (length === 0) {
        this.#failed(at, "a branch of the alternative does not reach its target from where it is put");
        return;
      }
      source += BigInt(length);
      place += BigInt(length);
    }
    for (; place < end; place += 4n) this.#memory.setWord(place, NOP);
  }
  /** `patch_alt_instruction()`. @returns bytes of the instruction, 0 where its branch cannot be moved */
  #copy(source, place, from, to) {
    let word2 = this.#memory.word(source) ?? 0;
    const prefixed2 = word2 >>> 26 === 1;
    if (prefixed2) this.#memory.setWord(place + 4n, this.#memory.word(source + 4n) ?? 0);
    else if (isRelativeBranch(word2)) {
      const target = relativeTarget(source, word2);
      if (target < from || target > to) {
        const moved = movedBranch(word2, source, place);
        if (moved === void 0) return 0;
        word2 = moved;
      }
    }
    this.#memory.setWord(place, word2);
    return prefixed2 ? 8 : 4;
  }
  /** What the kernel says of an entry that it cannot apply; it goes on with the next. Nobody can know the hashes that it prints for its pointers. */
  #failed(at, why) {
    this.#state.print(
      "warning",
      "Unable to patch feature section at (____ptrval____) - (____ptrval____) with (____ptrval____) - (____ptrval____)"
    );
    this.#state.remark({
      code: "FTR205",
      level: "error",
      message: `the kernel cannot apply a feature fixup: ${why}`,
      section: this.#memory.name(this.#section),
      offset: at
    });
  }
};
function decided(mask2, value, always) {
  if ((value & ~mask2) !== 0n || (value & always) !== (mask2 & always)) return "replaced";
  return (mask2 & ~always) === 0n ? "kept" : "machine";
}

// src/loader/jump-labels.ts
init_constants();

// src/loader/pointer-tables.ts
init_constants();

// src/loader/object-sizes.ts
var STT_OBJECT = 1;
var ObjectSizes = class {
  #sizes = /* @__PURE__ */ new Map();
  constructor(state, memory) {
    const { symtab } = state.index;
    const view = memory.view(symtab);
    for (let at = SYMBOL_SIZE; at + SYMBOL_SIZE <= view.byteLength; at += SYMBOL_SIZE) {
      if ((view.getUint8(at + 4) & 15) !== STT_OBJECT) continue;
      const section = view.getUint16(at + 6, true);
      if (state.places[section] === void 0) continue;
      const offset = Number(view.getBigUint64(at + 8, true) - memory.addressOf(section));
      const sizes2 = this.#sizes.get(section) ?? /* @__PURE__ */ new Map();
      this.#sizes.set(section, sizes2);
      sizes2.set(offset, Number(view.getBigUint64(at + 16, true)));
    }
  }
  /** Bytes of the object that begins there. */
  of(spot) {
    return this.#sizes.get(spot.section)?.get(spot.offset);
  }
  /** Whether the place lies in the middle of an object. */
  isInside({ section, offset }) {
    for (const [start, size] of this.#sizes.get(section) ?? [])
      if (offset > start && offset < start + size) return true;
    return false;
  }
};

// src/loader/pointer-tables.ts
var TRACE_EVENTS = knownName("_ftrace_events");
var EVAL_MAP = knownName("_ftrace_eval_map");
var SRCU_STRUCTS = knownName("___srcu_struct_ptrs");
var TRACE_FORMATS = knownName("__trace_printk_fmt");
var DEBUG_CLASSES = knownName("__dyndbg_classes");
var DEBUG_MESSAGES = knownName("__dyndbg");
var TRACEPOINTS = knownName("__tracepoints_ptrs");
var POINTER = 8;
var EVENT_CLASS = 16;
var EVAL_TEXTS = [0, 8];
function hasBadTaint(state) {
  return !state.gplCompatible || state.forced || state.livepatch && !state.rules.tracesLivepatches;
}
function pointerTables(state) {
  const { sizes: sizes2 } = state.kernel.structures;
  const { eventTracing, tracepoints } = state.kernel.options;
  const found2 = [];
  const add = (name, size, isWritten, inner = []) => {
    const section = findAllocated(state, name);
    if (section === 0 || state.headers.size[section] < POINTER) return;
    found2.push({ section, size, isWritten, inner, isTableWritten: name === TRACE_FORMATS });
  };
  const { srcu_struct: srcu } = sizes2;
  add(SRCU_STRUCTS, srcu, true, state.rules.srcuUsage && srcu !== void 0 ? [srcu - POINTER] : []);
  add(TRACE_FORMATS, 0, false);
  if (eventTracing) add(EVAL_MAP, sizes2.trace_eval_map, false, EVAL_TEXTS);
  if (hasBadTaint(state)) return found2;
  if (tracepoints) add(TRACEPOINTS, sizes2.tracepoint, false);
  if (eventTracing) add(TRACE_EVENTS, sizes2.trace_event_call, true, [EVENT_CLASS]);
  return found2;
}
function refuseEvents(state) {
  if (!state.kernel.options.eventTracing || !hasBadTaint(state)) return;
  const section = findAllocated(state, TRACE_EVENTS);
  if (state.headers.size[section] < POINTER) return;
  state.print("err", `${state.name}: module has bad taint, not creating trace events`);
}
var CLASS_SIZE = 56;
var CLASS_MODULE = 24;
function debugClasses(state) {
  const { headers, kernel: kernel2 } = state;
  const section = findAllocated(state, DEBUG_CLASSES);
  const messages = headers.size[findAllocated(state, DEBUG_MESSAGES)];
  if (!kernel2.options.dynamicDebug || section === 0 || messages < (kernel2.structures.sizes._ddebug ?? CLASS_SIZE))
    return;
  const size = kernel2.structures.sizes.ddebug_class_map ?? CLASS_SIZE;
  const names3 = [];
  for (let at = 0; at + size <= headers.size[section]; at += size) names3.push(at + CLASS_MODULE);
  return { section, names: names3 };
}
function checkClasses(state, memory) {
  const classes = debugClasses(state);
  if (classes === void 0) return;
  const view = memory.view(classes.section);
  requireWritable(state, classes.section);
  if (classes.names.every((at) => memory.find(view.getBigUint64(at, true)) !== void 0)) return;
  state.danger(
    "FTR210",
    "the kernel compares the name of a class of dynamic debug, which leads nowhere",
    "__dyndbg_classes"
  );
}
function requireWritable(state, section) {
  if (!state.kernel.options.strictModuleRwx || (state.headers.flags[section] & SHF_WRITE) !== 0) return;
  const name = state.headers.text(section);
  state.danger("FTR212", `${name} is read-only, and the kernel writes there when the module comes`, name);
}
function checkPointerTables(state, memory) {
  checkClasses(state, memory);
  const tables = pointerTables(state);
  if (tables.length === 0) return;
  const objects = new ObjectSizes(state, memory);
  for (const table2 of tables) {
    const view = memory.view(table2.section);
    if (table2.isTableWritten) requireWritable(state, table2.section);
    for (let at = 0; at + POINTER <= view.byteLength; at += POINTER) {
      if (leadsToStructure(memory, objects, table2, view.getBigUint64(at, true))) continue;
      const name = memory.name(table2.section);
      state.danger(
        "FTR210",
        `the kernel follows pointer ${at / POINTER} of ${name}, which leads to nothing of its kind`,
        name
      );
      break;
    }
  }
}
function leadsToStructure(memory, objects, table2, address2) {
  const { size, isWritten, inner } = table2;
  const spot = memory.find(address2, size === void 0 || size === 0 ? 1 : size);
  if (spot === void 0) return false;
  if (size === 0) return true;
  if (address2 % 8n !== 0n || isWritten && !memory.isWritable(spot)) return false;
  if (inner.some((at) => memory.find(memory.doubleword(address2 + BigInt(at)) ?? 0n) === void 0)) return false;
  const known3 = objects.of(spot);
  if (known3 === void 0) return !objects.isInside(spot);
  return size === void 0 || known3 === size;
}

// src/loader/relocation-numbers.ts
var R_PPC64_ADDR32 = 1;
var R_PPC64_REL24 = 10;
var R_PPC64_REL32 = 26;
var R_PPC64_ADDR643 = 38;
var R_PPC64_REL64 = 44;
var R_PPC64_TOC16 = 47;
var R_PPC64_TOC16_LO = 48;
var R_PPC64_TOC16_HA = 50;
var R_PPC64_TOC = 51;
var R_PPC64_TOC16_DS = 63;
var R_PPC64_TOC16_LO_DS = 64;
var R_PPC64_TOCSAVE = 109;
var R_PPC64_REL24_NOTOC = 116;
var R_PPC64_ENTRY = 118;
var R_PPC64_PCREL34 = 132;
var R_PPC64_GOT_PCREL34 = 133;
var R_PPC64_REL16_LO = 250;
var R_PPC64_REL16_HA = 252;
var WIDTHS = {
  [R_PPC64_ADDR32]: 4,
  [R_PPC64_REL24]: 4,
  [R_PPC64_REL32]: 4,
  [R_PPC64_ADDR643]: 8,
  [R_PPC64_REL64]: 8,
  [R_PPC64_TOC16]: 2,
  [R_PPC64_TOC16_LO]: 2,
  [R_PPC64_TOC16_HA]: 2,
  [R_PPC64_TOC]: 8,
  [R_PPC64_TOC16_DS]: 2,
  [R_PPC64_TOC16_LO_DS]: 2,
  [R_PPC64_REL24_NOTOC]: 4,
  [R_PPC64_ENTRY]: 8,
  [R_PPC64_PCREL34]: 8,
  [R_PPC64_GOT_PCREL34]: 8,
  [R_PPC64_REL16_LO]: 2,
  [R_PPC64_REL16_HA]: 2
};
function relocationWidth(type) {
  return WIDTHS[type] ?? 0;
}
function isKnownType(type, pcrel) {
  if (type === R_PPC64_TOCSAVE) return !pcrel;
  if (relocationWidth(type) === 0) return false;
  const isToc = type >= R_PPC64_TOC16 && type <= R_PPC64_TOC16_LO_DS;
  const isPcrel = type === R_PPC64_REL24_NOTOC || type === R_PPC64_PCREL34 || type === R_PPC64_GOT_PCREL34;
  return pcrel ? !isToc : !isPcrel;
}
function usesSymbol(type) {
  return type !== R_PPC64_TOC && type !== R_PPC64_ENTRY && type !== R_PPC64_TOCSAVE;
}

// src/loader/symbolized.ts
init_constants();
init_bytes();
function endOfText(state, isInit) {
  const { headers, places: places3, areas, kernel: kernel2 } = state;
  let end = 0n;
  for (let i = 1; i < headers.count; i++) {
    const place = places3[i];
    if (place === void 0 || isInitKind(place.memory) !== isInit || (headers.flags[i] & SHF_EXECINSTR) === 0)
      continue;
    const base = areas.find((area) => area.kind === place.memory)?.base ?? 0n;
    const last = place.offset + headers.size[i];
    const here = base + BigInt(kernel2.options.strictModuleRwx ? alignUp(last, kernel2.options.pageSize) : last);
    if (here > end) end = here;
  }
  return end;
}
function symbolized(state, address2) {
  const bare = `0x${address2.toString(16)}`;
  if (!state.isFormed) return bare;
  const { headers, index: index2, view, bytes, symbolLow, symbolHigh } = state;
  const isInit = state.areas.some(
    ({ kind, base, size: size2 }) => isInitKind(kind) && address2 >= base && address2 < base + BigInt(size2)
  );
  const table2 = headers.offset[index2.symtab];
  const strings = headers.offset[index2.strtab];
  let next = endOfText(state, isInit);
  let best = 0;
  let start = 0n;
  for (let i = 1; i < symbolLow.length; i++) {
    const at = table2 + i * SYMBOL_SIZE;
    const name2 = strings + view.getUint32(at, true);
    if (view.getUint16(at + 6, true) === SHN_UNDEF || bytes[name2] === 0) continue;
    const value = BigInt(symbolHigh[i]) << 32n | BigInt(symbolLow[i]);
    if (value <= address2 && value > start) {
      best = i;
      start = value;
    }
    if (value > address2 && value < next) next = value;
  }
  if (best === 0) return bare;
  const name = textAt2(bytes, strings + view.getUint32(table2 + best * SYMBOL_SIZE, true));
  const size = BigInt.asUintN(64, next - start);
  return `${name}+0x${(address2 - start).toString(16)}/0x${size.toString(16)} [${state.name}]`;
}

// src/loader/jump-labels.ts
var NAME2 = "__jump_table";
var JUMP_TABLE = knownName(NAME2);
var ENTRY2 = 16;
var TARGET = 4;
var KEY = 8;
var BRANCH = 1n;
var INIT = 2n;
var KEY_FLAGS = 3n;
var LONGEST_KEYS = 1024;
var KEY_ENTRIES = 8n;
function read2(view, base) {
  const count = Math.floor(view.byteLength / ENTRY2);
  const entries2 = {
    count,
    code: new BigUint64Array(count),
    target: new BigUint64Array(count),
    key: new BigUint64Array(count),
    flags: new Uint8Array(count)
  };
  for (let i = 0; i < count; i++) {
    const at = i * ENTRY2;
    const address2 = base + BigInt(at);
    const key = view.getBigInt64(at + KEY, true);
    entries2.code[i] = wrapping(address2, BigInt(view.getInt32(at, true)));
    entries2.target[i] = wrapping(address2 + 4n, BigInt(view.getInt32(at + TARGET, true)));
    entries2.key[i] = wrapping(address2 + 8n, key & ~KEY_FLAGS);
    entries2.flags[i] = Number(key & KEY_FLAGS);
  }
  return entries2;
}
function addJumpLabels(state, memory) {
  if (!state.kernel.options.jumpLabel) return;
  const section = findAllocated(state, JUMP_TABLE);
  if (section === 0) return;
  const view = memory.view(section);
  const base = memory.addressOf(section);
  const entries2 = read2(view, base);
  remarkOnCode(state, memory, entries2);
  if (entries2.count > 0) requireWritable(state, section);
  const order = sortedOrder(entries2.count, entries2.key, entries2.code, state.rules.doublePopSort);
  const entryAt = (place) => order?.[place] ?? place;
  const imported = importedKeys(state, section);
  let key;
  let isOwn = false;
  for (let place = 0; place < entries2.count; place++) {
    const i = entryAt(place);
    write3(view, base, place, entries2, i, memory.isInit(entries2.code[i]));
    if (entries2.key[i] !== key) {
      key = entries2.key[i];
      isOwn = !imported.has(i) && (memory.isCore(key) || memory.isInit(key));
      if (isOwn) setEntries(state, memory, key, base + BigInt(place * ENTRY2), i);
      else requireKey(state, key, i, imported.has(i));
    }
    if (!isOwn) leaveOut(state, memory, entries2.code[i], i);
  }
}
function write3(view, base, place, entries2, i, isInit) {
  const at = place * ENTRY2;
  const address2 = base + BigInt(at);
  view.setInt32(at, Number(BigInt.asIntN(32, entries2.code[i] - address2)), true);
  view.setInt32(at + TARGET, Number(BigInt.asIntN(32, entries2.target[i] - address2 - 4n)), true);
  const flags = BigInt(entries2.flags[i]) & BRANCH | (isInit ? INIT : 0n);
  view.setBigInt64(at + KEY, BigInt.asIntN(64, entries2.key[i] - address2 - 8n) | flags, true);
}
function setEntries(state, memory, key, entry2, i) {
  const spot = memory.find(key + KEY_ENTRIES, 8);
  if (spot === void 0 || !memory.isWritable(spot)) {
    danger(state, i, "the key of a jump label lies where the kernel cannot write when it hangs the entries onto it");
    return;
  }
  const view = memory.view(spot.section);
  view.setBigUint64(spot.offset, entry2 | view.getBigUint64(spot.offset, true) & KEY_FLAGS, true);
}
function requireKey(state, key, i, isImport) {
  const isGood = isKernelImage(state, key) ? !isKernelText(state, key) && !isKernelReadOnly(state, key) : isImport && isKernelAddress(key);
  if (!isGood) danger(state, i, "the key of a jump label lies neither in the module nor in data of the kernel");
}
function importedKeys(state, section) {
  const { headers, view, arch, bytes } = state;
  const imported = /* @__PURE__ */ new Set();
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] !== SHT_RELA || headers.info[i] !== section) continue;
    const end = Math.min(headers.offset[i] + headers.size[i], bytes.length);
    for (let at = headers.offset[i]; at + RELA_SIZE2 <= end; at += RELA_SIZE2) {
      const place = view.getUint32(at, true);
      if (place % ENTRY2 !== KEY || view.getUint32(at + 8, true) !== R_PPC64_REL64) continue;
      const isNear = view.getUint32(at + 20, true) === 0 && view.getUint32(at + 16, true) < LONGEST_KEYS;
      const flags = arch.symbolClass[view.getUint32(at + 12, true)] ?? 0;
      if (isNear && (flags & SYMBOL_EXTERNAL) !== 0) imported.add((place - KEY) / ENTRY2);
    }
  }
  return imported;
}
function leaveOut(state, memory, code, i) {
  const spot = memory.find(code, 4);
  if (spot !== void 0 && memory.isCode(spot)) {
    state.exclude(spot.section, {
      offset: spot.offset,
      length: 4,
      reason: "jump label: the state of a key outside the module decides"
    });
    return;
  }
  danger(state, i, "the kernel may switch a jump label that is not in the module's code, or warn that it cannot");
  state.unknown.push(
    `whether the kernel warns "can't patch jump_label at ${symbolized(state, code)}": the key decides`
  );
}
function remarkOnCode(state, memory, entries2) {
  for (let i = 0; i < entries2.count; i++) {
    const isBehind = memory.isCode(memory.find(entries2.target[i] - 4n, 4));
    const isTarget = isBehind || memory.isCode(memory.find(entries2.target[i], 4));
    if (isTarget && memory.isCode(memory.find(entries2.code[i], 4))) continue;
    state.remark({
      code: "FTR209",
      level: "error",
      message: "an entry of the jump table does not lead from the module's code to its code",
      section: NAME2,
      offset: i * ENTRY2
    });
  }
}
function danger(state, i, message) {
  state.dangerous = true;
  state.remark({ code: "FTR209", level: "error", message, section: NAME2, offset: i * ENTRY2 });
}

// src/loader/kernel-data.ts
var TRACEPOINTS2 = knownName("__tracepoints");
var DEBUG_CLASSES2 = knownName("__dyndbg_classes");
var EVENT_CALL_SIZE = 144;
var FIELD_SIZE = 40;
var FIELD_BITS = 24;
var DEBUG_CLASS_SIZE = 56;
var LIST_HEAD_SIZE = 16;
function excludeKernelData(state, memory) {
  const { index: index2, headers, kernel: kernel2 } = state;
  whole(state, index2.thisModule, "struct module: the kernel keeps its own state there");
  checkPointerTables(state, memory);
  if (kernel2.options.eventTracing && !hasBadTaint(state)) excludeEvents(state, memory);
  const srcu = findAllocated(state, SRCU_STRUCTS);
  if (srcu !== 0) {
    const sizes2 = new ObjectSizes(state, memory);
    for (const spot of pointees(memory, srcu))
      leaveOut2(state, spot, sizes2.of(spot) ?? 0, "struct srcu_struct: the kernel gives it per-cpu memory");
  }
  const formats = findAllocated(state, TRACE_FORMATS);
  whole(state, formats, "formats of trace_printk: the kernel points to copies of its own");
  const classes = findAllocated(state, DEBUG_CLASSES2);
  if (kernel2.options.dynamicDebug && classes !== 0)
    for (let at = 0; at + DEBUG_CLASS_SIZE <= headers.size[classes]; at += DEBUG_CLASS_SIZE)
      leaveOut2(
        state,
        { section: classes, offset: at },
        LIST_HEAD_SIZE,
        "dynamic debug: the kernel links the class into a list"
      );
}
function whole(state, section, reason) {
  if (section !== 0) leaveOut2(state, { section, offset: 0 }, state.headers.size[section], reason);
}
function leaveOut2(state, spot, length, reason) {
  if (length > 0) state.exclude(spot.section, { offset: spot.offset, length, reason });
}
function* pointees(memory, section) {
  const view = memory.view(section);
  for (let at = 0; at + 8 <= view.byteLength; at += 8) {
    const spot = memory.find(view.getBigUint64(at, true));
    if (spot !== void 0) yield spot;
  }
}
function excludeEvents(state, memory) {
  const section = findAllocated(state, TRACE_EVENTS);
  if (section === 0) return;
  const sizes2 = new ObjectSizes(state, memory);
  const names3 = findAllocated(state, EVAL_MAP);
  const resolvesNames = names3 !== 0;
  const seen = /* @__PURE__ */ new Set();
  for (const event of pointees(memory, section)) {
    const size = Math.min(sizes2.of(event) ?? EVENT_CALL_SIZE, state.headers.size[event.section] - event.offset);
    leaveOut2(state, event, size, "trace event: the kernel links and numbers it");
    for (const spot of partsOf(state, memory, event, size)) {
      const place = `${spot.section}:${spot.offset}`;
      const length = sizes2.of(spot);
      if (length === void 0 || seen.has(place)) continue;
      seen.add(place);
      if (!isText(memory, spot) || resolvesNames)
        leaveOut2(state, spot, length, "trace event: its class, functions and text belong to the tracer");
      if (state.rules.tracerMarksFields)
        for (const fields2 of partsOf(state, memory, spot, length)) excludeFieldBits(state, sizes2, fields2);
    }
  }
}
function* partsOf(state, memory, event, size) {
  const view = memory.view(event.section);
  for (let at = 0; at + 8 <= size; at += 8) {
    const spot = memory.find(view.getBigUint64(event.offset + at, true));
    if (spot !== void 0 && memory.isWritable(spot) && state.headers.nameId[spot.section] !== TRACEPOINTS2) yield spot;
  }
}
function excludeFieldBits(state, sizes2, fields2) {
  const size = sizes2.of(fields2) ?? 0;
  if (size % FIELD_SIZE !== 0) return;
  for (let at = FIELD_BITS; at < size; at += FIELD_SIZE)
    leaveOut2(state, { section: fields2.section, offset: fields2.offset + at }, 4, "trace event: marks of its fields");
}
function isText(memory, spot) {
  return memory.view(spot.section).getUint8(spot.offset) === 34;
}

// src/loader/placed-memory.ts
var MASK3 = 0xffffffffffffffffn;
var PlacedMemory = class {
  #state;
  /** By section: its area, and where in it the section begins. */
  #areas;
  #addresses;
  constructor(state) {
    this.#state = state;
    const { headers, arch, index: index2, places: places3 } = state;
    const percpu = arch.memory.find((area) => area.kind === "percpu");
    this.#areas = [];
    this.#addresses = [];
    for (let i = 0; i < headers.count; i++) {
      const place = places3[i];
      this.#areas.push(
        place !== void 0 ? arch.memory.find((area) => area.kind === place.memory) : i === index2.percpu && i !== 0 ? percpu : void 0
      );
      this.#addresses.push(sectionAddress(state, i));
    }
  }
  addressOf(section) {
    return this.#addresses[section];
  }
  /** Bytes from the start of the area. */
  offsetOf(section) {
    return this.#state.places[section]?.offset ?? 0;
  }
  /**
   * `length` bytes at an offset of a section, or `undefined` where they are outside its memory.
   *
   * @param offset as the relocation has it, modulo 2^64
   */
  locate(section, offset, length) {
    const area = this.#areas[section];
    if (area === void 0) return void 0;
    const at = Number(BigInt.asIntN(64, offset)) + this.offsetOf(section);
    if (at < 0 || at + length > area.view.byteLength) return void 0;
    return { view: area.view, at, address: this.#addresses[section] + offset & MASK3 };
  }
  /** The start of a section that is not kept, in the kernel's temporary copy of the file, where it lies until the module is loaded. */
  temporary(section) {
    const { view, headers } = this.#state;
    return { view, at: headers.offset[section], address: this.#addresses[section] };
  }
  /** Whether the bytes are in the section itself. */
  isInside(section, offset, length) {
    return offset + BigInt(length) <= BigInt(this.#state.headers.size[section]);
  }
};

// src/loader/stubs.ts
init_constants();

// src/loader/symbols.ts
init_constants();

// src/loader/frob.ts
init_constants();
var SHT_SYMTAB2 = 2;
var SHT_STRTAB2 = 3;
var SHT_RELA2 = 4;
var SHN_UNDEF2 = 0;
var SHN_ABS2 = 65521;
var DOT2 = 46;
var STUBS = knownName(".stubs");
var TOC = knownName(".toc");
var GOT = knownName(".mygot");
var PERCPU = knownName(".data..percpu");
var PATCHABLE = knownName("__patchable_function_entries");
function dedotify(state, section) {
  const { offset, size, link, count } = state.headers;
  const linked = link[section];
  if (linked >= count) {
    state.danger("REL101", "the kernel reads a section header behind the table of them (sh_link of a symbol table)");
    return;
  }
  const strings = offset[linked];
  const symbols2 = Math.floor(size[section] / SYMBOL_SIZE);
  for (let i = 1; i < symbols2; i++) {
    const at = offset[section] + i * SYMBOL_SIZE;
    if (at + SYMBOL_SIZE > state.bytes.length) return;
    if (state.view.getUint16(at + 6, true) !== SHN_UNDEF2) continue;
    const name = state.view.getUint32(at, true);
    const start = strings + name;
    if (start >= state.bytes.length) {
      state.danger("REL102", `the kernel reads the name of symbol ${i} behind the end of the file`);
      continue;
    }
    if (state.bytes[start] !== DOT2) continue;
    if (isTocName(state.bytes, start + 1)) state.view.setUint16(at + 6, SHN_ABS2, true);
    state.view.setUint32(at, name + 1 >>> 0, true);
  }
}
function isTocName(bytes, start) {
  return bytes[start] === 84 && bytes[start + 1] === 79 && bytes[start + 2] === 67 && bytes[start + 3] === DOT2 && (bytes[start + 4] ?? 0) === 0;
}
function sortInPlace(state, section) {
  const start = state.headers.offset[section];
  const relocations = Math.floor(state.headers.size[section] / RELA_SIZE2);
  const source = state.bytes.subarray(start, start + relocations * RELA_SIZE2);
  const words2 = new Uint32Array(Math.floor(source.length / RELA_SIZE2) * 6);
  new Uint8Array(words2.buffer).set(source.subarray(0, words2.byteLength));
  sortRelocations(words2, state.rules.doublePopSort);
  source.set(new Uint8Array(words2.buffer));
  return words2;
}
function countRuns(words2, wanted) {
  let symbol2 = 0;
  let addend = 0;
  let runs = 0;
  for (let at = 0; at < words2.length; at += 6) {
    if (words2[at + 2] !== wanted) continue;
    if (words2[at + 3] === symbol2 && words2[at + 4] === addend && words2[at + 5] === 0) continue;
    runs++;
    symbol2 = words2[at + 3];
    addend = words2[at + 4];
  }
  return runs;
}
function countPercpuRuns(state, words2, symtab) {
  const symbols2 = state.headers.offset[symtab];
  let symbol2 = 0;
  let addend = 0;
  let runs = 0;
  for (let at = 0; at < words2.length; at += 6) {
    const place = symbols2 + words2[at + 3] * SYMBOL_SIZE + 6;
    if (place + 2 > state.bytes.length) {
      state.danger("REL103", `a relocation names symbol ${words2[at + 3]}, which lies behind the end of the file`);
      return runs;
    }
    if (state.view.getUint16(place, true) !== state.arch.percpuSection) continue;
    if (words2[at + 3] === symbol2 && words2[at + 4] === addend && words2[at + 5] === 0) continue;
    runs++;
    symbol2 = words2[at + 3];
    addend = words2[at + 4];
  }
  return runs;
}
function gotSize(state) {
  const { count, type } = state.headers;
  let symtab = 0;
  for (let i = 1; i < count && symtab === 0; i++) if (type[i] === SHT_SYMTAB2) symtab = i;
  let entries2 = 1;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA2) continue;
    const words2 = sortInPlace(state, i);
    entries2 += countRuns(words2, R_PPC64_GOT_PCREL34);
    if (state.kernel.options.smp && symtab !== 0) entries2 += countPercpuRuns(state, words2, symtab);
  }
  return entries2 * 8;
}
function countSorted(state) {
  const { count, type } = state.headers;
  let stubs = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA2) continue;
    const words2 = sortInPlace(state, i);
    stubs += countRuns(words2, R_PPC64_REL24);
    if (state.kernel.options.pcrel) stubs += countRuns(words2, R_PPC64_REL24_NOTOC);
  }
  return stubs;
}
function countWithoutSorting(state) {
  const { count, type, offset, size } = state.headers;
  const symbols2 = Math.floor(size[state.index.symtab] / SYMBOL_SIZE);
  const seenIn = new Uint32Array(symbols2);
  let stubs = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA2) continue;
    const start = state.bytes.byteOffset + offset[i];
    if (start % 4 !== 0) throw new NeedsImage();
    const words2 = new Uint32Array(state.bytes.buffer, start, Math.floor(size[i] / RELA_SIZE2) * 6);
    let others2;
    for (let at = 2; at < words2.length; at += 6) {
      if (words2[at] !== R_PPC64_REL24) continue;
      const symbol2 = words2[at + 1];
      if (symbol2 === 0 || symbol2 >= symbols2 || words2[at + 3] !== 0) throw new NeedsImage();
      const addend = words2[at + 2];
      if (addend === 0) {
        if (seenIn[symbol2] === i) continue;
        seenIn[symbol2] = i;
        stubs++;
      } else {
        others2 ??= /* @__PURE__ */ new Set();
        others2.add(symbol2 * 4294967296 + addend);
      }
    }
    if (others2 !== void 0) stubs += others2.size;
  }
  return stubs;
}
function outOfLineSlots(state) {
  const { count, size, nameId } = state.headers;
  for (let i = 1; i < count; i++) {
    if (nameId[i] !== PATCHABLE) continue;
    state.arch.outOfLineCount = Math.floor(size[i] / 8);
    const bytes = state.arch.outOfLineCount * outOfLineStubSize(state.kernel.options.ftraceCallOps);
    return Math.ceil(bytes / STUB_SIZE);
  }
  return 0;
}
function stubsSize(state) {
  const { options } = state.kernel;
  let slots2 = state.arch.exact ? countSorted(state) : countWithoutSorting(state);
  if (!state.rules.stubsCounted) slots2++;
  if (options.dynamicFtrace) slots2++;
  if (options.dynamicFtraceWithRegs) slots2++;
  if (state.rules.outOfLineStubs) slots2 += outOfLineSlots(state);
  return slots2 * STUB_SIZE;
}
function findSections(state) {
  const { headers, index: index2, arch } = state;
  const { pcrel } = state.kernel.options;
  for (let i = 1; i < headers.count; i++) {
    const name = headers.nameId[i];
    if (name === STUBS) index2.stubs = i;
    else if (name === (pcrel ? GOT : TOC)) {
      if (pcrel) arch.gotSection = i;
      else index2.toc = i;
      if (headers.alignment[i] < 8) headers.alignment[i] = 8;
    } else if (pcrel && name === PERCPU) arch.percpuSection = i;
    if (!pcrel && arch.exact && headers.type[i] === SHT_SYMTAB2) dedotify(state, i);
  }
  state.dedotted = !pcrel;
}
function hasOddTables(state) {
  const { headers, index: index2, bytes } = state;
  const { strtab } = index2;
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] === SHT_SYMTAB2 && i !== index2.symtab) return true;
    if (headers.type[i] !== SHT_RELA2) continue;
    if ((headers.flags[i] & SHF_ALLOC) !== 0 || headers.offset[i] === state.sectionNames) return true;
    if (i === index2.versions || i === index2.extCrcs || i === index2.extNames || i === index2.modinfo) return true;
  }
  const size = headers.size[strtab];
  return headers.type[strtab] !== SHT_STRTAB2 || size === 0 || bytes[headers.offset[strtab] + size - 1] !== 0;
}
function frobArchSections(state) {
  const { headers, index: index2, arch } = state;
  if (!arch.exact && (state.kernel.options.pcrel || hasOddTables(state) || sharingSections(state).length > 0))
    throw new NeedsImage();
  findSections(state);
  if (index2.stubs === 0) state.refuse("ENOEXEC", `module_64: ${state.name}: doesn't contain .stubs.`);
  if (state.kernel.options.pcrel) {
    if (arch.gotSection === 0) state.refuse("ENOEXEC", `module_64: ${state.name}: doesn't contain .mygot.`);
    headers.size[arch.gotSection] = gotSize(state);
  } else if (index2.toc === 0) index2.toc = index2.stubs;
  headers.size[index2.stubs] = stubsSize(state);
}

// src/loader/modinfo-checks.ts
var GPL_COMPATIBLE2 = /* @__PURE__ */ new Set([
  "GPL",
  "GPL v2",
  "GPL and additional rights",
  "Dual BSD/GPL",
  "Dual MIT/GPL",
  "Dual MPL/GPL"
]);
var LICENSE_OFFENDERS = /* @__PURE__ */ new Set(["driverloader", "lve"]);
var NOTICES = {
  staging: (name) => `${name}: module is from the staging directory, the quality is unknown, you have been warned.`,
  test: (name) => `${name}: loading test module taints kernel.`,
  unsigned: (name) => `${name}: module verification failed: signature and/or required key missing - tainting kernel`
};
function checkBlacklist(state) {
  if (state.request.blacklist?.includes(state.infoName))
    state.refuse("EPERM", `Module ${state.infoName} is blacklisted`);
}
function sameMagic(module, kernel2, hasVersions) {
  if (!hasVersions) return module === kernel2;
  const tail = (text2) => text2.includes(" ") ? text2.slice(text2.indexOf(" ")) : "";
  return tail(module) === tail(kernel2);
}
function checkVermagic(state) {
  const { kernel: kernel2, index: index2 } = state;
  const magic = state.request.ignoreVermagic === true ? void 0 : state.modinfo.get("vermagic");
  if (magic === void 0) {
    if (!tryToForceLoad(state, "bad vermagic")) state.refuse("ENOEXEC");
  } else if (!sameMagic(magic, kernel2.vermagic, kernel2.options.modversions && index2.versions !== 0))
    state.refuse("ENOEXEC", `${state.infoName}: version magic '${magic}' should be '${kernel2.vermagic}'`);
}
function checkLivepatch(state) {
  if (!state.modinfo.has("livepatch")) return;
  if (!state.kernel.options.livepatch)
    state.refuse("ENOEXEC", `${state.name}: module is marked as livepatch module, but livepatch support is disabled`);
  state.livepatch = true;
}
function checkModinfo61(state) {
  checkVermagic(state);
  taintForOrigin(state);
  checkLivepatch(state);
  noteLivepatch(state);
  taintForLicense(state);
  taintForTest(state);
}
function checkModinfo(state) {
  checkVermagic(state);
  checkLivepatch(state);
}
function augmentKernelTaints(state) {
  const wasTainted = state.taints.has("proprietary");
  taintForOrigin(state);
  noteLivepatch(state);
  taintForLicense(state);
  taintForTest(state);
  taintUnsigned(state);
  taintForName(state, wasTainted);
}
function taintForOrigin(state) {
  if (!state.modinfo.has("intree") && state.taint("oot"))
    state.print("warning", `${state.name}: loading out-of-tree module taints kernel.`);
  if (state.modinfo.has("staging")) state.print("warning", NOTICES.staging(state.name));
}
function noteLivepatch(state) {
  if (state.livepatch && state.taint("livepatch notice"))
    state.print("notice", `${state.name}: tainting kernel with TAINT_LIVEPATCH`);
}
function taintForLicense(state) {
  const license = state.modinfo.get("license") ?? "unspecified";
  if (GPL_COMPATIBLE2.has(license)) return;
  if (state.taint("proprietary")) state.print("warning", `${state.name}: module license '${license}' taints kernel.`);
  state.gplCompatible = false;
}
function taintForTest(state) {
  if (state.modinfo.has("test") && state.taint("test")) state.print("warning", NOTICES.test(state.name));
}
function taintUnsigned(state) {
  if (!state.kernel.options.moduleSig || state.signed || !state.taint("unsigned notice")) return;
  state.print("notice", NOTICES.unsigned(state.name));
}
function taintForName(state, wasTainted) {
  const { name } = state;
  if (name === "ndiswrapper") state.taint("proprietary");
  if (LICENSE_OFFENDERS.has(name)) {
    state.taint("proprietary");
    state.gplCompatible = false;
  }
  if (!wasTainted && state.taints.has("proprietary")) state.print("warning", `${name}: module license taints kernel.`);
}
function remarkOnRunning(state) {
  if (state.modinfo.runsAway && !state.remarks.some(({ code }) => code === "MOD013"))
    state.danger("MOD013", "the last namespace begins behind .modinfo, and the kernel reads on from there", ".modinfo");
}
function setupModinfo(state) {
  if (!state.rules.moduleNamespaces) return;
  remarkOnRunning(state);
  for (const namespace of state.modinfo.importedNamespaces())
    if (namespace.startsWith("module:"))
      state.refuse("EPERM", `${state.name}: module tries to import module namespace: ${namespace}`);
}

// src/loader/namespaces.ts
var MODULE_PREFIX = "module:";
function sameName(a, b, length) {
  for (let i = 0; i < length; i++) {
    const x = a[i] ?? "";
    const y = b[i] ?? "";
    if ((x === "-" ? "_" : x) !== (y === "-" ? "_" : y)) return false;
    if (x === "") return true;
  }
  return true;
}
function isForModule(namespace, module) {
  if (!namespace.startsWith(MODULE_PREFIX)) return false;
  let rest = namespace.slice(MODULE_PREFIX.length);
  while (rest !== "") {
    const comma = rest.indexOf(",");
    const end = comma < 0 ? rest.length : comma;
    const glob = end > 0 && rest[end - 1] === "*";
    const length = glob ? end - 1 : end;
    if (sameName(rest, module, length) && (glob || length === module.length)) return true;
    rest = comma < 0 ? "" : rest.slice(comma + 1);
  }
  return false;
}
function verifyNamespace(state, symbol2, namespace) {
  if (namespace === "") return true;
  if (state.rules.moduleNamespaces && isForModule(namespace, state.name)) return true;
  if (state.modinfo.importedNamespaces().includes(namespace)) return true;
  remarkOnRunning(state);
  const isAllowed = state.kernel.options.allowMissingNamespaces;
  state.print(
    isAllowed ? "warning" : "err",
    `${state.name}: module uses symbol (${symbol2}) from namespace ${namespace}, but does not import it.`
  );
  return isAllowed;
}

// src/loader/symbols.ts
var DOT3 = 46;
var LOW = 0xffffffffn;
var found = { low: 0, high: 0 };
function inheritTaint(state, owner, name) {
  if (owner.gplCompatible) return true;
  if (state.arch.usesGplOnly) {
    state.print(
      "err",
      `${state.name}: module using GPL-only symbols uses symbols ${name} from proprietary module ${owner.name}.`
    );
    return false;
  }
  if (state.gplCompatible) {
    state.print(
      "warning",
      `${state.name}: module uses symbols ${name} from proprietary module ${owner.name}, inheriting taint.`
    );
    state.gplCompatible = false;
  }
  return true;
}
function resolve3(state, at) {
  const { exports } = state.kernel;
  const index2 = exports.findBytes(state.bytes, at);
  if (index2 >= 0) {
    const isGpl = exports.gplOnly(index2);
    if (!isGpl || state.gplCompatible) {
      if (isGpl) state.arch.usesGplOnly = true;
      if (!checkVersionAt(state, at, exports.crc(index2))) return "EINVAL";
      const namespace = exports.namespace(index2);
      if (namespace !== "" && !verifyNamespace(state, textAt2(state.bytes, at), namespace)) return "EINVAL";
      const running = state.request.running?.(exports.name(index2));
      if (running !== void 0) return halvesOf(running);
      found.low = exports.addressLow(index2);
      found.high = exports.addressHigh(index2);
      return found;
    }
  }
  const name = textAt2(state.bytes, at);
  const owned = ownerOf(state, name, state.gplCompatible);
  if (owned === void 0) return "missing";
  const { module, symbol: symbol2 } = owned;
  if (symbol2.gplOnly) state.arch.usesGplOnly = true;
  if (!inheritTaint(state, module, name)) return "missing";
  if (!checkVersionAt(state, at, symbol2.crc)) return "EINVAL";
  if (!verifyNamespace(state, name, symbol2.namespace)) return "EINVAL";
  state.uses.add(module.name);
  return halvesOf(symbol2.address);
}
function halvesOf(address2) {
  found.low = Number(address2 & LOW);
  found.high = Number(address2 >> 32n);
  return found;
}
function exemptNames({ kernel: kernel2 }) {
  const { options } = kernel2;
  if (!options.mprofileKernel && !options.patchableFunctionEntry) return [];
  const names3 = ["_mcount"];
  if (options.dynamicFtrace) names3.push("ftrace_caller");
  if (options.dynamicFtrace && options.dynamicFtraceWithRegs) names3.push("ftrace_regs_caller");
  return names3;
}
function isOneOf(bytes, at, names3) {
  for (const name of names3) {
    let i = 0;
    while (i < name.length && bytes[at + i] === name[i]) i++;
    if (i === name.length) return true;
  }
  return false;
}
function symbolTable(state) {
  const { headers, index: index2, arch } = state;
  const count = Math.floor(headers.size[index2.symtab] / SYMBOL_SIZE);
  if (!arch.exact) return { view: state.view, at: headers.offset[index2.symtab], count, isCopy: false };
  const place = state.places[index2.symtab];
  const memory = arch.memory.find((area) => area.kind === place?.memory);
  if (place === void 0 || memory === void 0)
    return { view: state.view, at: headers.offset[index2.symtab], count, isCopy: true };
  return { view: memory.view, at: place.offset, count, isCopy: true };
}
function simplifySymbols(state) {
  const { headers, index: index2, arch, bytes } = state;
  const { addressLow, addressHigh } = headers;
  const table2 = symbolTable(state);
  const { view, count } = table2;
  const strings = headers.offset[index2.strtab];
  const stringsSize = headers.size[index2.strtab];
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  const classes = new Uint8Array(count);
  const exempt = exemptNames(state).map((name) => Uint8Array.from(`${name}\0`, (c) => c.charCodeAt(0)));
  const percpuLow = Number(arch.percpu & LOW);
  const percpuHigh = Number(arch.percpu >> 32n);
  const dotted = !table2.isCopy && !state.kernel.options.pcrel;
  const toc = tocPointer(state);
  const kernelToc = state.request.runningToc ?? state.kernel.toc;
  const kernelTocLow = Number(kernelToc & LOW);
  const kernelTocHigh = Number(kernelToc >> 32n);
  const nearKernelToc = (l, h) => {
    const distance = (h - kernelTocHigh) * 4294967296 + (l - kernelTocLow);
    return distance >= -2147483648 && distance <= 2147483647;
  };
  let tocSeen = false;
  let failure;
  if (count > 0) {
    low[0] = view.getUint32(table2.at + 8, true);
    high[0] = view.getUint32(table2.at + 12, true);
    classes[0] = view.getUint16(table2.at + 6, true) === SHN_UNDEF ? SYMBOL_EXTERNAL | SYMBOL_PECULIAR : SYMBOL_GONE;
  }
  for (let i = 1; i < count; i++) {
    const at = table2.at + i * SYMBOL_SIZE;
    let section = view.getUint16(at + 6, true);
    const nameAt = view.getUint32(at, true);
    if (nameAt >= stringsSize && !table2.isCopy) throw new NeedsImage();
    let name = strings + nameAt;
    const other = view.getUint8(at + 5) >> 5;
    if (dotted && section === SHN_UNDEF && bytes[name] === DOT3) {
      name++;
      if (isTocName(bytes, name)) section = SHN_ABS;
    }
    classes[i] = other === 1 || other === 7 ? other | SYMBOL_PECULIAR : other;
    low[i] = view.getUint32(at + 8, true);
    high[i] = view.getUint32(at + 12, true);
    if (section !== SHN_UNDEF && section < headers.count) {
      const isPercpu = section === index2.percpu;
      if (!isPercpu && state.places[section] === void 0) classes[i] = classes[i] | SYMBOL_GONE;
      const sum2 = low[i] + (isPercpu ? percpuLow : addressLow[section]);
      low[i] = sum2;
      high[i] = high[i] + (isPercpu ? percpuHigh : addressHigh[section]) + (sum2 > 4294967295 ? 1 : 0);
    } else if (section === SHN_UNDEF) {
      if (name >= bytes.length) readBehindFile(state, i);
      classes[i] = other | SYMBOL_EXTERNAL | (isOneOf(bytes, name, exempt) ? SYMBOL_EXEMPT : 0);
      const answer = resolve3(state, name);
      if (typeof answer === "object") {
        low[i] = answer.low;
        high[i] = answer.high;
      } else if (answer !== "missing" || view.getUint8(at + 4) >> 4 !== STB_WEAK) {
        failure = answer === "missing" ? "ENOENT" : answer;
        if (table2.isCopy && nameAt >= stringsSize && hasUnknownAddress(state, name, stringEnd(bytes, name) + 1))
          state.unknown.push(`what the kernel calls symbol ${i}, whose name lies where it keeps an address`);
        state.print("warning", `${state.name}: Unknown symbol ${textAt2(bytes, name)} (err -${ERRNO[failure]})`);
      }
      if (low[i] === 0 && high[i] === 0 || (classes[i] & SYMBOL_EXEMPT) !== 0 && !nearKernelToc(low[i], high[i]))
        classes[i] = classes[i] | SYMBOL_PECULIAR;
    } else if (section === SHN_ABS) {
      if (!tocSeen && !table2.isCopy && isTocName(bytes, name)) {
        tocSeen = true;
        low[i] = Number(toc & LOW);
        high[i] = Number(toc >> 32n);
      }
    } else if (section === SHN_LIVEPATCH) classes[i] = other | SYMBOL_EXTERNAL | SYMBOL_PECULIAR;
    else if (section === SHN_COMMON) {
      if (textAt2(bytes, name).startsWith("__gnu_lto")) continue;
      state.print("warning", `${state.name}: please compile with -fno-common`);
      failure = "ENOEXEC";
    } else {
      const limit = headers.count - 1;
      state.print(
        "err",
        `${state.name}: Symbol ${textAt2(bytes, name)} has an invalid section index ${section} (max ${limit})`
      );
      failure = "ENOEXEC";
    }
    if (!table2.isCopy) continue;
    view.setUint32(at + 8, low[i], true);
    view.setUint32(at + 12, high[i], true);
    excludeTemporary(state, section, i);
  }
  state.symbolLow = low;
  state.symbolHigh = high;
  arch.symbolClass = classes;
  if (failure !== void 0) throw new KernelRefusal(failure);
}
function readBehindFile(state, symbol2) {
  if (!state.arch.exact) throw new NeedsImage();
  state.danger("REL102", `the kernel reads the name of symbol ${symbol2} behind the end of the file`);
}
function excludeTemporary(state, section, symbol2) {
  if (section === SHN_UNDEF || section >= state.headers.count) return;
  if (section === state.index.percpu || state.places[section] !== void 0) return;
  state.exclude(state.index.symtab, {
    offset: symbol2 * SYMBOL_SIZE + 8,
    length: 8,
    reason: "an address in the temporary copy of the file"
  });
}
function tocPointer(state) {
  if (state.kernel.options.pcrel) return 0xffffffffffffffffn;
  const start = sectionAddress(state, state.index.toc);
  return BigInt.asUintN(64, (start & ~0xffn) + 0x8000n);
}

// src/loader/stubs.ts
var MAGIC5 = 1937012066;
var MAGIC_AT = 28;
var TARGET_AT = 32;
var MTCTR_R12 = 2106131366;
var BCTR = 1317012512;
var NOP2 = 1610612736;
var CALL = [1029832704, 963313664, 4165009432, 3918200864, MTCTR_R12, BCTR];
var PCREL_CALL = [68157440, 3850371104, MTCTR_R12, BCTR];
var PACA_KERNEL_TOC = 16;
var PACA_KERNEL_BASE = 24;
function pacaOffset(state, member, usual) {
  return state.kernel.structures.moduleFields[`paca_struct.${member}`] ?? usual;
}
function highAdjusted(value) {
  return Number(BigInt.asUintN(16, value + 0x8000n >> 16n));
}
function lowHalf(value) {
  return Number(BigInt.asUintN(16, value));
}
function functionName(state, address2, name) {
  return kernelAddress(state, name) === address2 ? name : `0x${address2.toString(16)}`;
}
function writeWords(view, at, words2) {
  for (let i = 0; i < words2.length; i++) view.setUint32(at + i * 4, words2[i], true);
}
var Stubs = class {
  #state;
  #memory;
  #exempt;
  /** Address of `.stubs`, and slots in it. */
  #start;
  #slots;
  /** The first slots, as far as this object made them, by the low half of the target; and how many they are. */
  #made = /* @__PURE__ */ new Map();
  #next = 0;
  /** No relocation of the module writes into `.stubs`. */
  #isOwn;
  #isTold = false;
  constructor(state, memory) {
    this.#state = state;
    this.#memory = memory;
    this.#exempt = exemptNames(state);
    const { headers, index: index2 } = state;
    this.#isOwn = !headers.type.some((type, i) => type === SHT_RELA && headers.info[i] === index2.stubs);
    this.#start = memory.addressOf(state.index.stubs);
    this.#slots = Math.floor(state.headers.size[state.index.stubs] / STUB_SIZE);
  }
  isExempt(name) {
    return this.#exempt.includes(name);
  }
  /**
   * `stub_for_addr()`.
   *
   * @param name of the symbol: it decides the kind of stub
   * @returns the stub's address; 0 where there is no room, or none can be made
   */
  forAddress(target, name) {
    const { rules, arch } = this.#state;
    const place = this.#memory.locate(this.#state.index.stubs, 0n, 0) ?? this.#temporary();
    const { view } = place;
    const low = Number(target & 0xffffffffn);
    const high = Number(target >> 32n);
    let slot = this.#made.get(low) ?? -1;
    if (slot >= 0 && this.#isOwn && this.#holds(view, place.at + slot * STUB_SIZE, low, high))
      return this.#start + BigInt(slot * STUB_SIZE);
    for (slot = this.#isOwn && this.#made.size === this.#next ? this.#next : 0; ; slot++) {
      const at2 = place.at + slot * STUB_SIZE;
      if (rules.stubsCounted && slot >= arch.stubCount) break;
      if (at2 + STUB_SIZE > view.byteLength) {
        this.#state.danger("REL105", "the loader looks for a stub behind the memory of .stubs", ".stubs");
        return 0n;
      }
      const known3 = view.getUint32(at2 + TARGET_AT, true);
      const knownHigh = view.getUint32(at2 + TARGET_AT + 4, true);
      if (!rules.stubsCounted && known3 === 0 && knownHigh === 0) break;
      if (slot >= this.#slots) return this.#warn("all slots of .stubs are taken");
      if (known3 === low && knownHigh === high) return this.#start + BigInt(slot * STUB_SIZE);
    }
    const at = place.at + slot * STUB_SIZE;
    if (at + STUB_SIZE > view.byteLength) {
      this.#state.danger("REL105", "the loader makes a stub behind the memory of .stubs", ".stubs");
      return 0n;
    }
    const address2 = this.#start + BigInt(slot * STUB_SIZE);
    const isTracer = this.isExempt(name);
    if (!(isTracer ? this.#tracerStub(view, at, address2, target, name) : this.#callStub(view, at, address2))) return 0n;
    view.setUint32(at + MAGIC_AT, MAGIC5, true);
    view.setBigUint64(at + TARGET_AT, target, true);
    if (slot >= this.#slots) this.#state.danger("REL105", "the loader makes a stub behind the end of .stubs", ".stubs");
    arch.stubCount++;
    if (slot === this.#next && slot < this.#slots) {
      this.#made.set(low, slot);
      this.#next++;
    }
    this.#state.stubs.push({ address: address2, target, kind: isTracer ? "tracer" : "call", name });
    return address2;
  }
  /** Stubs that are not kept are made in the kernel's temporary copy of the file, over whatever lies there. */
  #temporary() {
    const message = ".stubs is not kept";
    if (!this.#isTold && !this.#state.remarks.some((remark) => remark.message === message))
      this.#state.danger("REL105", message, ".stubs");
    this.#isTold = true;
    return this.#memory.temporary(this.#state.index.stubs);
  }
  #holds(view, at, low, high) {
    return view.getUint32(at + TARGET_AT, true) === low && view.getUint32(at + TARGET_AT + 4, true) === high;
  }
  /** Where the kernel has a WARN_ON, whose report goes on with registers and a stack. */
  #warn(message) {
    this.#state.danger("REL105", message, ".stubs");
    return 0n;
  }
  #isMisaligned(address2) {
    if (!this.#state.rules.alignedStubs || address2 % 8n === 0n) return false;
    this.#state.print("err", `module_64: ${this.#state.name}: Address of stub entry is not 8-byte aligned`);
    return true;
  }
  /** `create_stub()`: saves r2 in the slot for it, and takes the target from behind the code. */
  #callStub(view, at, address2) {
    const state = this.#state;
    if (this.#isMisaligned(address2)) return false;
    if (state.kernel.options.pcrel) {
      writeWords(view, at, PCREL_CALL);
      return true;
    }
    const distance = BigInt.asIntN(64, address2 - tocPointer(state));
    writeWords(view, at, CALL);
    if (distance > 0x7fffffffn || distance < -0x80000000n) {
      state.print(
        "err",
        `module_64: ${state.name}: Address (____ptrval____) of stub out of range of (____ptrval____).`
      );
      return false;
    }
    view.setUint32(at, (CALL[0] | highAdjusted(distance)) >>> 0, true);
    view.setUint32(at + 4, (CALL[1] | lowHalf(distance)) >>> 0, true);
    return true;
  }
  /** `create_ftrace_stub()`: starts from the PACA, since r2 may be anybody's here. */
  #tracerStub(view, at, address2, target, name) {
    const state = this.#state;
    if (this.#isMisaligned(address2)) return false;
    const { pcrel } = state.kernel.options;
    const fromPaca = pcrel ? pacaOffset(state, "kernelbase", PACA_KERNEL_BASE) : pacaOffset(state, "kernel_toc", PACA_KERNEL_TOC);
    const load3 = (3918331904 | fromPaca) >>> 0;
    const words2 = pcrel ? [load3, NOP2, 100663296, 965476352, MTCTR_R12, BCTR] : [load3, 1032585216, 965476352, MTCTR_R12, BCTR];
    writeWords(view, at, words2);
    const base = pcrel ? kernelAddress(state, "_stext") ?? 0n : state.request.runningToc ?? state.kernel.toc;
    const distance = BigInt.asIntN(64, target - base);
    const limit = pcrel ? 0x200000000n : 0x80000000n;
    if (distance >= limit || distance < -limit) {
      const text2 = pcrel ? "out of range of 34-bit relative address." : "out of range of kernel_toc.";
      state.print("err", `module_64: ${state.name}: Address of ${functionName(state, target, name)} ${text2}`);
      return false;
    }
    if (pcrel) {
      view.setUint32(at + 8, (words2[2] | Number(distance >> 16n & 0x3ffffn)) >>> 0, true);
      view.setUint32(at + 12, (words2[3] | lowHalf(distance)) >>> 0, true);
    } else {
      view.setUint32(at + 4, (words2[1] | highAdjusted(distance)) >>> 0, true);
      view.setUint32(at + 8, (words2[2] | lowHalf(distance)) >>> 0, true);
    }
    return true;
  }
};
function reserveOutOfLine(state) {
  const { arch } = state;
  if (!state.rules.outOfLineStubs) return;
  const bytes = arch.outOfLineCount * outOfLineStubSize(state.kernel.options.ftraceCallOps);
  const slots2 = Math.ceil(bytes / STUB_SIZE);
  const total = Math.floor(state.headers.size[state.index.stubs] / STUB_SIZE);
  if (arch.stubCount + slots2 > total) throw new KernelRefusal("ENOENT");
  arch.outOfLineOffset = arch.stubCount * STUB_SIZE;
  arch.stubCount += slots2;
}

// src/loader/tables-screen.ts
init_constants();

// src/loader/screen.ts
init_constants();

// src/loader/kept-sections.ts
init_constants();
var SHF_RELA_LIVEPATCH = 1048576;
function fillsKeptSection(state, section) {
  const { headers, index: index2, rules } = state;
  const target = headers.info[section];
  if (target >= headers.count) return false;
  if ((headers.flags[target] & SHF_ALLOC) !== 0) return true;
  return rules.relocatesPercpu && target !== 0 && target === index2.percpu;
}

// src/loader/screen.ts
var RELA_WORDS2 = 6;
var RELA_SIZE4 = 24;
var SYMBOL_SIZE2 = 24;
var SHN_UNDEF3 = 0;
var STT_OBJECT2 = 1;
var Screen = class {
  state;
  words;
  #symbols;
  #symbolCount;
  #last = -1;
  /** Of the symbol that `symbol` was asked for last: section, and st_value. */
  section = 0;
  value = 0;
  constructor(state) {
    const { bytes, headers, index: index2 } = state;
    if (bytes.byteOffset % 4 !== 0) throw new NeedsImage();
    this.state = state;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    this.#symbols = this.wordAt(index2.symtab);
    this.#symbolCount = Math.floor(headers.size[index2.symtab] / SYMBOL_SIZE2);
  }
  /** Number of the first word of a section. */
  wordAt(section) {
    const offset = this.state.headers.offset[section];
    if (offset % 4 !== 0) throw new NeedsImage();
    return offset / 4;
  }
  /**
   * The section's relocations: first word, and one past the last; both 0 where it has none. Two tables, or one of a livepatch,
   * need the image.
   */
  relocations(section) {
    const { count, type, info, size, flags } = this.state.headers;
    let found2 = 0;
    for (let i = 1; i < count; i++) {
      if (type[i] !== SHT_RELA || info[i] !== section) continue;
      if (found2 !== 0 || (flags[i] & SHF_RELA_LIVEPATCH) !== 0) throw new NeedsImage();
      found2 = i;
    }
    if (found2 === 0) return [0, 0];
    const first = this.wordAt(found2);
    return [first, first + Math.floor(size[found2] / RELA_SIZE4) * RELA_WORDS2];
  }
  /** Reads a symbol into `section` and `value`. */
  symbol(index2) {
    if (index2 === this.#last) return;
    if (index2 >= this.#symbolCount) throw new NeedsImage();
    const at = this.#symbols + index2 * (SYMBOL_SIZE2 / 4);
    this.section = this.words[at + 1] >>> 16;
    if (this.words[at + 3] !== 0 || this.section >= this.state.headers.count) throw new NeedsImage();
    this.value = this.words[at + 2];
    this.#last = index2;
  }
  get isUndefined() {
    return this.section === SHN_UNDEF3;
  }
  /** Whether a symbol is undefined, without reading it. */
  isImport(index2) {
    if (index2 >= this.#symbolCount) throw new NeedsImage();
    return this.words[this.#symbols + index2 * (SYMBOL_SIZE2 / 4) + 1] >>> 16 === SHN_UNDEF3;
  }
  /** Whether a symbol has this name, given with the zero that ends it. */
  hasName(index2, name) {
    const { bytes, headers, index: sections2 } = this.state;
    const start = headers.offset[sections2.strtab] + this.words[this.#symbols + index2 * (SYMBOL_SIZE2 / 4)];
    for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
    return true;
  }
  /**
   * Each of the places, bytes from a section's start and 2^32 times its number, has to be the start of an object of that many bytes.
   *
   * @param size `undefined` for any
   */
  requireObjects(places3, size) {
    for (let i = 1, at = this.#symbols + 6; i < this.#symbolCount && places3.size > 0; i++, at += 6) {
      const bits2 = this.words[at + 1];
      if ((bits2 & 15) !== STT_OBJECT2 || this.words[at + 3] !== 0) continue;
      if (size !== void 0 && this.words[at + 4] !== size) continue;
      places3.delete((bits2 >>> 16) * 4294967296 + this.words[at + 2]);
    }
    if (places3.size > 0) throw new NeedsImage();
  }
  /** In each of the places (see `requireObjects`), `inner` bytes on, a pointer into the module has to be filled in. */
  requireFilled(places3, inner) {
    let section = -1;
    let left = places3.size;
    for (const place of places3) {
      const target = Math.floor(place / 4294967296);
      if (section >= 0 && target !== section) throw new NeedsImage();
      section = target;
    }
    if (section < 0) return;
    const [first, end] = this.relocations(section);
    for (let at = first; at < end; at += RELA_WORDS2) {
      if (this.words[at + 2] !== R_PPC64_ADDR643) continue;
      if (!places3.has(section * 4294967296 + this.words[at] - inner)) continue;
      this.target(at, 0, 1);
      if (!this.isAllocated) throw new NeedsImage();
      left--;
    }
    if (left !== 0) throw new NeedsImage();
  }
  get isCode() {
    const { flags, type } = this.state.headers;
    const wanted = SHF_ALLOC | SHF_EXECINSTR;
    return (flags[this.section] & wanted) === wanted && type[this.section] !== SHT_NOBITS;
  }
  get isAllocated() {
    return (this.state.headers.flags[this.section] & SHF_ALLOC) !== 0;
  }
  get isWritable() {
    const wanted = SHF_ALLOC | SHF_WRITE;
    return (this.state.headers.flags[this.section] & wanted) === wanted;
  }
  /**
   * Where the relocation at word `at` leads, in bytes from the start of `section`: S + A.
   *
   * @param before bytes in front of the target that must be the section's too
   * @param behind the same from the target on
   */
  target(at, before, behind) {
    this.symbol(this.words[at + 3]);
    const addend = (this.words[at + 4] | 0) + (this.words[at + 5] === 4294967295 ? 0 : this.words[at + 5] * 4294967296);
    const offset = this.value + addend;
    if (offset < before || offset + behind > this.state.headers.size[this.section]) throw new NeedsImage();
    return offset;
  }
};

// src/loader/tables-screen.ts
var EX_TABLE2 = knownName("__ex_table");
var BUG_TABLE2 = knownName("__bug_table");
var JUMP_TABLE2 = knownName("__jump_table");
var FEATURE_TABLES2 = [knownName("__ftr_fixup"), knownName("__mmu_ftr_fixup"), knownName("__fw_ftr_fixup")];
var LWSYNC_FIXUP2 = knownName("__lwsync_fixup");
var SPEC_BARRIER2 = knownName("__spec_barrier_fixup");
function screenTables(state) {
  const { jumpLabel, genericBug } = state.kernel.options;
  const tables = [];
  const regions = [];
  const add = (section, walk) => {
    if (section !== 0) tables.push([section, walk]);
  };
  add(findAllocated(state, EX_TABLE2), screenExceptions);
  if (genericBug) add(findAny(state, BUG_TABLE2), screenBugs);
  if (jumpLabel) add(findAllocated(state, JUMP_TABLE2), screenJumpLabels);
  for (const table2 of FEATURE_TABLES2) add(findAny(state, table2), (s, i) => screenFeatures(s, i, regions));
  add(findAny(state, LWSYNC_FIXUP2), (s, i) => screenPlaces(s, i, regions));
  for (const table2 of pointerTables(state)) add(table2.section, (s) => screenPointers(s, table2));
  const classes = debugClasses(state);
  if (classes !== void 0) add(classes.section, (s) => screenNames(s, classes.section, classes.names));
  if (findAny(state, SPEC_BARRIER2) !== 0) throw new NeedsImage();
  if (tables.length === 0) return regions;
  const screen = new Screen(state);
  for (const [section, walk] of tables) walk(screen, section);
  return regions;
}
function require2(holds2) {
  if (!holds2) throw new NeedsImage();
}
function field(screen, at, end, offset, type) {
  const { words: words2 } = screen;
  require2(at < end && words2[at] === offset && words2[at + 1] === 0 && words2[at + 2] === type);
  return at;
}
function entries(screen, section, size) {
  const bytes = screen.state.headers.size[section];
  require2(bytes % size === 0);
  return bytes / size;
}
function requireWritten(screen, section) {
  require2((screen.state.headers.flags[section] & SHF_WRITE) !== 0);
}
function screenExceptions(screen, section) {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8) * 2;
  require2(end - first === count * RELA_WORDS2);
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS2) {
    screen.target(field(screen, at, end, i * 4, R_PPC64_REL32), 0, 4);
    require2(screen.isCode);
  }
}
function screenBugs(screen, section) {
  const size = screen.state.kernel.structures.sizes.bug_entry ?? 12;
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, size);
  const kept = SHF_ALLOC | SHF_WRITE;
  require2(count === 0 || (screen.state.headers.flags[section] & kept) === kept);
  let at = first;
  for (let i = 0; i < count; i++) {
    screen.target(field(screen, at, end, i * size, R_PPC64_REL32), 0, 4);
    require2(screen.isCode);
    do
      at += RELA_WORDS2;
    while (at < end && screen.words[at] < (i + 1) * size);
  }
}
function screenJumpLabels(screen, section) {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 16);
  if (count > 0) requireWritten(screen, section);
  require2(end - first === count * 3 * RELA_WORDS2);
  for (let i = 0, at = first; i < count; i++, at += 3 * RELA_WORDS2) {
    screen.target(field(screen, at, end, i * 16, R_PPC64_REL32), 0, 4);
    require2(screen.isCode);
    screen.target(field(screen, at + RELA_WORDS2, end, i * 16 + 4, R_PPC64_REL32), 0, 0);
    require2(screen.isCode);
    const key = field(screen, at + 2 * RELA_WORDS2, end, i * 16 + 8, R_PPC64_REL64);
    screen.symbol(screen.words[key + 3]);
    if (screen.isUndefined) {
      requireForeignKey(screen, screen.words[key + 3], screen.words[key + 4], screen.words[key + 5]);
      continue;
    }
    const offset = screen.target(key, 0, 13);
    require2(screen.isWritable && (offset & ~3) + 16 <= screen.state.headers.size[screen.section]);
  }
}
function requireForeignKey({ state }, symbol2, addend, addendHigh) {
  require2(addendHigh === 0 && addend < LONGEST_KEYS);
  const low = state.symbolLow[symbol2] + (addend & ~3);
  const high = state.symbolHigh[symbol2];
  if (low > 4294967295) throw new NeedsImage();
  if (high >= 3221749760) return;
  require2(isPlainKernelData(state, low, high));
}
function screenFeatures(screen, section, regions) {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 48);
  require2(end - first === count * 4 * RELA_WORDS2);
  for (let i = 0, at = first; i < count; i++, at += 4 * RELA_WORDS2) {
    const place = (number2) => {
      const offset = 16 + number2 * 8;
      const word2 = field(screen, at + number2 * RELA_WORDS2, end, i * 48 + offset, R_PPC64_REL64);
      return screen.target(word2, offset, -offset) - offset;
    };
    const start = place(0);
    const region = { section: screen.section, start, end: place(1) };
    require2(screen.isCode && screen.section === region.section && start <= region.end);
    const from = place(2);
    const alternative = screen.section;
    const to = place(3);
    require2(screen.section === alternative && from <= to && to - from <= region.end - start);
    regions.push(region);
  }
}
function screenPlaces(screen, section, regions) {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8);
  require2(end - first === count * RELA_WORDS2);
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS2) {
    const start = screen.target(field(screen, at, end, i * 8, R_PPC64_REL64), 0, 4);
    require2(screen.isCode);
    regions.push({ section: screen.section, start, end: start + 4 });
  }
}
function screenPointers(screen, { section, size, isWritten, inner, isTableWritten }) {
  const [first, end] = screen.relocations(section);
  const count = entries(screen, section, 8);
  require2(end - first === count * RELA_WORDS2);
  const targets2 = /* @__PURE__ */ new Set();
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS2) {
    const offset = screen.target(field(screen, at, end, i * 8, R_PPC64_ADDR643), 0, size === void 0 ? 1 : size || 1);
    require2(isWritten ? screen.isWritable : screen.isAllocated);
    if (size !== 0) targets2.add(screen.section * 4294967296 + offset);
  }
  if (isTableWritten) requireWritten(screen, section);
  for (const at of inner) screen.requireFilled(targets2, at);
  screen.requireObjects(targets2, size);
}
function screenNames(screen, section, places3) {
  requireWritten(screen, section);
  const [first, end] = screen.relocations(section);
  let at = first;
  for (const place of places3) {
    while (at < end && screen.words[at] !== place) at += RELA_WORDS2;
    screen.target(field(screen, at, end, place, R_PPC64_ADDR643), 0, 1);
    require2(screen.isAllocated);
  }
}

// src/loader/finalize.ts
function moduleFinalize(state) {
  if (!state.arch.exact) {
    state.screenedRegions = screenTables(state);
    return;
  }
  const memory = new ModuleMemory(state);
  sortExceptionTable(state, memory);
  addKallsyms(state);
  finalizeTracerStubs(state);
  state.fixupRegions = applyFeatureFixups(state, memory);
  remarkOnBugs(state, memory);
}
function finalizeTracerStubs(state) {
  const { dynamicFtrace, dynamicFtraceWithRegs } = state.kernel.options;
  if (!dynamicFtrace) return;
  const stubs = new Stubs(state, new PlacedMemory(state));
  const stubTo = (name) => stubs.forAddress(kernelAddress(state, name) ?? 0n, name);
  state.arch.tramp = stubTo("ftrace_caller");
  if (dynamicFtraceWithRegs) {
    state.arch.trampRegs = stubTo("ftrace_regs_caller");
    if (state.arch.trampRegs === 0n) state.refuse("ENOENT");
  }
  if (state.arch.tramp === 0n) state.refuse("ENOENT");
  reserveOutOfLine(state);
}
function moduleComing(state) {
  refuseEvents(state);
  if (!state.arch.exact) return;
  const memory = new ModuleMemory(state);
  addJumpLabels(state, memory);
  excludeKernelData(state, memory);
}

// src/loader/formation.ts
var LEAST_PERCPU = 4;
var MOST_PERCPU = 32768;
function checkNotLoaded(state) {
  if (state.module(state.name) !== void 0) state.refuse("EEXIST");
}
function percpuModalloc(state) {
  const { headers, index: index2, kernel: kernel2, name } = state;
  const { pageSize: pageSize2, smp } = kernel2.options;
  const size = headers.size[index2.percpu];
  if (!smp || index2.percpu === 0 || size === 0) return;
  let alignment = headers.alignment[index2.percpu];
  if (alignment > pageSize2) {
    const shown = BigInt.asIntN(64, state.view.getBigUint64(alignmentAt(state), true));
    state.print("warning", `${name}: per-cpu alignment ${shown} > ${pageSize2}`);
    alignment = pageSize2;
  }
  alignment = Math.max(alignment, LEAST_PERCPU);
  const rounded = Math.ceil(size / LEAST_PERCPU) * LEAST_PERCPU;
  const isPowerOfTwo = (alignment & alignment - 1) === 0;
  if (rounded <= Math.max(MOST_PERCPU, pageSize2) && isPowerOfTwo) return;
  state.print("warning", `illegal size (${rounded}) or align (${alignment}) for percpu allocation`);
  state.refuse("ENOMEM", `${name}: Could not allocate ${size} bytes percpu data`, "warning");
}
function alignmentAt(state) {
  const table2 = Number(state.view.getBigUint64(40, true));
  return table2 + state.index.percpu * 64 + 48;
}

// src/loader/livepatch-enable.ts
init_constants();

// src/loader/apply.ts
init_constants();

// src/loader/apply-plain.ts
init_constants();
var TWO_325 = 4294967296;
var NOP3 = 1610612736;
var RESTORE_R2 = 3896573976;
var LI_MASK2 = 67108860;
var LD_R2_R12 = 3897294848;
var ADD_R2_R2_R12 = 2084725268;
var ADDIS_R2_R12 = 1011613696;
var ADDI_R2_R2 = 943849472;
var KNOWN = 1;
var RESTORED = 2;
var NONE = new DataView(new ArrayBuffer(0));
var PlainRelocations = class {
  #state;
  #memory;
  #symbols;
  #count;
  #tocLow;
  #tocHigh;
  /** By symbol: whether its stub is known, for which value, and where it is. Halves of addresses. */
  #stubs;
  #stubHalves;
  /** By section: 1 where nothing may lead. */
  #gone;
  #isEnabled;
  /** The section that is filled: its memory, where it begins there, its size, its address. */
  #view = NONE;
  #start = 0;
  #size = 0;
  #low = 0;
  #high = 0;
  constructor(state, memory, symbols2, toc) {
    this.#state = state;
    this.#memory = memory;
    this.#symbols = symbols2;
    const { headers, index: index2, places: places3 } = state;
    const inView = Math.floor((symbols2.view.byteLength - symbols2.at) / SYMBOL_SIZE);
    this.#count = Math.min(Math.floor(headers.size[index2.symtab] / SYMBOL_SIZE), inView);
    this.#tocLow = Number(toc & 0xffffffffn);
    this.#tocHigh = Number(toc >> 32n);
    this.#stubs = new Uint8Array(this.#count);
    this.#stubHalves = new Uint32Array(this.#count * 4);
    this.#gone = new Uint8Array(headers.count);
    for (let i = 1; i < headers.count; i++) if (i !== index2.percpu && places3[i] === void 0) this.#gone[i] = 1;
    this.#isEnabled = !state.kernel.options.pcrel;
  }
  /** From now on relocations fill `section`. */
  enter(section) {
    const { index: index2, headers } = this.#state;
    if (section === index2.stubs) this.#isEnabled = false;
    const place = section === index2.thisModule ? void 0 : this.#memory.locate(section, 0n, 0);
    this.#view = place?.view ?? NONE;
    this.#start = place?.at ?? 0;
    this.#size = place === void 0 ? 0 : Math.min(headers.size[section], place.view.byteLength - place.at);
    this.#low = Number((place?.address ?? 0n) & 0xffffffffn);
    this.#high = Number((place?.address ?? 0n) >> 32n);
  }
  /** A call of `symbol`, whose value is `value`, goes through this stub. */
  learn(symbol2, value, stub, isExempt) {
    if (symbol2 >= this.#count) return;
    this.#stubs[symbol2] = isExempt ? KNOWN : KNOWN | RESTORED;
    const halves2 = this.#stubHalves;
    halves2[symbol2 * 4] = Number(value & 0xffffffffn);
    halves2[symbol2 * 4 + 1] = Number(value >> 32n);
    halves2[symbol2 * 4 + 2] = Number(stub & 0xffffffffn);
    halves2[symbol2 * 4 + 3] = Number(stub >> 32n);
  }
  /**
   * Applies the relocation at byte `at` of a relocation section.
   *
   * @returns false where it is not plain; then nothing was done
   */
  apply(source, at) {
    const offset = source.getUint32(at, true);
    const type = source.getUint32(at + 8, true);
    const number2 = source.getUint32(at + 12, true);
    if (!this.#isEnabled || source.getUint32(at + 4, true) !== 0 || number2 >= this.#count) return false;
    if (offset + relocationWidth(type) > this.#size || this.#state.dangerous) return false;
    const symbols2 = this.#symbols.view;
    const symbol2 = this.#symbols.at + number2 * SYMBOL_SIZE;
    const section = symbols2.getUint16(symbol2 + 6, true);
    if (section < this.#gone.length && this.#gone[section] === 1) return false;
    const sum2 = symbols2.getUint32(symbol2 + 8, true) + source.getUint32(at + 16, true);
    const low = sum2 >>> 0;
    const carry = sum2 >= TWO_325 ? 1 : 0;
    const high = symbols2.getUint32(symbol2 + 12, true) + source.getUint32(at + 20, true) + carry >>> 0;
    const place = this.#start + offset;
    switch (type) {
      case R_PPC64_ADDR643:
        this.#view.setUint32(place, low, true);
        this.#view.setUint32(place + 4, high, true);
        return true;
      case R_PPC64_REL24:
        return section === SHN_UNDEF ? this.#callStub(number2, low, high, offset) : section < this.#gone.length && this.#branch(low, high, symbols2.getUint8(symbol2 + 5) >> 5, offset);
      case R_PPC64_TOC16_HA:
      case R_PPC64_TOC16_LO:
      case R_PPC64_TOC16_LO_DS:
        return this.#tocHalf(type, signedHalves(low - this.#tocLow, high - this.#tocHigh), place);
      case R_PPC64_REL32: {
        const distance = this.#distance(low, high, offset);
        if (distance < -2147483648 || distance > 2147483647) return false;
        this.#view.setUint32(place, distance >>> 0, true);
        return true;
      }
      case R_PPC64_REL64: {
        const distance = this.#distance(low, high, offset);
        if (!Number.isSafeInteger(distance)) return false;
        this.#view.setUint32(place, distance >>> 0, true);
        this.#view.setUint32(place + 4, Math.floor(distance / TWO_325) >>> 0, true);
        return true;
      }
      case R_PPC64_ENTRY:
        return this.#entry(offset, place);
      default:
        return false;
    }
  }
  /** From the place to an address, bytes; exact as long as it is a safe integer. */
  #distance(low, high, offset) {
    return signedHalves(low - this.#low - offset, high - this.#high);
  }
  #tocHalf(type, distance, place) {
    if (distance < -2147516416 || distance >= 2147450880) return false;
    const low = distance & 65535;
    if (type === R_PPC64_TOC16_HA)
      this.#view.setUint16(place, Math.floor((distance + 32768) / 65536) & 65535, true);
    else if (type === R_PPC64_TOC16_LO) this.#view.setUint16(place, low, true);
    else if ((distance & 3) !== 0) return false;
    else this.#view.setUint16(place, this.#view.getUint16(place, true) & 3 | low, true);
    return true;
  }
  /** A branch to a function of the module: behind its set-up of r2. */
  #branch(low, high, k2, offset) {
    if (k2 === 1 || k2 === 7) return false;
    return this.#point(this.#distance(low + (1 << k2 >> 2 << 2), high, offset), offset);
  }
  /** Puts a distance into the branch at `offset`. */
  #point(distance, offset) {
    if (distance < -33554432 || distance > 33554431 || (distance & 3) !== 0) return false;
    const place = this.#start + offset;
    const word2 = this.#view.getUint32(place, true);
    if (word2 >>> 26 !== 18) return false;
    this.#view.setUint32(place, (word2 & ~LI_MASK2 | distance & LI_MASK2) >>> 0, true);
    return true;
  }
  #callStub(number2, low, high, offset) {
    const known3 = this.#stubs[number2];
    const halves2 = this.#stubHalves;
    if (known3 === 0 || halves2[number2 * 4] !== low || halves2[number2 * 4 + 1] !== high) return false;
    const view = this.#view;
    const place = this.#start + offset;
    const isRestored = (known3 & RESTORED) !== 0;
    if (isRestored) {
      if (offset + 8 > this.#size || (view.getUint32(place, true) & 4227858435) >>> 0 !== 1207959553) return false;
      const next = view.getUint32(place + 4, true);
      if (next !== NOP3 && !(next === RESTORE_R2 && this.#state.rules.acceptsRestore)) return false;
    }
    if (!this.#point(this.#distance(halves2[number2 * 4 + 2], halves2[number2 * 4 + 3], offset), offset)) return false;
    if (isRestored) view.setUint32(place + 4, RESTORE_R2, true);
    return true;
  }
  /** The set-up of r2 that loads the distance to the TOC, made one that has it in its own words. */
  #entry(offset, place) {
    const distance = this.#distance(this.#tocLow, this.#tocHigh, offset);
    const view = this.#view;
    if (distance < -2147516416 || distance > 2147450879) return false;
    if ((view.getUint32(place, true) & ~65532) >>> 0 !== LD_R2_R12) return false;
    if (view.getUint32(place + 4, true) !== ADD_R2_R2_R12) return false;
    const adjusted = Math.floor((distance + 32768) / 65536) & 65535;
    view.setUint32(place, (ADDIS_R2_R12 | adjusted) >>> 0, true);
    view.setUint32(place + 4, (ADDI_R2_R2 | distance & 65535) >>> 0, true);
    return true;
  }
};
function signedHalves(low, high) {
  return high * TWO_325 + low;
}

// src/loader/place-words.ts
var LD_R2_R122 = 3897294848;
var ADD_R2_R2_R122 = 2084725268;
var ADDIS_R2_R122 = 1011613696;
var ADDI_R2_R22 = 943849472;
var unsigned = (value) => BigInt.asUintN(64, value);
function patchInstruction({ view, at }, word2) {
  view.setUint32(at, word2, true);
  if (word2 >>> 26 === 1 && at + 8 <= view.byteLength) view.setUint32(at + 4, 0, true);
}
function rewriteEntry({ view, at, address: address2 }, toc) {
  const distance = unsigned(toc - address2);
  if (unsigned(distance + 0x80008000n) > 0xffffffffn) return;
  if ((view.getUint32(at, true) & ~65532) >>> 0 !== LD_R2_R122) return;
  if (view.getUint32(at + 4, true) !== ADD_R2_R2_R122) return;
  view.setUint32(at, (ADDIS_R2_R122 | highAdjusted(distance)) >>> 0, true);
  view.setUint32(at + 4, (ADDI_R2_R22 | lowHalf(distance)) >>> 0, true);
}
function setImmediate34({ view, at }, value) {
  const high = Number(value >> 16n & 0x3ffffn);
  view.setUint32(at, (view.getUint32(at, true) & ~262143 | high) >>> 0, true);
  view.setUint32(at + 4, (view.getUint32(at + 4, true) & ~65535 | lowHalf(value)) >>> 0, true);
}
function makeLoad({ view, at }) {
  const suffix = (view.getUint32(at + 4, true) & ~4160749568 | 3825205248) >>> 0;
  view.setUint32(at, (view.getUint32(at, true) & ~33554432) >>> 0, true);
  view.setUint32(at + 4, suffix, true);
}

// src/loader/apply.ts
var NOP4 = 1610612736;
var RESTORE_R22 = 3896573976;
var LI_MASK3 = 67108860;
var unsigned2 = (value) => BigInt.asUintN(64, value);
var signed = (value) => BigInt.asIntN(64, value);
function localEntryOffset(other) {
  return BigInt(1 << (other >> 5) >> 2 << 2);
}
var RelocationApplier = class {
  #state;
  #memory;
  #stubs;
  #toc;
  #pcrel;
  #symbols;
  #strings;
  #plain;
  /** The section that is filled, and the relocation section that does it. */
  #target = 0;
  #source = 0;
  constructor(state) {
    this.#state = state;
    this.#memory = new PlacedMemory(state);
    this.#stubs = new Stubs(state, this.#memory);
    this.#toc = tocPointer(state);
    this.#pcrel = state.kernel.options.pcrel;
    const { symtab, strtab } = state.index;
    this.#symbols = this.#memory.locate(symtab, 0n, 0) ?? { view: state.view, at: state.headers.offset[symtab] };
    this.#strings = state.headers.offset[strtab];
    this.#plain = new PlainRelocations(state, this.#memory, this.#symbols, this.#toc);
  }
  /** What the module's own symbol table says of a symbol; `undefined` where it has no such symbol. */
  symbol(number2) {
    const { view, at } = this.#symbols;
    const symbol2 = at + number2 * SYMBOL_SIZE;
    if (number2 >= this.#state.symbolLow.length || symbol2 + SYMBOL_SIZE > view.byteLength) return void 0;
    const name = textAt2(this.#state.bytes, this.#strings + view.getUint32(symbol2, true));
    return { name, section: view.getUint16(symbol2 + 6, true) };
  }
  /** Gives a symbol its address, in the table that init uses and in the one that stays. */
  setSymbol(number2, address2) {
    const { arch, symbolLow, symbolHigh, livepatch, rules } = this.#state;
    this.#symbols.view.setBigUint64(this.#symbols.at + number2 * SYMBOL_SIZE + 8, address2, true);
    symbolLow[number2] = Number(address2 & 0xffffffffn);
    symbolHigh[number2] = Number(address2 >> 32n);
    const core = arch.memory.find((area) => area.kind === (rules.memoryAreas ? "data" : "core"));
    if (livepatch && arch.kallsyms !== void 0 && core !== void 0)
      core.view.setBigUint64(arch.kallsyms.symbols + number2 * SYMBOL_SIZE + 8, address2, true);
  }
  #refuse(errno, text2) {
    if (text2 === void 0) throw new KernelRefusal(errno);
    this.#state.refuse(errno, `module_64: ${this.#state.name}: ${text2}`);
  }
  /** The first absolute symbol `TOC.` gets the module's TOC pointer. */
  #fixToc() {
    const { headers, index: index2, arch, bytes } = this.#state;
    if (arch.tocFixed || this.#pcrel) return;
    arch.tocFixed = true;
    const { view, at } = this.#symbols;
    const count = Math.floor(headers.size[index2.symtab] / SYMBOL_SIZE);
    for (let i = 1; i < count; i++) {
      const symbol2 = at + i * SYMBOL_SIZE;
      if (view.getUint16(symbol2 + 6, true) !== SHN_ABS) continue;
      if (!isTocName(bytes, this.#strings + view.getUint32(symbol2, true))) continue;
      view.setBigUint64(symbol2 + 8, this.#toc, true);
      this.#state.symbolLow[i] = Number(this.#toc & 0xffffffffn);
      this.#state.symbolHigh[i] = Number(this.#toc >> 32n);
      return;
    }
  }
  /** Applies one relocation section. @throws KernelRefusal */
  applySection(section) {
    const { headers, contents } = this.#state;
    this.#fixToc();
    this.#source = section;
    this.#target = headers.info[section];
    const start = headers.offset[section];
    const source = contents[section] ?? this.#state.bytes.subarray(start, start + headers.size[section]);
    const view = new DataView(source.buffer, source.byteOffset, source.length);
    const count = Math.floor(headers.size[section] / RELA_SIZE2);
    this.#plain.enter(this.#target);
    for (let i = 0; i < count; i++) {
      const at = i * RELA_SIZE2;
      if (at + RELA_SIZE2 > view.byteLength) {
        this.#state.danger("REL103", "relocations lie behind the end of the file", headers.text(section));
        return;
      }
      if (this.#plain.apply(view, at)) continue;
      this.#apply({
        offset: view.getBigUint64(at, true),
        type: view.getUint32(at + 8, true),
        symbol: view.getUint32(at + 12, true),
        addend: view.getBigInt64(at + 16, true)
      });
    }
  }
  #apply(relocation) {
    const { type, offset } = relocation;
    const width = relocationWidth(type);
    const symbol2 = this.#symbols.at + relocation.symbol * SYMBOL_SIZE;
    const { view } = this.#symbols;
    if (symbol2 + SYMBOL_SIZE > view.byteLength) {
      this.#danger("REL103", `relocation ${type} names symbol ${relocation.symbol}, which does not exist`, offset);
      return;
    }
    if (!isKnownType(type, this.#pcrel)) this.#refuse("ENOEXEC", `Unknown ADD relocation: ${type}`);
    if (relocation.symbol * SYMBOL_SIZE >= this.#state.headers.size[this.#state.index.symtab])
      this.#danger("REL103", `relocation ${type} names symbol ${relocation.symbol}, which does not exist`, offset);
    if (usesSymbol(type)) this.#watchSymbol(view.getUint16(symbol2 + 6, true), offset);
    const place = this.#memory.locate(this.#target, offset, width);
    if (place === void 0) {
      this.#danger("REL106", "a relocation writes outside the memory of the module", offset);
      return;
    }
    if (!this.#memory.isInside(this.#target, offset, width))
      this.#danger("REL106", "a relocation writes behind the end of its section", offset);
    else this.#watchModuleStructure(type, offset);
    this.#store(relocation, place, symbol2);
  }
  /** What is not kept is freed when the module is loaded: an address there leads nowhere. */
  #watchSymbol(section, offset) {
    const { headers, index: index2, places: places3 } = this.#state;
    if (section === SHN_UNDEF || section >= headers.count || section === index2.percpu) return;
    if (places3[section] !== void 0) return;
    this.#danger("REL110", `a relocation leads into ${headers.text(section)}, which is not kept`, offset);
  }
  /** Relocations may fill `init` and `exit` of the module's own structure; all else there belongs to the kernel. */
  #watchModuleStructure(type, offset) {
    if (this.#target !== this.#state.index.thisModule) return;
    const { init, exit } = this.#state.kernel.structures.moduleFields;
    if (init === void 0 || exit === void 0) return;
    if (type === R_PPC64_ADDR643 && (offset === BigInt(init) || offset === BigInt(exit))) return;
    this.#danger("REL107", "a relocation overwrites the kernel's part of the module structure", offset);
  }
  #store({ type, addend, offset }, place, symbol2) {
    const { view, at, address: address2 } = place;
    const value = unsigned2(this.#symbols.view.getBigUint64(symbol2 + 8, true) + addend);
    switch (type) {
      case R_PPC64_ADDR32:
        if (value > 0xffffffffn && (signed(value) >= 0n || signed(value) < -0x80000000n))
          this.#remark("REL001", "a 64-bit address is cut to 32 bits (ADDR32)", offset);
        view.setUint32(at, Number(value & 0xffffffffn), true);
        break;
      case R_PPC64_ADDR643:
        view.setBigUint64(at, value, true);
        break;
      case R_PPC64_TOC:
        view.setBigUint64(at, this.#toc, true);
        break;
      case R_PPC64_REL24:
      case R_PPC64_REL24_NOTOC:
        this.#branch(value, place, symbol2, offset);
        break;
      case R_PPC64_REL64:
        view.setBigUint64(at, unsigned2(value - address2), true);
        break;
      case R_PPC64_REL32: {
        const distance = unsigned2(value - address2);
        if (unsigned2(distance + 0x80000000n) > 0xffffffffn)
          this.#refuse("ENOEXEC", `REL32 ${signed(distance)} out of range!`);
        view.setUint32(at, Number(distance & 0xffffffffn), true);
        break;
      }
      case R_PPC64_ENTRY:
        if (!this.#pcrel) rewriteEntry(place, this.#toc);
        break;
      case R_PPC64_REL16_HA:
      case R_PPC64_REL16_LO: {
        const distance = signed(value - address2);
        if (type === R_PPC64_REL16_HA) this.#checkHalves(distance, "REL16", offset);
        view.setUint16(at, type === R_PPC64_REL16_HA ? highAdjusted(distance) : lowHalf(distance), true);
        break;
      }
      case R_PPC64_PCREL34:
        this.#pcrel34(value, place, symbol2);
        break;
      case R_PPC64_GOT_PCREL34: {
        const entry2 = this.#gotFor(value);
        if (entry2 === 0n) this.#refuse("ENOENT");
        setImmediate34(place, entry2 - address2);
        break;
      }
      case R_PPC64_TOCSAVE:
        break;
      default:
        this.#tocHalf(type, unsigned2(value - this.#toc), place, offset);
    }
  }
  /** TOC16 and its kin: sixteen bits of the distance from the TOC pointer. */
  #tocHalf(type, distance, { view, at }, offset) {
    const fits3 = unsigned2(distance + 0x8000n) <= 0xffffn;
    const isMultiple = (distance & 3n) === 0n;
    const bad2 = (name) => this.#refuse("ENOEXEC", `bad ${name} relocation (0x${distance.toString(16)})`);
    const old = view.getUint16(at, true);
    if (type === R_PPC64_TOC16) {
      if (!fits3) bad2("TOC16");
      view.setUint16(at, lowHalf(distance), true);
    } else if (type === R_PPC64_TOC16_DS) {
      if (!isMultiple || !fits3) bad2("TOC16_DS");
      view.setUint16(at, old & 3 | lowHalf(distance) & 65532, true);
    } else if (type === R_PPC64_TOC16_LO_DS) {
      if (!isMultiple) bad2("TOC16_LO_DS");
      view.setUint16(at, old & 3 | lowHalf(distance) & 65532, true);
    } else if (type === R_PPC64_TOC16_LO) view.setUint16(at, lowHalf(distance), true);
    else {
      this.#checkHalves(signed(distance), "TOC16", offset);
      view.setUint16(at, highAdjusted(distance), true);
    }
  }
  /** The kernel stores high and low halves of any distance; only those of 32 bits mean what they should. */
  #checkHalves(distance, name, offset) {
    if (distance >= -0x80008000n && distance < 0x7fff8000n) return;
    this.#remark("REL002", `the distance ${distance} needs more than the 32 bits of ${name}_HA and ${name}_LO`, offset);
  }
  #branch(value, place, symbol2, offset) {
    const { view: symbols2 } = this.#symbols;
    const { view, at, address: address2 } = place;
    const section = symbols2.getUint16(symbol2 + 6, true);
    let target = value;
    if (section === SHN_UNDEF || section === SHN_LIVEPATCH) {
      const name = textAt2(this.#state.bytes, this.#strings + symbols2.getUint32(symbol2, true));
      target = this.#stubs.forAddress(value, name);
      if (target === 0n) this.#refuse("ENOENT");
      this.#restoreR2(name, place, offset);
      const number2 = (symbol2 - this.#symbols.at) / SYMBOL_SIZE;
      if (section === SHN_UNDEF) this.#plain.learn(number2, value, target, this.#stubs.isExempt(name));
    } else {
      const other = symbols2.getUint8(symbol2 + 5);
      if (other >> 5 === 1 || other >> 5 === 7)
        this.#remark(
          "REL003",
          `a call to a function whose st_other says ${other >> 5}: the loader takes it for ${localEntryOffset(other)} bytes`,
          offset
        );
      target = unsigned2(target + localEntryOffset(other));
    }
    const distance = unsigned2(target - address2);
    if (unsigned2(distance + 0x2000000n) > 0x3ffffffn || (distance & 3n) !== 0n)
      this.#refuse("ENOEXEC", `REL24 ${signed(distance)} out of range!`);
    const word2 = (view.getUint32(at, true) & ~LI_MASK3 | Number(distance & 0x3ffffffn) & LI_MASK3) >>> 0;
    patchInstruction(place, word2);
  }
  /** `restore_r2()`: the word after a call through a stub becomes the one that takes r2 back. */
  #restoreR2(name, { view, at, address: address2 }, offset) {
    if (this.#pcrel || this.#stubs.isExempt(name)) return;
    const call = view.getUint32(at, true);
    if (!isRelativeBranch(call) || (call & 1) === 0) {
      this.#remark(
        "REL004",
        `a jump without return to ${name}: its stub saves r2 in the frame of the caller's caller`,
        offset
      );
      return;
    }
    if (at + 8 > view.byteLength) {
      this.#danger("REL106", "the word after a call is outside the memory of the module", offset);
      return;
    }
    const next = view.getUint32(at + 4, true);
    if (next === RESTORE_R22 && this.#state.rules.acceptsRestore) return;
    if (next !== NOP4) {
      const where = symbolized(this.#state, unsigned2(address2 + 4n));
      this.#refuse("ENOEXEC", `Expected nop after call, got ${next.toString(16).padStart(8, "0")} at ${where}`);
    }
    view.setUint32(at + 4, RESTORE_R22, true);
  }
  /** PCREL34; per-cpu data lies too far away, so its address is loaded from a GOT entry instead of computed. */
  #pcrel34(value, place, symbol2) {
    let distance = unsigned2(value - place.address);
    if (unsigned2(distance + 0x200000000n) > 0x3ffffffffn) {
      if (this.#symbols.view.getUint16(symbol2 + 6, true) !== this.#state.arch.percpuSection)
        this.#refuse("ENOEXEC", `REL34 ${signed(distance)} out of range!`);
      const entry2 = this.#gotFor(value);
      if (entry2 === 0n) this.#refuse("ENOENT");
      distance = unsigned2(entry2 - place.address);
      makeLoad(place);
    }
    setImmediate34(place, distance);
  }
  /** `got_for_addr()`: the entry of `.mygot` that holds an address; 0 where there is no room. */
  #gotFor(target) {
    const { arch, headers } = this.#state;
    const place = this.#memory.locate(arch.gotSection, 0n, 0);
    if (place === void 0) {
      this.#state.danger("REL105", ".mygot is not kept", ".mygot");
      return 0n;
    }
    const entries2 = Math.floor(headers.size[arch.gotSection] / 8);
    for (let i = 0; ; i++) {
      const at = place.at + i * 8;
      if (at + 8 > place.view.byteLength) {
        this.#state.danger("REL105", "the loader looks for a GOT entry behind the memory of .mygot", ".mygot");
        return 0n;
      }
      const known3 = place.view.getBigUint64(at, true);
      if (known3 !== 0n && i >= entries2) {
        this.#state.danger("REL105", "all entries of .mygot are taken", ".mygot");
        return 0n;
      }
      if (known3 === 0n) place.view.setBigUint64(at, target, true);
      if (known3 === 0n || known3 === target) return place.address + BigInt(i * 8);
    }
  }
  #remark(code, message, offset) {
    const section = this.#state.headers.text(this.#target);
    this.#state.remark({ code, level: "warning", message, section, offset: Number(BigInt.asIntN(53, offset)) });
  }
  #danger(code, message, offset) {
    const { headers } = this.#state;
    this.#state.dangerous = true;
    this.#state.remark({
      code,
      level: "error",
      message: `${message} (${headers.text(this.#source)})`,
      section: headers.text(this.#target),
      offset: Number(BigInt.asIntN(53, offset))
    });
  }
};

// src/loader/livepatch.ts
init_constants();

// src/loader/livepatch-names.ts
var VMLINUX = "vmlinux";
function livepatchObject(section) {
  return /^\.klp\.rela\.([^.]{1,55})/.exec(section)?.[1];
}
function livepatchName(name) {
  const match = /^\.klp\.sym\.([^.]{1,55})\.([^,]{1,511}),[ \t\n\v\f\r]*(\d+)/.exec(name);
  if (match === null) return void 0;
  return { object: match[1], symbol: match[2], position: BigInt.asUintN(64, BigInt(match[3])) };
}

// src/loader/livepatch-symbols.ts
init_constants();
function symbolsOf(modules) {
  return (object, symbol2) => {
    const module = modules.get(object);
    if (module === void 0) return [];
    if (module.image?.kallsyms === void 0) return void 0;
    const { symtab, strtab } = module.image.kallsyms;
    const view = new DataView(symtab.buffer, symtab.byteOffset, symtab.length);
    const found2 = [];
    for (let at = 0; at + SYMBOL_SIZE <= symtab.length; at += SYMBOL_SIZE) {
      if (view.getUint16(at + 6, true) === SHN_UNDEF) continue;
      if (textAt2(strtab, view.getUint32(at, true)) === symbol2) found2.push(view.getBigUint64(at + 8, true));
    }
    return found2;
  };
}
function symbolsWith(coming) {
  const others2 = symbolsOf(coming.request.modules);
  return (object, symbol2) => {
    if (object !== coming.name) return others2(object, symbol2);
    const { headers, index: index2, view, bytes, symbolLow, symbolHigh } = coming;
    const table2 = headers.offset[index2.symtab];
    const strings = headers.offset[index2.strtab];
    const found2 = [];
    for (let i = 1; i < symbolLow.length; i++) {
      const at = table2 + i * SYMBOL_SIZE;
      if (view.getUint16(at + 6, true) === SHN_UNDEF) continue;
      if (textAt2(bytes, strings + view.getUint32(at, true)) !== symbol2) continue;
      found2.push(BigInt(symbolHigh[i]) << 32n | BigInt(symbolLow[i]));
    }
    return found2;
  };
}
function kernelAddresses(state, symbol2) {
  const moved = (state.request.runningToc ?? state.kernel.toc) - state.kernel.toc;
  return state.kernel.symbols.find(symbol2).map((address2) => BigInt.asUintN(64, address2 + moved));
}
function findSymbol(state, name, symbols2) {
  const { object, symbol: symbol2, position } = name;
  const all = object === VMLINUX ? kernelAddresses(state, symbol2) : symbols2(object, symbol2);
  if (all === void 0) {
    state.unknown.push(`the symbols of ${object}, where ${symbol2} is looked for, are not known`);
    return void 0;
  }
  const wanted = position === 0n ? 2 : position > BigInt(all.length) ? all.length : Number(position);
  const seen = all.slice(0, wanted);
  const address2 = seen.at(-1) ?? 0n;
  const say = (text2) => state.refuse("EINVAL", `livepatch: ${text2}`);
  if (address2 === 0n) say(`symbol '${symbol2}' not found in symbol table`);
  if (seen.length > 1 && position === 0n)
    say(`unresolvable ambiguity for symbol '${symbol2}' in object '${object === VMLINUX ? "(null)" : object}'`);
  if (position > 0n && position !== BigInt(seen.length))
    say(`symbol position ${position} for symbol '${symbol2}' in object '${object}' not found`);
  return address2;
}

// src/loader/livepatch.ts
function resolveSymbols(state, applier, section, object, symbols2) {
  const { headers, index: index2 } = state;
  const start = headers.offset[section];
  const count = Math.floor(headers.size[section] / RELA_SIZE2);
  for (let i = 0; i < count; i++) {
    const symbol2 = state.view.getUint32(start + i * RELA_SIZE2 + 12, true);
    const known3 = applier.symbol(symbol2);
    if (known3 === void 0) {
      state.danger(
        "REL103",
        `a livepatch relocation names symbol ${symbol2}, which does not exist`,
        headers.text(section)
      );
      return false;
    }
    if (known3.section !== SHN_LIVEPATCH) {
      const where = state.rules.livepatchTellsPlace ? ` at rela sec ${index2.symtab} idx ${i}` : "";
      state.refuse("EINVAL", `livepatch: symbol ${known3.name}${where} is not marked as a livepatch symbol`);
    }
    const name = livepatchName(known3.name);
    if (name === void 0) {
      state.refuse("EINVAL", `livepatch: symbol ${known3.name} has an incorrectly formatted name`);
    }
    if (object !== VMLINUX && name.object === VMLINUX)
      state.refuse(
        "EINVAL",
        `livepatch: invalid access to vmlinux symbol '${name.symbol}' from module-specific livepatch relocation section`
      );
    const address2 = findSymbol(state, name, symbols2);
    if (address2 === void 0) return false;
    applier.setSymbol(symbol2, address2);
  }
  return true;
}
function applyLivepatchSection(state, applier, section, object, symbols2 = symbolsOf(state.request.modules)) {
  const name = state.headers.text(section);
  const waitsFor = livepatchObject(name);
  if (waitsFor === void 0) {
    state.refuse("EINVAL", `livepatch: section ${name} has an incorrectly formatted name`);
  }
  if (waitsFor !== object) return;
  if (resolveSymbols(state, applier, section, object, symbols2)) applier.applySection(section);
}

// src/loader/livepatch-patch.ts
init_constants();
var ENABLE = "klp_enable_patch";
var SIZES = { klp_func: 152, klp_object: 168, klp_state: 24 };
var PATCH = { mod: 0, objs: 8, states: 16, replace: 24 };
var OBJECT = { name: 0, funcs: 8 };
var FUNCTION = { name: 0, replacement: 8, position: 16 };
var STATE = { id: 0, version: 8 };
var LIMIT = 1e4;
var REACH = 64;
var ADDI = 14;
var ADDIS = 15;
var BRANCH2 = 18;
var EXTENDED = 31;
var LD = 58;
var OR = 444;
var Unreadable2 = class {
};
function valueBefore(state, memory, address2, register) {
  if (register === 2) return state.toc;
  for (let i = 1n; i <= REACH; i++) {
    const at = address2 - 4n * i;
    const word2 = memory.word(at);
    if (word2 === void 0) return void 0;
    const opcode = word2 >>> 26;
    const target = word2 >>> 21 & 31;
    const base = word2 >>> 16 & 31;
    const immediate = BigInt(word2 << 16 >> 16);
    if (opcode === BRANCH2 && (word2 & 1) === 1) return void 0;
    if (opcode === EXTENDED && (word2 >>> 1 & 1023) === OR && base === register)
      return target === (word2 >>> 11 & 31) ? valueBefore(state, memory, at, target) : void 0;
    if (target !== register) continue;
    const from = () => base === 0 ? 0n : valueBefore(state, memory, at, base);
    if (opcode === ADDI || opcode === ADDIS) {
      const value = from();
      return value === void 0 ? void 0 : BigInt.asUintN(64, value + (opcode === ADDI ? immediate : immediate << 16n));
    }
    if (opcode === LD && (word2 & 3) === 0) {
      const value = from();
      return value === void 0 ? void 0 : memory.doubleword(BigInt.asUintN(64, value + (immediate & ~3n)));
    }
  }
  return void 0;
}
function importsEnable(state) {
  const { headers, index: index2, view, bytes } = state;
  const table2 = headers.offset[index2.symtab];
  const strings = headers.offset[index2.strtab];
  for (let i = 1; i < state.symbolLow.length; i++) {
    const at = table2 + i * SYMBOL_SIZE;
    if (view.getUint16(at + 6, true) !== SHN_UNDEF) continue;
    if (textAt2(bytes, strings + view.getUint32(at, true)) === ENABLE) return true;
  }
  return false;
}
function patchAddresses(state, memory) {
  const { headers, places: places3 } = state;
  const stubs = new Set(state.stubs.filter((stub) => stub.name === ENABLE).map((stub) => stub.address));
  const found2 = [];
  for (let i = 1; i < headers.count && stubs.size > 0; i++) {
    if ((headers.flags[i] & SHF_EXECINSTR) === 0 || places3[i] === void 0 || i === state.index.stubs) continue;
    const start = sectionAddress(state, i);
    const view = memory.view(i);
    for (let at = 0; at + 4 <= view.byteLength; at += 4) {
      const word2 = view.getUint32(at, true);
      if (word2 >>> 26 !== BRANCH2 || (word2 & 2) !== 0) continue;
      const address2 = start + BigInt(at);
      if (!stubs.has(BigInt.asUintN(64, address2 + BigInt(word2 << 6 >> 6 & ~3)))) continue;
      found2.push(valueBefore(state, memory, address2, 3));
    }
  }
  return found2;
}
var Reader = class {
  #memory;
  constructor(memory) {
    this.#memory = memory;
  }
  doubleword(address2) {
    const value = this.#memory.doubleword(address2);
    if (value === void 0) throw new Unreadable2();
    return value;
  }
  word(address2) {
    const value = this.#memory.word(address2);
    if (value === void 0) throw new Unreadable2();
    return value;
  }
  /** The text at an address; `undefined` for a null pointer. */
  text(address2) {
    if (address2 === 0n) return void 0;
    const spot = this.#memory.find(address2);
    if (spot === void 0) throw new Unreadable2();
    const view = this.#memory.view(spot.section);
    let text2 = "";
    for (let at = spot.offset; at < view.byteLength; at++) {
      const byte = view.getUint8(at);
      if (byte === 0) return text2;
      text2 += String.fromCharCode(byte);
    }
    throw new Unreadable2();
  }
  /** Elements of an array until `read` gives nothing. */
  list(start, size, read3) {
    const items = [];
    for (; ; ) {
      const item = read3(start + BigInt(items.length * size));
      if (item === void 0) return items;
      if (items.push(item) > LIMIT) throw new Unreadable2();
    }
  }
};
function readPatch(state, reader, address2) {
  if (reader.doubleword(address2 + BigInt(PATCH.mod)) !== sectionAddress(state, state.index.thisModule))
    return void 0;
  const { sizes: sizes2 } = state.kernel.structures;
  const size = (name) => sizes2[name] ?? SIZES[name];
  const at = (structure, offset) => reader.doubleword(structure + BigInt(offset));
  const readFunction = (func) => {
    const name = reader.text(at(func, FUNCTION.name));
    const replacement = at(func, FUNCTION.replacement);
    const position = at(func, FUNCTION.position);
    return name === void 0 && replacement === 0n && position === 0n ? void 0 : { name, replacement, position };
  };
  const readObject2 = (object) => {
    const name = reader.text(at(object, OBJECT.name));
    const funcs = at(object, OBJECT.funcs);
    if (name === void 0 && funcs === 0n) return void 0;
    return { name, functions: funcs === 0n ? [] : reader.list(funcs, size("klp_func"), readFunction) };
  };
  const readState = (entry2) => {
    const id = at(entry2, STATE.id);
    return id === 0n ? void 0 : { id, version: reader.word(entry2 + BigInt(STATE.version)) };
  };
  const states = at(address2, PATCH.states);
  return {
    objects: reader.list(at(address2, PATCH.objs), size("klp_object"), readObject2),
    states: states === 0n ? [] : reader.list(states, size("klp_state"), readState),
    replace: (reader.word(address2 + BigInt(PATCH.replace)) & 255) !== 0
  };
}
function findPatch(state, memory) {
  const addresses = patchAddresses(state, memory);
  const [address2] = addresses;
  if (addresses.length === 0) return "none";
  if (address2 === void 0 || addresses.some((other) => other !== address2)) return void 0;
  try {
    return readPatch(state, new Reader(memory), address2);
  } catch (error) {
    if (error instanceof Unreadable2) return void 0;
    throw error;
  }
}

// src/loader/livepatch-enable.ts
var PATCHED = [R_PPC64_REL24, R_PPC64_REL24_NOTOC, R_PPC64_PCREL34];
var READ_ONLY_AFTER_INIT = [".data..ro_after_init", "__jump_table"];
var NAME_LIMIT3 = 512;
function isReadOnly(state, section, moment) {
  if ((state.headers.flags[section] & SHF_WRITE) === 0) return true;
  if (moment === "enabling") return false;
  return READ_ONLY_AFTER_INIT.includes(state.headers.text(section));
}
function watchLate(state, section, moment) {
  const { headers, places: places3 } = state;
  const name = headers.text(section);
  const gone = (what) => {
    state.danger("REL112", `${name} is applied when ${what} is freed already`, name);
  };
  const target = headers.info[section];
  if ((headers.flags[section] & SHF_ALLOC) === 0) {
    gone("it");
    return;
  }
  const place = target < headers.count ? places3[target] : void 0;
  if (place === void 0) {
    gone("the section that it fills");
    return;
  }
  if (moment === "later" && isInitKind(place.memory)) {
    gone(headers.text(target));
    return;
  }
  if (!state.kernel.options.strictModuleRwx || !isReadOnly(state, target, moment)) return;
  const start = headers.offset[section];
  for (let at = start; at + RELA_SIZE2 <= start + headers.size[section]; at += RELA_SIZE2) {
    const type = state.view.getUint32(at + 8, true);
    if (PATCHED.includes(type)) continue;
    state.danger("REL109", `a late relocation of type ${type} writes to read-only memory`, headers.text(target));
    return;
  }
}
function applyObject(state, object, symbols2, moment) {
  const { headers } = state;
  const applier = new RelocationApplier(state);
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i] & SHF_RELA_LIVEPATCH) === 0) continue;
    if (livepatchObject(headers.text(i)) === object) watchLate(state, i, moment);
    applyLivepatchSection(state, applier, i, object, symbols2);
  }
}
function initObjectLoaded(state, object, functions, symbols2, moment) {
  if (object !== VMLINUX) applyObject(state, object, symbols2, moment);
  for (const { name, position } of functions) findSymbol(state, { object, symbol: name, position }, symbols2);
}
function namedObjects(state) {
  const { headers } = state;
  const names3 = /* @__PURE__ */ new Set();
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i] & SHF_RELA_LIVEPATCH) === 0) continue;
    const object = livepatchObject(headers.text(i));
    if (object !== void 0 && object !== VMLINUX) names3.add(object);
  }
  return [...names3];
}
function guessed(state) {
  state.unknown.push("which functions the livepatch replaces could not be read from its code");
  return { objects: namedObjects(state).map((name) => ({ name, functions: [] })), states: [], replace: false };
}
function livepatches(modules) {
  let found2 = [];
  for (const module of modules.values()) {
    const { livepatch } = module;
    if (livepatch === void 0) continue;
    if (livepatch.patch.replace) found2 = [];
    found2.push({ ...module, livepatch });
  }
  return found2;
}
function isCompatible(state, patch) {
  for (const { livepatch } of livepatches(state.request.modules))
    for (const old of livepatch.patch.states) {
      const own = patch.states.find(({ id }) => id === old.id);
      if (own === void 0 ? patch.replace : own.version < old.version) return false;
    }
  return true;
}
function checkFunctions2(state, functions) {
  for (const { name, replacement } of functions)
    if (name === void 0 || replacement === 0n || name.length >= NAME_LIMIT3) state.refuse("EINVAL");
}
function enableLivepatch(state) {
  const { request } = state;
  if (request.enableLivepatch !== true || !(state.livepatch || importsEnable(state))) return;
  if (!state.arch.exact) throw new NeedsImage();
  const found2 = findPatch(state, new ModuleMemory(state));
  if (found2 === "none") return;
  if (!state.livepatch) state.refuse("EINVAL", `livepatch: module ${state.name} is not marked as a livepatch module`);
  const patch = found2 ?? guessed(state);
  state.isFormed = true;
  if (!isCompatible(state, patch))
    state.refuse(
      "EINVAL",
      `livepatch: Livepatch patch (${state.name}) is not compatible with the already installed livepatches.`
    );
  const symbols2 = symbolsOf(request.modules);
  for (const { name, functions } of patch.objects) {
    checkFunctions2(state, functions);
    if (name !== void 0 && state.module(name) === void 0) continue;
    initObjectLoaded(state, name ?? VMLINUX, functions, symbols2, "enabling");
  }
  state.print("notice", `livepatch: enabling patch '${state.name}'`);
  state.livepatched = { patch, state };
}
function copyOf(state) {
  const memory = state.arch.memory.map((area) => {
    const bytes = area.bytes.slice();
    return { ...area, bytes, view: new DataView(bytes.buffer) };
  });
  const contents = state.contents.map((section) => {
    const at = state.arch.memory.findIndex((area) => area.bytes.buffer === section?.buffer);
    return at < 0 ? section : memory[at].bytes.subarray(section.byteOffset, section.byteOffset + section.length);
  });
  return Object.assign(Object.create(LoadState.prototype), state, {
    arch: Object.assign(new ArchState(), state.arch, { memory }),
    contents,
    symbolLow: state.symbolLow.slice(),
    symbolHigh: state.symbolHigh.slice(),
    stubs: [...state.stubs],
    log: [],
    remarks: [],
    unknown: [],
    dangerous: false
  });
}
function livepatchComing(state) {
  if (!state.kernel.options.livepatch) return;
  if (state.name === VMLINUX) state.refuse("EINVAL", "livepatch: vmlinux.ko: invalid module name");
  const done = [];
  for (const { name, livepatch } of livepatches(state.request.modules)) {
    const object = livepatch.patch.objects.find((candidate) => candidate.name === state.name);
    if (object === void 0) continue;
    const copy = copyOf(livepatch.state);
    const errno = attempt(() => initObjectLoaded(copy, state.name, object.functions, symbolsWith(state), "later"));
    state.log.push(...copy.log);
    state.unknown.push(...copy.unknown);
    state.remarks.push(...copy.remarks);
    if (copy.dangerous) state.dangerous = true;
    state.changed.set(name, { image: loadedImage(copy), livepatch: { patch: livepatch.patch, state: copy } });
    if (errno !== void 0) {
      const warn = (text2) => state.print("warning", `livepatch: ${text2}`);
      warn(`failed to initialize patch '${name}' for module '${state.name}' (-${ERRNO[errno.errno]})`);
      warn(`patch '${name}' failed for module '${state.name}', refusing to load module '${state.name}'`);
      for (const other of done)
        state.print("notice", `livepatch: reverting patch '${other}' on unloading module '${state.name}'`);
      throw errno;
    }
    state.print("notice", `livepatch: applying patch '${name}' to loading module '${state.name}'`);
    done.push(name);
  }
}
function attempt(work) {
  try {
    work();
  } catch (error) {
    if (error instanceof KernelRefusal) return error;
    throw error;
  }
  return void 0;
}

// src/loader/dynamic-debug.ts
var MOST_WORDS = 9;
var KEYWORDS = /* @__PURE__ */ new Set(["func", "file", "module", "format", "line", "class"]);
function execQueries(state, queries) {
  const print = (text2) => state.print("err", `dyndbg: ${text2}`);
  for (const part of queries.split(/[;\n]/)) {
    const query = part.trimStart();
    if (query === "" || query.startsWith("#")) continue;
    const words2 = wordsOf2(query, print);
    if (words2 === void 0 || words2.length === 0) print("tokenize failed");
    else if (!flagsAreGood(words2.at(-1), state.rules.debugFlags, print)) print("flags parse failed");
    else if (!pairsAreGood(words2.slice(0, -1), print)) print("query parse failed");
  }
}
function wordsOf2(query, print) {
  const words2 = [];
  for (let rest = query.trimStart(); rest !== "" && !rest.startsWith("#"); rest = rest.trimStart()) {
    const quote = /^["']/.exec(rest)?.[0];
    if (quote !== void 0) rest = rest.slice(1);
    const end = quote === void 0 ? rest.search(/\s/) : rest.indexOf(quote);
    if (quote !== void 0 && end < 0) {
      print(`unclosed quote: ${rest}`);
      return void 0;
    }
    if (words2.length === MOST_WORDS) {
      print(`too many words, legal max <=${MOST_WORDS}`);
      return void 0;
    }
    words2.push(end < 0 ? rest : rest.slice(0, end));
    rest = end < 0 ? "" : rest.slice(end + 1);
  }
  return words2;
}
function flagsAreGood(word2, known3, print) {
  if (!/^[-+=]/.test(word2)) {
    print(`bad flag-op ${word2[0] ?? "\0"}, at start of ${word2}`);
    return false;
  }
  const unknown = [...word2.slice(1)].find((letter) => !known3.includes(letter));
  if (unknown !== void 0) print(`unknown flag '${unknown}'`);
  return unknown === void 0;
}
function pairsAreGood(words2, print) {
  if (words2.length % 2 !== 0) {
    print("expecting pairs of match-spec <value>");
    return false;
  }
  const unknown = words2.find((word2, i) => i % 2 === 0 && !KEYWORDS.has(word2));
  if (unknown !== void 0) print(`unknown keyword "${unknown}"`);
  return unknown === void 0;
}

// src/loader/parameter-values.ts
var unsigned3 = (bits2) => ({ minimum: 0n, maximum: (1n << bits2) - 1n });
var signed2 = (bits2) => ({ minimum: -(1n << bits2 - 1n), maximum: (1n << bits2 - 1n) - 1n });
var integer = (size, range) => ({
  needsNoValue: false,
  size,
  check: (value) => checkInteger(value, range)
});
var boolean = (size) => ({ needsNoValue: true, size, check: checkBoolean });
var PARAMETER_TYPES = /* @__PURE__ */ new Map([
  ["param_ops_byte", integer(1, unsigned3(8n))],
  ["param_ops_short", integer(2, signed2(16n))],
  ["param_ops_ushort", integer(2, unsigned3(16n))],
  ["param_ops_int", integer(4, signed2(32n))],
  ["param_ops_uint", integer(4, unsigned3(32n))],
  ["param_ops_hexint", integer(4, unsigned3(32n))],
  ["param_ops_long", integer(8, signed2(64n))],
  ["param_ops_ulong", integer(8, unsigned3(64n))],
  ["param_ops_ullong", integer(8, unsigned3(64n))],
  ["param_ops_bool", boolean(1)],
  ["param_ops_invbool", boolean(1)],
  ["param_ops_bint", boolean(4)]
]);
var DIGITS = "0123456789abcdef";
function checkInteger(text2, range) {
  const isSigned2 = range.minimum < 0n;
  let rest = text2;
  const isNegative = isSigned2 && rest.startsWith("-");
  if (isNegative || rest.startsWith("+")) rest = rest.slice(1);
  let base = 10;
  if (rest.startsWith("0")) base = /^0x[0-9a-f]/i.test(rest) ? 16 : 8;
  if (base === 16) rest = rest.slice(2);
  let value = 0n;
  let count = 0;
  for (; count < rest.length; count++) {
    const digit = DIGITS.indexOf(rest[count].toLowerCase());
    if (digit < 0 || digit >= base) break;
    value = value * BigInt(base) + BigInt(digit);
  }
  if (value >= 1n << 64n) return "ERANGE";
  const tail = rest.slice(count);
  if (count === 0 || tail !== "" && tail !== "\n") return "EINVAL";
  const result = isNegative ? -value : value;
  return result < range.minimum || result > range.maximum ? "ERANGE" : void 0;
}
function checkBoolean(value, takesEnable) {
  if (value === void 0) return void 0;
  const first = takesEnable ? /^(?:[yYtT1nNfF0eEdD]|[oO][nNfF])/ : /^(?:[yYtT1nNfF0]|[oO][nNfF])/;
  return first.test(value) ? void 0 : "EINVAL";
}

// src/loader/parameters.ts
var PARAM = knownName("__param");
var ENTRY_SIZE6 = 40;
var ENTRY_WORDS2 = 5;
var PERMISSIONS_AT = 24;
var FLAGS_AT = 27;
var UNSAFE = 1;
var LONGEST_TEXT2 = 1024;
function parameterTable(state) {
  const section = findAllocated(state, PARAM);
  if (section === 0 || state.headers.size[section] < ENTRY_SIZE6) return void 0;
  const words2 = new RelocatedWords(state, section);
  const { view } = state;
  const entries2 = [];
  for (let word2 = 0; word2 + ENTRY_WORDS2 <= words2.count; word2 += ENTRY_WORDS2) {
    const at = state.headers.offset[section] + word2 * 8;
    if (at + ENTRY_SIZE6 > view.byteLength) break;
    entries2.push({
      name: words2.text(word2),
      hasNullName: words2.isNull(word2),
      permissions: view.getUint16(at + PERMISSIONS_AT, true),
      flags: view.getUint8(at + FLAGS_AT),
      word: word2
    });
  }
  return { section, words: words2, entries: entries2 };
}
function nextArgument(text2) {
  const isQuoted = text2.startsWith('"');
  const args = isQuoted ? text2.slice(1) : text2;
  let inQuote = isQuoted;
  let equals = 0;
  let i = 0;
  for (; i < args.length; i++) {
    if (isSpace(args[i]) && !inQuote) break;
    if (equals === 0 && args[i] === "=") equals = i;
    if (args[i] === '"') inQuote = !inQuote;
  }
  let end = i;
  let start = equals + 1;
  if (equals > 0 && args[start] === '"') {
    start++;
    if (args[i - 1] === '"') end = i - 1;
  }
  if (isQuoted && i > 0 && args[i - 1] === '"') end = i - 1;
  const name = equals > 0 ? args.slice(0, equals) : args.slice(0, end);
  const value = equals > 0 ? args.slice(start, Math.max(start, end)) : void 0;
  return { argument: { name, value }, rest: skipSpaces(args.slice(i + 1)) };
}
var isSpace = (c) => /[\t-\r \u00a0]/.test(c);
var skipSpaces = (text2) => text2.replace(/^[\t-\r \u00a0]+/, "");
function parseArguments(state) {
  let rest = skipSpaces(state.request.parameters ?? "");
  if (rest === "") return;
  const table2 = parameterTable(state);
  let failure;
  while (rest !== "") {
    const { argument, rest: next } = nextArgument(rest);
    rest = next;
    if (argument.value === void 0 && argument.name === "--") {
      if (failure === void 0) state.print("warning", `${state.name}: parameters '${rest}' after \`--' ignored`);
      break;
    }
    failure = parseOne(state, table2, argument) ?? failure;
  }
  if (failure !== void 0) state.refuse(failure);
}
function parseOne(state, table2, argument) {
  const wanted = argument.name.replaceAll("-", "_");
  for (const parameter of table2?.entries ?? []) {
    if (parameter.name === void 0) {
      state.danger("MOD009", "a parameter has no name in the module, and the kernel reads it as a string", "__param");
      continue;
    }
    if (parameter.name.replaceAll("-", "_") !== wanted) continue;
    const errno = setParameter(state, table2, parameter, argument);
    const isArray = table2.words.symbolName(parameter.word + 2) === "param_array_ops";
    const shown = (isArray ? argument.value?.split(",")[0] : argument.value) ?? "";
    if (errno === "ENOSPC")
      state.print("err", `${state.name}: \`${shown}' too large for parameter \`${argument.name}'`);
    else if (errno === "ENOENT") state.print("err", `${state.name}: Unknown parameter \`${argument.name}'`);
    else if (errno !== void 0)
      state.print("err", `${state.name}: \`${shown}' invalid for parameter \`${argument.name}'`);
    return errno;
  }
  unknownParameter(state, argument);
  return void 0;
}
function unknownParameter(state, { name, value }) {
  if (name === "async_probe") return;
  if (!state.kernel.options.dynamicDebug) {
    if (name === "dyndbg") {
      state.print("warning", "dyndbg param is supported only in CONFIG_DYNAMIC_DEBUG builds");
      return;
    }
  } else if ((name.includes(".") ? name.slice(name.indexOf(".") + 1) : name) === "dyndbg") {
    execQueries(state, value ?? "+p");
    return;
  }
  const shown = state.kernel.options.dynamicDebug ? name.replace(/\..*/s, "") : name;
  state.print("warning", `${state.name}: unknown parameter '${shown}' ignored`);
}
function setParameter(state, { words: words2 }, parameter, { value }) {
  const operations = words2.symbolName(parameter.word + 2);
  const type = operations === void 0 ? void 0 : PARAMETER_TYPES.get(operations);
  if (operations === void 0) {
    state.danger("MOD009", `parameter ${parameter.name} has no operations, and the kernel calls them`, "__param");
    return void 0;
  }
  if (value === void 0 && type?.needsNoValue !== true && (type !== void 0 || isKernels(operations)))
    return "EINVAL";
  if ((parameter.flags & UNSAFE) !== 0)
    state.print("notice", `Setting dangerous option ${parameter.name} - tainting kernel`);
  const at = parameter.word + 4;
  if (type !== void 0) {
    const errno = type.check(value, state.rules.enableDisable);
    if (errno === void 0) excludeArgument(state, words2, at, type.size, parameter.name);
    return errno;
  }
  if (operations === "param_ops_charp") return setText(state, words2, at, parameter.name, value);
  if (operations === "param_ops_string") return setString(state, words2, at, parameter.name, value);
  if (operations === "param_array_ops") return setArray(state, words2, at, parameter.name, value);
  const code = operations === "" ? "the module's own code" : operations;
  state.unknown.push(`parameter ${parameter.name} is read by ${code}, which was not run`);
  return void 0;
}
var isKernels = (operations) => operations === "param_ops_charp" || operations === "param_ops_string" || operations === "param_array_ops";
function excludeArgument(state, words2, word2, length, name) {
  const target = words2.target(word2);
  if (target === void 0 || target.section === 0) return;
  state.exclude(target.section, { offset: target.offset, length, reason: `parameter ${name} was given` });
}
function setText(state, words2, word2, name, value) {
  if (value.length > LONGEST_TEXT2) {
    state.print("err", `${name}: string parameter too long`);
    return "ENOSPC";
  }
  excludeArgument(state, words2, word2, 8, name);
  return void 0;
}
function setString(state, words2, word2, name, value) {
  const target = words2.target(word2);
  const at = words2.fileOffset(word2);
  if (target === void 0 || at < 0 || at + 16 > state.view.byteLength) return unreadable(state, name);
  const room = state.view.getUint32(at, true);
  if (value.length >= room) {
    state.print("err", `${name}: string doesn't fit in ${room - 1 >>> 0} chars.`);
    return "ENOSPC";
  }
  if (target.offset % 8 === 0)
    excludeArgument(state, new RelocatedWords(state, target.section), target.offset / 8 + 1, value.length + 1, name);
  return void 0;
}
function setArray(state, words2, word2, name, value) {
  const target = words2.target(word2);
  const at = words2.fileOffset(word2);
  if (target === void 0 || at < 0 || target.offset % 8 !== 0 || at + 32 > state.view.byteLength)
    return unreadable(state, name);
  const most = state.view.getUint32(at, true);
  const size = state.view.getUint32(at + 4, true);
  const inner = new RelocatedWords(state, target.section);
  const type = PARAMETER_TYPES.get(inner.symbolName(target.offset / 8 + 2) ?? "");
  let count = 0;
  for (const element of value.split(",")) {
    if (count === most) {
      state.print("err", `${name}: can only take ${most | 0} arguments`);
      return "EINVAL";
    }
    const errno = type?.check(element, state.rules.enableDisable);
    if (errno !== void 0) return errno;
    count++;
  }
  if (type === void 0) state.unknown.push(`the elements of parameter ${name} are read by code that was not run`);
  excludeArgument(state, inner, target.offset / 8 + 1, 4, name);
  excludeArgument(state, inner, target.offset / 8 + 3, count * size, name);
  return void 0;
}
function unreadable(state, name) {
  state.danger("MOD009", `the description of parameter ${name} does not lie in the module`, "__param");
  return void 0;
}

// src/loader/relocate.ts
init_constants();

// src/loader/relocation-check.ts
init_constants();
var TWO_326 = 4294967296;
var NOP5 = 1610612736;
var RELA_WORDS3 = 6;
var ACTION_STORE = 1;
var ACTION_TOC_HA = 2;
var ACTION_TOC_LO_DS = 3;
var ACTION_REL24 = 4;
var ACTION_REL32 = 5;
var ACTION_REL16_HA = 6;
var ACTION_TOC16 = 7;
var ACTION_TOC16_DS = 8;
var TYPES = 256;
var actions = new Uint8Array(TYPES);
var widths = new Uint8Array(TYPES);
for (const type of [
  R_PPC64_ADDR643,
  R_PPC64_TOC,
  R_PPC64_TOC16_LO,
  R_PPC64_REL64,
  R_PPC64_ENTRY,
  R_PPC64_REL16_LO
])
  actions[type] = ACTION_STORE;
actions[R_PPC64_TOC16_HA] = ACTION_TOC_HA;
actions[R_PPC64_TOC16_LO_DS] = ACTION_TOC_LO_DS;
actions[R_PPC64_REL24] = ACTION_REL24;
actions[R_PPC64_REL32] = ACTION_REL32;
actions[R_PPC64_REL16_HA] = ACTION_REL16_HA;
actions[R_PPC64_TOC16] = ACTION_TOC16;
actions[R_PPC64_TOC16_DS] = ACTION_TOC16_DS;
for (let type = 0; type < TYPES; type++) widths[type] = relocationWidth(type);
var ENTRY_OFFSETS = Int32Array.from({ length: 8 }, (_, k2) => 1 << k2 >> 2 << 2);
function canCheckInPlace(state) {
  const { headers, index: index2, places: places3 } = state;
  const { stubs, toc, symtab, strtab } = index2;
  if (state.kernel.options.pcrel || places3[stubs] === void 0 || places3[toc] === void 0) return false;
  if (headers.type[stubs] !== SHT_NOBITS || headers.addressLow[stubs] % 8 !== 0) return false;
  const filled = new Uint8Array(headers.count);
  for (let i = 1; i < headers.count; i++) {
    if (!fillsKeptSection(state, i)) continue;
    if ((headers.flags[i] & SHF_RELA_LIVEPATCH) !== 0) {
      if (state.kernel.options.livepatch) return false;
      continue;
    }
    if (headers.type[i] !== SHT_RELA) {
      if (headers.type[i] === 9) return false;
      continue;
    }
    const target = headers.info[i];
    if (headers.type[target] !== SHT_PROGBITS && headers.type[target] !== 7 && headers.type[target] !== 14)
      return false;
    if (target === symtab || target === strtab || filled[target] === 1) return false;
    if ((headers.flags[i] & SHF_ALLOC) !== 0 || (state.bytes.byteOffset + headers.offset[i]) % 4 !== 0) return false;
    if (headers.offset[i] + headers.size[i] > state.bytes.length) return false;
    if (headers.offset[target] + headers.size[target] > state.bytes.length) return false;
    filled[target] = 1;
  }
  return true;
}
function leavesModuleStructure(state, section) {
  const { init, exit } = state.kernel.structures.moduleFields;
  if (init === void 0 || exit === void 0) return true;
  const { offset, size } = state.headers;
  const end = offset[section] + size[section];
  for (let at = offset[section]; at + RELA_WORDS3 * 4 <= end; at += RELA_WORDS3 * 4) {
    const place = state.view.getUint32(at, true);
    if (state.view.getUint32(at + 8, true) !== R_PPC64_ADDR643 || place !== init && place !== exit) return false;
    if (!leadsToCode(state, at)) return false;
  }
  return true;
}
function leadsToCode({ view, headers, index: index2 }, at) {
  const number2 = view.getUint32(at + 12, true);
  const symbol2 = headers.offset[index2.symtab] + number2 * SYMBOL_SIZE;
  if ((number2 + 1) * SYMBOL_SIZE > headers.size[index2.symtab] || view.getUint32(at + 20, true) !== 0) return false;
  const section = view.getUint16(symbol2 + 6, true);
  if (section === 0 || section >= headers.count || view.getUint32(symbol2 + 12, true) !== 0) return false;
  const wanted = SHF_ALLOC | SHF_EXECINSTR;
  const offset = view.getUint32(symbol2 + 8, true) + view.getUint32(at + 16, true);
  return (headers.flags[section] & wanted) === wanted && offset + 4 <= headers.size[section];
}
function isPlainlyGood(state, around, section) {
  const { headers } = state;
  const { low, high, classes, tocLow, tocHigh, stubsLow, stubsHigh, stubsLast, view } = around;
  const target = headers.info[section];
  const placeLow = headers.addressLow[target];
  const placeHigh = headers.addressHigh[target];
  const fileAt = headers.offset[target];
  const limit = headers.size[target];
  const length = Math.floor(headers.size[section] / (RELA_WORDS3 * 4)) * RELA_WORDS3;
  const words2 = new Uint32Array(state.bytes.buffer, state.bytes.byteOffset + headers.offset[section], length);
  const symbols2 = low.length;
  const stubDistance = (stubsHigh - placeHigh) * TWO_326 + (stubsLow - placeLow);
  let end = 0;
  let ordered = true;
  let branches = false;
  for (let at = 0; at < length; at += RELA_WORDS3) {
    const offset = words2[at];
    const type = words2[at + 2];
    const symbol2 = words2[at + 3];
    if (words2[at + 1] !== 0 || type >= TYPES || symbol2 >= symbols2) return false;
    const kind = classes[symbol2];
    if ((kind & SYMBOL_GONE) !== 0) return false;
    const action = actions[type];
    let after = offset + widths[type];
    if (action === 0 || after > limit) return false;
    if (offset < end) ordered = false;
    if (action === ACTION_REL24) {
      branches = true;
      const word2 = view.getUint32(fileAt + offset, true);
      if (word2 >>> 26 === 1) return false;
      if ((kind & SYMBOL_PECULIAR) !== 0) return false;
      const addend = (words2[at + 5] | 0) * TWO_326 + words2[at + 4];
      if ((kind & SYMBOL_EXTERNAL) === 0) {
        const distance = (high[symbol2] - placeHigh) * TWO_326 + (low[symbol2] - placeLow) + addend - offset + ENTRY_OFFSETS[kind & 7];
        if (distance < -33554432 || distance > 33554431 || (distance & 3) !== 0) return false;
      } else {
        if (addend !== 0) return false;
        const distance = stubDistance - offset;
        if (distance < -33554432 || distance + stubsLast > 33554431 || (distance & 3) !== 0) return false;
        if ((kind & SYMBOL_EXEMPT) === 0) {
          after = offset + 8;
          if (after > limit || word2 >>> 26 !== 18 || (word2 & 3) !== 1) return false;
          if (view.getUint32(fileAt + offset + 4, true) !== NOP5) return false;
        }
      }
    } else if (action !== ACTION_STORE) {
      const addend = (words2[at + 5] | 0) * TWO_326 + words2[at + 4];
      const isToc = action !== ACTION_REL32 && action !== ACTION_REL16_HA;
      const distance = isToc ? (high[symbol2] - tocHigh) * TWO_326 + (low[symbol2] - tocLow) + addend : (high[symbol2] - placeHigh) * TWO_326 + (low[symbol2] - placeLow) + addend - offset;
      switch (action) {
        case ACTION_TOC_HA:
        case ACTION_REL16_HA:
          if (distance < -2147516416 || distance >= 2147450880) return false;
          break;
        case ACTION_TOC_LO_DS:
          if (distance < -2147516416 || distance >= 2147450880 || (distance & 3) !== 0) return false;
          break;
        case ACTION_REL32:
          if (distance < -2147483648 || distance > 2147483647) return false;
          break;
        case ACTION_TOC16_DS:
          if ((distance & 3) !== 0 || distance < -32768 || distance > 32767) return false;
          break;
        default:
          if (distance < -32768 || distance > 32767) return false;
      }
    }
    if (after > end) end = after;
  }
  return ordered || !branches;
}
function checkRelocations(state) {
  const { headers, index: index2 } = state;
  if (!canCheckInPlace(state)) return false;
  const toc = tocPointer(state);
  const around = {
    low: state.symbolLow,
    high: state.symbolHigh,
    classes: state.arch.symbolClass,
    tocLow: Number(toc & 0xffffffffn),
    tocHigh: Number(toc >> 32n),
    stubsLow: headers.addressLow[index2.stubs],
    stubsHigh: headers.addressHigh[index2.stubs],
    stubsLast: Math.max(0, headers.size[index2.stubs] - STUB_SIZE),
    bytes: state.bytes,
    view: state.view
  };
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] !== SHT_RELA || !fillsKeptSection(state, i)) continue;
    if ((headers.flags[i] & SHF_RELA_LIVEPATCH) !== 0) continue;
    if (headers.info[i] === index2.thisModule && !leavesModuleStructure(state, i)) return false;
    if (!isPlainlyGood(state, around, i)) return false;
  }
  return true;
}

// src/loader/relocate.ts
function applyRelocations(state) {
  const { headers, arch } = state;
  state.toc = tocPointer(state);
  if (!arch.exact) {
    if (!checkRelocations(state)) throw new NeedsImage();
    return;
  }
  const applier = new RelocationApplier(state);
  if (state.places[state.index.toc] === void 0 && !state.kernel.options.pcrel)
    state.danger("REL108", "r2 points into a section that is not kept", headers.text(state.index.toc));
  for (let i = 1; i < headers.count; i++) {
    if (!fillsKeptSection(state, i)) continue;
    if ((headers.flags[i] & SHF_RELA_LIVEPATCH) !== 0) {
      if (state.kernel.options.livepatch) applyLivepatchSection(state, applier, i, "vmlinux");
    } else if (headers.type[i] === SHT_REL) state.refuse("ENOEXEC", `module ${state.name}: REL relocation unsupported`);
    else if (headers.type[i] === SHT_RELA) applier.applySection(i);
  }
}

// src/loader/signature-check.ts
var MARKER2 = Uint8Array.from("~Module signature appended~\n", (c) => c.charCodeAt(0));
var INFO_SIZE = 12;
var PKEY_ID_PKCS7 = 2;
var ZERO_FIELDS = [0, 1, 3, 4, 5, 6, 7];
var FORGIVEN = {
  ENODATA: "unsigned module",
  ENOPKG: "module with unsupported crypto",
  ENOKEY: "module with unavailable key"
};
function moduleSigCheck(state) {
  const { options } = state.kernel;
  if (!options.moduleSig) return;
  const isEnforced = options.moduleSigForce || state.request.enforceSignatures === true;
  const isMangled = state.request.ignoreModversions === true || state.request.ignoreVermagic === true;
  const error = isMangled || !endsWithMarker(state) ? "ENODATA" : verify(state);
  const reason = FORGIVEN[error];
  if (reason === void 0) state.refuse(error);
  if (error === "ENOKEY") {
    state.unknown.push(
      isEnforced ? "the kernel takes only modules signed with one of its keys, and whether this one is was not checked" : "the signature was not checked: made with a key of the kernel, but over other bytes, it is refused (EKEYREJECTED)"
    );
    if (isEnforced) state.signed = true;
    return;
  }
  if (isEnforced) state.refuse("EKEYREJECTED", `Loading of ${reason} is rejected`, "notice");
}
function endsWithMarker(state) {
  const { bytes, length } = state;
  if (length <= MARKER2.length) return false;
  for (let i = 0; i < MARKER2.length; i++) if (bytes[length - MARKER2.length + i] !== MARKER2[i]) return false;
  return true;
}
function verify(state) {
  state.length -= MARKER2.length;
  const { view, bytes, length } = state;
  if (length <= INFO_SIZE) return "EBADMSG";
  const info = length - INFO_SIZE;
  const size = view.getUint32(info + 8, false);
  if (size >= info) return "EBADMSG";
  if (bytes[info + 2] !== PKEY_ID_PKCS7) {
    state.print("err", "module: not signed with expected PKCS#7 message");
    return "ENOPKG";
  }
  if (ZERO_FIELDS.some((i) => bytes[info + i] !== 0)) {
    state.print("err", "module: PKCS#7 signature info has unexpected non-zero params");
    return "EBADMSG";
  }
  state.length = info - size;
  return isSequence(bytes.subarray(state.length, info)) ? "ENOKEY" : "EBADMSG";
}
var OBJECT_IDENTIFIER = 6;
function isSequence(message) {
  const first = message[1];
  if (message[0] !== 48 || first === void 0) return false;
  const count = first < 128 ? 0 : first - 128;
  if (first === 128 || count > 4 || message.length < 2 + count) return false;
  let size = count === 0 ? first : 0;
  for (let i = 0; i < count; i++) size = size * 256 + message[2 + i];
  return size > 0 && 2 + count + size <= message.length && message[2 + count] === OBJECT_IDENTIFIER;
}

// src/loader/sysfs.ts
init_constants();
var ALLOWED_MODE = 436;
function modSysfsSetup(state) {
  if (state.name === "kernel") state.refuse("EINVAL", "kernel: module is already loaded");
  if (state.name === "") {
    state.print("warning", "kobject: ((____ptrval____)): attempted to be registered with empty name!");
    state.refuse("EINVAL");
  }
  addParameters(state);
  if (state.kernel.options.kallsyms) addSections(state);
}
function folder(state) {
  return `/module/${state.name.replaceAll("/", "!")}`;
}
function complain(state, path) {
  state.print("warning", `sysfs: cannot create duplicate filename '${path}'`);
}
function addParameters(state) {
  const seen = /* @__PURE__ */ new Set();
  for (const parameter of parameterTable(state)?.entries ?? []) {
    if (parameter.permissions === 0) continue;
    checkMode(state, parameter);
    if (parameter.name === void 0) {
      if (parameter.hasNullName) state.refuse("ENOMEM");
      state.danger("MOD009", "the name of a parameter does not lie in the module", "__param");
      continue;
    }
    if (seen.has(parameter.name)) {
      complain(state, `${folder(state)}/parameters/${parameter.name}`);
      state.refuse("EEXIST");
    }
    seen.add(parameter.name);
  }
}
function checkMode(state, { name, permissions }) {
  if ((permissions & ~ALLOWED_MODE) === 0) return;
  const shown = permissions.toString(8);
  state.print("warning", `Attribute ${name ?? "(null)"}: Invalid permissions 0${shown}`);
}
var lastSeen = new Float64Array(NAME_LIMIT2);
var loads = 0;
function addSections(state) {
  const { headers, index: index2 } = state;
  const rare = /* @__PURE__ */ new Set();
  loads++;
  for (let i = 0; i < headers.count; i++) {
    const isKept = (headers.flags[i] & SHF_ALLOC) !== 0 || i === index2.symtab || i === index2.strtab;
    if (!isKept || headers.size[i] === 0) continue;
    const id = headers.nameId[i];
    const isThere = id === 0 ? rare.has(headers.text(i)) : lastSeen[id] === loads;
    if (isThere) {
      complain(state, `${folder(state)}/sections/${headers.text(i)}`);
      if (state.rules.sectionAttributesMayFail) state.refuse("EEXIST");
      return;
    }
    if (id === 0) rare.add(headers.text(i));
    else lastSeen[id] = loads;
  }
}

// src/loader/tracer-screen.ts
var MCOUNT = new TextEncoder().encode("_mcount\0");
var RECORD = 8;
var DOUBLEWORDS = /* @__PURE__ */ new Set([R_PPC64_ADDR643, R_PPC64_REL64, R_PPC64_TOC]);
function screenRecords(state, table2, regions) {
  const { patchableFunctionEntry, mprofileKernel, ftraceOutOfLine } = state.kernel.options;
  if (!patchableFunctionEntry && !mprofileKernel) throw new NeedsImage();
  const screen = new Screen(state);
  const { words: words2 } = screen;
  const [first, end] = screen.relocations(table2);
  const count = Math.floor(state.headers.size[table2] / RECORD);
  if (end - first !== count * RELA_WORDS2) throw new NeedsImage();
  const nops = ftraceOutOfLine ? 1 : 2;
  const [before, behind] = patchableFunctionEntry ? [0, nops * 4] : [4, 4];
  const cursors = [];
  let cursor;
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS2) {
    if (words2[at] !== i * RECORD || words2[at + 1] !== 0 || words2[at + 2] !== R_PPC64_ADDR643) throw new NeedsImage();
    const offset = screen.target(at, before, behind);
    if (cursor === void 0 || cursor.section !== screen.section) cursor = cursorFor(screen, cursors);
    if (offset % 4 !== 0 || offset <= cursor.before) throw new NeedsImage();
    cursor.before = offset;
    for (const region of regions)
      if (region.section === cursor.section && offset >= region.start && offset < region.end) throw new NeedsImage();
    const isGood = patchableFunctionEntry ? isNops(screen, cursor, offset, nops) : isCall(screen, cursor, offset);
    if (!isGood) throw new NeedsImage();
  }
}
function cursorFor(screen, cursors) {
  const { section } = screen;
  const known3 = cursors.find((c) => c.section === section);
  if (known3 !== void 0) return known3;
  if (!screen.isCode) throw new NeedsImage();
  const [at, end] = screen.relocations(section);
  const made = { section, text: screen.wordAt(section), first: at, at, end, before: -1, mcount: -1 };
  cursors.push(made);
  return made;
}
function advance(words2, cursor, offset) {
  const { first, end } = cursor;
  let { at } = cursor;
  let last = at > first ? words2[at - RELA_WORDS2] : 0;
  while (at < end && words2[at] < offset) {
    if (words2[at] < last) return false;
    last = words2[at];
    at += RELA_WORDS2;
  }
  cursor.at = at;
  return true;
}
function isCall(screen, cursor, offset) {
  const { words: words2 } = screen;
  const word2 = cursor.text + offset / 4;
  if (!isBranchAndLink(words2[word2]) || words2[word2 - 1] !== MFLR_R0 && words2[word2 - 1] !== STD_R0_16_R1) return false;
  if (!advance(words2, cursor, offset)) return false;
  const { at, end, first } = cursor;
  if (at >= end || words2[at] !== offset || words2[at + 2] !== R_PPC64_REL24) return false;
  if (at > first && words2[at - RELA_WORDS2] > offset - 8) return false;
  if (at + RELA_WORDS2 < end && words2[at + RELA_WORDS2] < offset + 4) return false;
  return (words2[at + 4] | words2[at + 5]) === 0 && isMcount(screen, cursor, words2[at + 3]);
}
function isMcount(screen, cursor, symbol2) {
  if (cursor.mcount === symbol2) return true;
  if (!screen.isImport(symbol2) || !screen.hasName(symbol2, MCOUNT)) return false;
  cursor.mcount = symbol2;
  return true;
}
function isNops(screen, cursor, offset, nops) {
  const { words: words2 } = screen;
  const word2 = cursor.text + offset / 4;
  for (let i = 0; i < nops; i++) if (words2[word2 + i] !== NOP) return false;
  if (!advance(words2, cursor, offset - 7)) return false;
  for (let { at } = cursor; at < cursor.end && words2[at] < offset + nops * 4; at += RELA_WORDS2) {
    if (words2[at] >= offset || DOUBLEWORDS.has(words2[at + 2])) return false;
    if (words2[at + 2] === R_PPC64_REL24 && screen.isImport(words2[at + 3])) return false;
  }
  return true;
}

// src/loader/tracer-sites.ts
var STUB_MAGIC = 1937012066;
var STUB_MAGIC_OFFSET = 28n;
var STUB_TARGET_OFFSET = 32n;
var SKIP_ONE = 1207959560;
var TracerSites = class {
  #state;
  #memory;
  #mcount;
  /** Out-of-line stubs that were handed out (`ool_stub_index`). */
  #outOfLine = 0;
  constructor(state, memory) {
    this.#state = state;
    this.#memory = memory;
    this.#mcount = kernelAddress(state, "_mcount");
  }
  /** `ftrace_call_adjust()`: the address that the tracer keeps for a recorded one. */
  adjust(address2) {
    const { patchableFunctionEntry, ftraceOutOfLine, ftraceCallOps } = this.#state.kernel.options;
    if (!patchableFunctionEntry || ftraceOutOfLine) return address2;
    return BigInt.asUintN(64, address2 + (ftraceCallOps ? 8n : 4n));
  }
  /** @returns what went wrong, after the messages about it */
  initialise(ip) {
    return this.#state.rules.tracerReadsTargets ? this.#makeNop(ip) : this.#initNop(ip);
  }
  #print(text2) {
    this.#state.print("err", `ftrace-powerpc: ${text2}`);
  }
  /** The instruction as the kernel prints it: a prefixed one is a 64-bit number, suffix first. */
  #shown(ip, word2) {
    if (word2 >>> 26 !== 1) return instruction(word2);
    return (this.#memory.word(ip + 4n) ?? 0).toString(16) + instruction(word2);
  }
  /** A word of memory; none outside the module, where the twin takes nothing for readable. */
  #read(ip) {
    const word2 = this.#memory.word(ip);
    if (word2 === void 0 && isKernelText(this.#state, ip)) {
      this.#state.dangerous = true;
      this.#state.unknown.push(`what the kernel has at 0x${ip.toString(16)}, which a tracer record names`);
    }
    return word2;
  }
  // Up to 6.5.
  #makeNop(ip) {
    const { mprofileKernel } = this.#state.kernel.options;
    if (this.#mcount !== void 0 && reaches(ip, this.#mcount)) return this.#replaceNearCall(ip, this.#mcount);
    const word2 = this.#read(ip);
    if (word2 === void 0) return this.#fail("EFAULT", "Fetching opcode failed.");
    if (!isBranchAndLink(word2)) return this.#fail("EINVAL", `Not expected bl: opcode is ${this.#shown(ip, word2)}`);
    const target = this.#stubTarget(branchTarget(ip, word2));
    if (target === void 0) return this.#fail("EFAULT", "Failed to get trampoline target");
    if (target !== this.#mcount)
      return this.#fail(
        "EINVAL",
        `addr ${target.toString(16)} does not match expected ${(this.#mcount ?? 0n).toString(16)}`
      );
    const wrong = mprofileKernel ? this.#checkBefore(ip) : this.#checkAfter(ip);
    if (wrong !== void 0) return wrong;
    this.#memory.setWord(ip, mprofileKernel ? NOP : SKIP_ONE);
    return void 0;
  }
  #replaceNearCall(ip, mcount) {
    const word2 = this.#read(ip);
    if (word2 === void 0) return "EFAULT";
    const call = branchWord(ip, mcount, true);
    if (word2 !== call)
      return this.#fail(
        "EINVAL",
        `(____ptrval____): replaced (${this.#shown(ip, word2)}) != old (${instruction(call)})`
      );
    this.#memory.setWord(ip, NOP);
    return void 0;
  }
  /** `module_trampoline_target()` */
  #stubTarget(stub) {
    const { name } = this.#state;
    const say = (text2) => this.#state.print("err", `module_64: module_trampoline_target: ${text2}`);
    const at = stub.toString(16);
    if (!this.#memory.isCore(stub)) {
      say(`stub ${at} not in module ${name}`);
      return void 0;
    }
    if (this.#memory.word(stub + STUB_MAGIC_OFFSET) !== STUB_MAGIC) {
      say(`bad magic for stub ${at} for ${name}`);
      return void 0;
    }
    const target = this.#memory.doubleword(stub + STUB_TARGET_OFFSET);
    if (target === void 0) say(`fault reading funcdata for stub ${at} for ${name}`);
    return target;
  }
  #checkBefore(ip) {
    const before = this.#read(ip - 4n);
    if (before === void 0) return this.#fail("EFAULT", `Fetching instruction at ${(ip - 4n).toString(16)} failed.`);
    if (before === MFLR_R0 || before === STD_R0_16_R1) return void 0;
    return this.#fail("EINVAL", `Unexpected instruction ${this.#shown(ip - 4n, before)} around bl _mcount`);
  }
  #checkAfter(ip) {
    const after = this.#read(ip + 4n);
    if (after === void 0) return this.#fail("EFAULT", "Fetching op failed.");
    if (after === LD_R2_24_R1) return void 0;
    return this.#fail("EINVAL", `Expected ${instruction(LD_R2_24_R1)} found ${this.#shown(ip + 4n, after)}`);
  }
  #fail(errno, text2) {
    this.#print(text2);
    return errno;
  }
  // From 6.6 on.
  #initNop(ip) {
    const { patchableFunctionEntry, ftraceOutOfLine, ftraceCallOps, mprofileKernel } = this.#state.kernel.options;
    let wrong = "EINVAL";
    if (patchableFunctionEntry) {
      wrong = ftraceOutOfLine ? void 0 : this.#validate(ip - 4n, NOP);
      wrong ??= this.#validate(ip, NOP);
    } else if (mprofileKernel) wrong = this.#validateBefore(ip);
    if (wrong !== void 0) return wrong;
    if (ftraceOutOfLine) wrong = this.#outOfLineStub(ip);
    else if (patchableFunctionEntry) wrong = this.#modify(ip - 4n, NOP, MFLR_R0);
    else wrong = this.#dropCall(ip);
    if (wrong === void 0 && ftraceCallOps) wrong = this.#setOps(ip);
    return wrong;
  }
  #validateBefore(ip) {
    const before = this.#fetch(ip - 4n);
    if (before === void 0) return "EFAULT";
    if (before === MFLR_R0) return void 0;
    const wrong = this.#validate(ip - 8n, MFLR_R0);
    if (this.#state.rules.tracerDropsLinkSave) return wrong ?? this.#modify(ip - 4n, STD_R0_16_R1, NOP);
    const second = this.#validate(ip - 4n, STD_R0_16_R1);
    return wrong ?? second;
  }
  #fetch(ip) {
    const word2 = this.#read(ip);
    if (word2 === void 0) this.#print(`0x${ip.toString(16)}: fetching instruction failed`);
    return word2;
  }
  #validate(ip, expected) {
    const word2 = this.#fetch(ip);
    if (word2 === void 0) return "EFAULT";
    if (word2 === expected) return void 0;
    this.#print(`0x${ip.toString(16)}: expected (${instruction(expected)}) != found (${this.#shown(ip, word2)})`);
    return "EINVAL";
  }
  #modify(ip, before, after) {
    const wrong = this.#validate(ip, before);
    if (wrong === void 0) this.#memory.setWord(ip, after);
    return wrong;
  }
  #dropCall(ip) {
    if (this.#mcount !== void 0 && reaches(ip, this.#mcount))
      return this.#modify(ip, branchWord(ip, this.#mcount, true), NOP);
    const word2 = this.#fetch(ip);
    if (word2 === void 0) return "EFAULT";
    if (!isBranchAndLink(word2))
      return this.#fail("EINVAL", `0x${ip.toString(16)}: expected (bl) != found (${this.#shown(ip, word2)})`);
    this.#memory.setWord(ip, NOP);
    return void 0;
  }
  /** First instruction of the stub that was handed out last. */
  #stub() {
    const { ftraceCallOps } = this.#state.kernel.options;
    const { arch, index: index2 } = this.#state;
    const first = this.#memory.addressOf(index2.stubs) + BigInt(arch.outOfLineOffset);
    const at = first + BigInt((this.#outOfLine - 1) * outOfLineStubSize(ftraceCallOps));
    return ftraceCallOps ? at + 8n : at;
  }
  /** `ftrace_init_ool_stub()`: mflr r0; bl ftrace_caller's stub; mtlr r0; b behind the place. */
  #outOfLineStub(ip) {
    const { arch } = this.#state;
    this.#outOfLine++;
    if (this.#outOfLine > arch.outOfLineCount) return "EINVAL";
    const stub = this.#stub();
    const back = branchWord(stub + 12n, ip + 4n, false);
    if (!reaches(stub, ip) || back === void 0) {
      this.#print("ftrace_init_ool_stub: ftrace ool stub out of range ((____ptrval____) -> (____ptrval____)).");
      return "EINVAL";
    }
    const call = branchWord(stub + 4n, arch.tramp, true);
    if (call === void 0) return "EINVAL";
    for (const [i, word2] of [MFLR_R0, call, MTLR_R0, back].entries()) this.#memory.setWord(stub + BigInt(i * 4), word2);
    this.#state.stubs.push({ address: stub, target: ip, kind: "out-of-line", name: "ftrace_caller" });
    return void 0;
  }
  /** `ftrace_rec_set_nop_ops()`: the pointer in front of the stub, or in front of the place. */
  #setOps(ip) {
    const { ftraceOutOfLine } = this.#state.kernel.options;
    const at = ftraceOutOfLine ? this.#stub() - 8n : ip - 12n;
    if ((at & 7n) !== 0n) return "EINVAL";
    const ops = kernelAddress(this.#state, "ftrace_nop_ops");
    if (ops !== void 0) this.#memory.setDoubleword(at, ops);
    else {
      const spot = this.#memory.find(at, 8);
      const reason = "the address of ftrace_nop_ops is not known of this kernel";
      if (spot !== void 0) this.#state.exclude(spot.section, { offset: spot.offset, length: 8, reason });
    }
    return void 0;
  }
};

// src/loader/tracer.ts
var MCOUNT_LOC = knownName("__mcount_loc");
var PATCHABLE2 = knownName("__patchable_function_entries");
var RECORD2 = 8;
var FLAGS2 = "2000000";
var WORDS4 = {
  EINVAL: "ftrace failed to modify ",
  EFAULT: "ftrace faulted on modifying ",
  EPERM: "ftrace faulted on writing "
};
function tracerTableOf(state) {
  const { dynamicFtrace, patchableFunctionEntry } = state.kernel.options;
  if (!dynamicFtrace) return 0;
  const section = findAllocated(state, patchableFunctionEntry ? PATCHABLE2 : MCOUNT_LOC);
  return state.headers.size[section] < RECORD2 ? 0 : section;
}
function tracerModuleInit(state) {
  const table2 = tracerTableOf(state);
  if (table2 === 0) return;
  if (!state.arch.exact) {
    screenRecords(state, table2, state.screenedRegions);
    return;
  }
  const memory = new ModuleMemory(state);
  const sites = new TracerSites(state, memory);
  for (const recorded of sortedRecords(memory, table2)) {
    if (recorded === 0n) continue;
    const ip = sites.adjust(recorded);
    remarkOnPlace(state, memory, ip);
    const errno = sites.initialise(ip);
    if (errno === void 0) continue;
    tracerBug(state, memory, ip, errno);
    return;
  }
}
function sortedRecords(memory, table2) {
  const view = memory.view(table2);
  const records = new BigUint64Array(Math.floor(view.byteLength / RECORD2));
  for (let i = 0; i < records.length; i++) records[i] = view.getBigUint64(i * RECORD2, true);
  records.sort();
  for (let i = 0; i < records.length; i++) view.setBigUint64(i * RECORD2, records[i], true);
  return records;
}
function remarkOnPlace(state, memory, ip) {
  const spot = memory.find(ip, 4);
  if (spot === void 0 || !memory.isCode(spot)) {
    state.remark({
      code: "FTR203",
      level: "error",
      message: `a tracer record names 0x${ip.toString(16)}, which is not in the module's code`,
      ...spot === void 0 ? {} : { section: memory.name(spot.section), offset: spot.offset }
    });
    return;
  }
  const region = state.fixupRegions.find((r) => ip >= r.start && ip < r.end);
  if (region === void 0) return;
  state.remark({
    code: "FTR204",
    level: "warning",
    message: `the tracer's place lies in code that the loader may rewrite (${region.table})`,
    section: memory.name(spot.section),
    offset: spot.offset
  });
}
function tracerBug(state, memory, ip, errno) {
  const info = (text2) => state.print("info", text2);
  const rest = (text2) => state.print("warning", text2);
  info("------------[ ftrace bug ]------------");
  info(WORDS4[errno]);
  info(`[<${pointer(ip)}>] 0x${ip.toString(16)}`);
  if (errno === "EINVAL") rest(` actual:   ${shownBytes(memory, ip)}`);
  info("Initializing ftrace call sites");
  info(`ftrace record flags: ${FLAGS2}`);
  const marks = state.rules.tracerReadsTargets ? "  " : "    ";
  const tramp = (kernelAddress(state, "ftrace_caller") ?? 0n).toString(16);
  rest(` (0)${marks}
 expected tramp: ${tramp}`);
  rest("------------[ cut here ]------------");
  const spot = memory.find(ip, 4);
  state.remark({
    code: "FTR202",
    level: "error",
    message: "the tracer finds something unexpected at a recorded place and turns itself off for the whole machine",
    ...spot === void 0 ? {} : { section: memory.name(spot.section), offset: spot.offset }
  });
}
function shownBytes(memory, ip) {
  const spot = memory.find(ip, 4);
  if (spot === void 0) return `[FAULT] ${pointer(ip)}`;
  const view = memory.view(spot.section);
  return [0, 1, 2, 3].map(
    (i) => view.getUint8(spot.offset + i).toString(16).padStart(2, "0")
  ).join(":");
}

// src/loader/validity.ts
init_constants();

// src/loader/modinfo.ts
var TAGS = [
  "name",
  "vermagic",
  "intree",
  "staging",
  "livepatch",
  "license",
  "test",
  "version",
  "srcversion",
  "import_ns"
];
var byFirst = new Array(256).fill(void 0);
for (const tag of TAGS) {
  const bytes = Uint8Array.from(`${tag}=`, (c) => c.charCodeAt(0));
  byFirst[bytes[0]] = [...byFirst[bytes[0]] ?? [], { tag, bytes }];
}
var Modinfo = class {
  /** Where values begin, bytes from the file's start; for each tag the first. */
  #first = /* @__PURE__ */ new Map();
  #imports = [];
  #file;
  /** Bytes from the file's start: one past the section. */
  #end;
  /** @param offset of the section, bytes from the file's start; a section outside the file has no entries */
  constructor(file, offset, size) {
    this.#file = file;
    const end = Math.min(offset + size, file.length);
    this.#end = offset + size;
    for (let at = offset; at < file.length; ) {
      const candidates = byFirst[file[at]];
      if (candidates !== void 0) this.#note(at, candidates);
      while (at < end && file[at] !== 0) at++;
      while (at < end && file[at] === 0) at++;
      if (at >= end) break;
    }
  }
  #note(at, candidates) {
    for (const { tag, bytes } of candidates) {
      if (!startsWith(this.#file, at, bytes)) continue;
      const value = at + bytes.length;
      if (!this.#first.has(tag)) this.#first.set(tag, value);
      if (tag === "import_ns") this.#imports.push(value);
      return;
    }
  }
  has(tag) {
    return this.#first.has(tag);
  }
  /** The first value of `tag`. */
  get(tag) {
    const at = this.#first.get(tag);
    return at === void 0 ? void 0 : textAt2(this.#file, at);
  }
  /**
   * Whether the kernel, asked for what follows the last import of a namespace, runs on behind the section: it counts what is left
   * from that value on, and a value that begins behind the end leaves less than nothing (`get_next_modinfo`).
   */
  get runsAway() {
    return this.#imports.some((value) => value > this.#end);
  }
  /** Namespaces that the module imports. */
  importedNamespaces() {
    return this.#imports.map((at) => textAt2(this.#file, at));
  }
};
function startsWith(file, at, bytes) {
  for (let i = 1; i < bytes.length; i++) if (file[at + i] !== bytes[i]) return false;
  return true;
}

// src/loader/validity.ts
var MODINFO = knownName(".modinfo");
var THIS_MODULE2 = knownName(".gnu.linkonce.this_module");
var VERSIONS = knownName("__versions");
var PERCPU2 = knownName(".data..percpu");
var NAMELESS = "(missing .modinfo section or name field)";
var NAME_AT2 = 24;
var NAME_LENGTH = 56;
function elfValidity(state) {
  checkFileHeader(state);
  const { shoff, shnum, shstrndx } = checkHeaderTable(state);
  const headers = readHeaders(state, shoff, shnum);
  checkNameIndex(state, shstrndx, shnum);
  state.headers = headers;
  if (!fits(state, shstrndx)) state.refuse("ENOEXEC", `Invalid ELF section hdr(type ${headers.type[shstrndx]})`);
  checkNameTable(state, shstrndx);
  checkNullSection(
    state,
    headers.type[0],
    headers.size[0] === 0 && isZero(headers.addressLow[0], headers.addressHigh[0])
  );
  const nameTableSize = headers.size[shstrndx];
  for (let i = 1; i < shnum; i++) {
    const type = headers.type[i];
    if (type === SHT_NULL || type === SHT_NOBITS) continue;
    const link = headers.link[i];
    if (type === SHT_SYMTAB && (link === 0 || link >= shnum)) refuseLink(state, link);
    if (!fits(state, i)) refuseContents(state, i);
    if ((headers.flags[i] & SHF_ALLOC) !== 0 && headers.name[i] >= nameTableSize) refuseName(state, i);
  }
  nameSections(state);
  for (let i = 1; i < shnum; i++) if (headers.name[i] >= nameTableSize) warnOfName(state, i);
}
function checkFileHeader(state) {
  const { bytes, view, length } = state;
  if (length < EHDR_SIZE) state.refuse("ENOEXEC", `Invalid ELF header len ${length}`);
  if (view.getUint32(0, false) !== 2135247942) state.refuse("ENOEXEC", "Invalid ELF header magic: != \x7FELF");
  const type = view.getUint16(16, true);
  if (type !== ET_REL) state.refuse("ENOEXEC", `Invalid ELF header type: ${type} != ${ET_REL}`);
  const machine = view.getUint16(18, true);
  if (machine !== EM_PPC64) state.refuse("ENOEXEC", `Invalid architecture in ELF header: ${machine}`);
  if (state.rules.wantsAbi2 && (bytes[48] & 3) !== 2)
    state.refuse("ENOEXEC", `Invalid module architecture in ELF header: ${machine}`);
}
function checkHeaderTable(state) {
  const { view, length } = state;
  const shoff = read64(view, 40);
  const shnum = view.getUint16(60, true);
  if (view.getUint16(58, true) !== SHDR_SIZE) state.refuse("ENOEXEC", "Invalid ELF section header size");
  if (shoff >= length || shnum * SHDR_SIZE > length - shoff)
    state.refuse("ENOEXEC", "Invalid ELF section header overflow");
  return { shoff, shnum, shstrndx: view.getUint16(62, true) };
}
function checkNameIndex(state, index2, count) {
  if (index2 === 0 || index2 >= count)
    state.refuse("ENOEXEC", `Invalid ELF section name index: ${index2} || e_shstrndx (${index2}) >= e_shnum (${count})`);
}
function checkNameTable(state, index2) {
  const { headers, bytes } = state;
  const offset = headers.offset[index2];
  const size = headers.size[index2];
  if (size === 0) state.refuse("ENOEXEC", "empty section name table");
  if (bytes[offset + size - 1] !== 0)
    state.refuse("ENOEXEC", "ELF Spec violation: section name table isn't null terminated");
  state.sectionNames = offset;
}
function checkNullSection(state, type, isEmpty) {
  if (type !== SHT_NULL || !isEmpty)
    state.refuse("ENOEXEC", `ELF Spec violation: section 0 type(${type | 0})!=SH_NULL or non-zero len or addr`);
}
function fits(state, index2) {
  return state.headers.offset[index2] + state.headers.size[index2] <= state.length;
}
function refuseContents(state, i) {
  state.refuse("ENOEXEC", `Invalid ELF section in module (section ${i} type ${state.headers.type[i]})`);
}
function refuseName(state, i) {
  state.refuse("ENOEXEC", `Invalid ELF section name in module (section ${i} type ${state.headers.type[i]})`);
}
function refuseLink(state, link) {
  const shown = link | 0;
  state.refuse(
    "ENOEXEC",
    `Invalid ELF sh_link!=SHN_UNDEF(${shown}) or (sh_link(${shown}) >= hdr->e_shnum(${state.headers.count})`
  );
}
function warnOfName(state, i) {
  const at = state.sectionNames + state.headers.name[i];
  const message = `the name of section ${i} lies outside the section name table, and the kernel reads it unchecked`;
  if (stringEnd(state.bytes, at) >= state.bytes.length) state.danger("MOD001", message);
  else state.remark({ code: "MOD001", level: "warning", message });
}
function setupLoadInfo(state) {
  const { headers, index: index2 } = state;
  index2.modinfo = findAllocated(state, MODINFO);
  readModinfo(state);
  index2.symtab = headers.type.subarray(1).indexOf(SHT_SYMTAB) + 1;
  if (index2.symtab === 0) refuseStripped(state);
  index2.strtab = headers.link[index2.symtab];
  index2.thisModule = findAllocated(state, THIS_MODULE2);
  if (index2.thisModule === 0) state.refuse("ENOEXEC", `${nameOr(state)}: No module found in object`, "warning");
  checkModuleSize61(state);
  findNames(state);
  index2.versions = state.request.ignoreModversions === true ? 0 : findAllocated(state, VERSIONS);
  index2.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU2) : 0;
}
function cacheIndexes(state) {
  const { headers, index: index2 } = state;
  const counts = { modinfo: 0, thisModule: 0, symtab: 0 };
  for (let i = 1; i < headers.count; i++) {
    const type = headers.type[i];
    if (type === SHT_NULL || type === SHT_NOBITS) continue;
    if (type === SHT_SYMTAB) {
      counts.symtab++;
      index2.symtab = i;
    }
    if (headers.nameId[i] === THIS_MODULE2) {
      counts.thisModule++;
      index2.thisModule = i;
    } else if (headers.nameId[i] === MODINFO) {
      counts.modinfo++;
      index2.modinfo = i;
    }
  }
  if (counts.modinfo > 1) state.refuse("ENOEXEC", "Only one .modinfo section must exist.");
  readModinfo(state);
  if (counts.symtab !== 1) refuseStripped(state);
  index2.strtab = headers.link[index2.symtab];
  if (counts.thisModule !== 1)
    state.refuse("ENOEXEC", `module ${nameOr(state)}: Only one .gnu.linkonce.this_module section must exist.`);
  checkModuleSection(state, index2.thisModule);
  findNames(state);
  index2.versions = state.request.ignoreModversions === true ? 0 : findAllocated(state, VERSIONS);
  index2.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU2) : 0;
}
function checkModuleSection(state, i) {
  const { headers } = state;
  const refuse = (what) => state.refuse("ENOEXEC", `module ${nameOr(state)}: .gnu.linkonce.this_module ${what}`);
  if (headers.type[i] === SHT_NOBITS) refuse("section must have a size set");
  if ((headers.flags[i] & SHF_ALLOC) === 0) refuse("must occupy memory during process execution");
  if (headers.size[i] !== state.kernel.structures.moduleSize)
    refuse("section size must match the kernel's built struct module size at run time");
}
function checkModuleSize61(state) {
  const i = state.index.thisModule;
  const size = state.headers.size[i];
  const wanted = state.kernel.structures.moduleSize;
  if (size < wanted)
    state.danger(
      "MOD002",
      `.gnu.linkonce.this_module has ${size} bytes, and the kernel writes ${wanted} there without a check`,
      ".gnu.linkonce.this_module"
    );
  else if (state.headers.type[i] === SHT_NOBITS && !fits(state, i))
    state.danger("MOD002", "the kernel reads its struct module from outside the file", ".gnu.linkonce.this_module");
}
function readModinfo(state) {
  const { headers, index: index2 } = state;
  const i = index2.modinfo;
  if (!fits(state, i)) state.danger("MOD003", "the kernel reads .modinfo unchecked from outside the file", ".modinfo");
  state.modinfo = new Modinfo(state.bytes, headers.offset[i], headers.size[i]);
  state.infoName = (i === 0 ? void 0 : state.modinfo.get("name")) ?? "";
}
function refuseStripped(state) {
  state.refuse("ENOEXEC", `${nameOr(state)}: module has no symbols (stripped?)`, "warning");
}
function nameOr(state) {
  return state.modinfo.has("name") && state.index.modinfo !== 0 ? state.infoName : NAMELESS;
}
function checkStructModule(state, from, nameAt) {
  const size = Math.min(state.headers.size[state.index.thisModule], state.kernel.structures.moduleSize);
  const { bytes } = state;
  const count = Math.floor(Math.min(size, bytes.length - from) / 4);
  if (count <= 0) return;
  const isAligned = (bytes.byteOffset + from) % 4 === 0;
  const words2 = isAligned ? new Uint32Array(bytes.buffer, bytes.byteOffset + from, count) : new Uint32Array(bytes.slice(from, from + 4 * count).buffer);
  const nameFrom = nameAt - from >>> 2;
  const nameTo = nameFrom + (NAME_LENGTH >>> 2);
  for (let i = 0; i < count; i++) {
    if (words2[i] === 0 || i >= nameFrom && i < nameTo) continue;
    const section = ".gnu.linkonce.this_module";
    const message = `the struct module is set near byte ${4 * i}, and the kernel takes it for its own`;
    state.danger("MOD010", message, section);
    return;
  }
}
function findNames(state) {
  const { headers, index: index2, kernel: kernel2 } = state;
  const from = headers.offset[index2.thisModule];
  const at = from + (kernel2.structures.moduleFields.name ?? NAME_AT2);
  checkStructModule(state, from, at);
  state.name = textAt2(state.bytes, at);
  if (state.name.length >= NAME_LENGTH)
    state.danger("MOD004", `the module's name has no NUL in its ${NAME_LENGTH} bytes`, ".gnu.linkonce.this_module");
  if (!(index2.modinfo !== 0 && state.modinfo.has("name"))) state.infoName = state.name;
}
function isZero(low, high) {
  return (low | high) === 0;
}

// src/loader/validity-split.ts
init_constants();
var EXT_CRCS = knownName("__version_ext_crcs");
var EXT_NAMES = knownName("__version_ext_names");
function elfValiditySplit(state) {
  const nameTable = cacheHeaders(state);
  cacheSectionNames(state, nameTable);
  cacheModinfo(state);
  cacheThisModule(state);
  cacheSymbolTable(state);
  if (state.request.ignoreModversions !== true) cacheVersions(state);
  state.index.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU2) : 0;
  checkSymbolNames(state);
  findNames(state);
}
function cacheHeaders(state) {
  checkFileHeader(state);
  const { shoff, shnum, shstrndx } = checkHeaderTable(state);
  const first = firstHeader(state, shoff);
  checkNullSection(state, first.type, first.isEmpty);
  state.headers = readHeaders(state, shoff, shnum);
  for (let i = 1; i < shnum; i++) {
    const type = state.headers.type[i];
    if (type !== SHT_NULL && type !== SHT_NOBITS && !fits(state, i)) refuseContents(state, i);
  }
  return shstrndx;
}
function cacheSectionNames(state, nameTable) {
  const { headers } = state;
  checkNameIndex(state, nameTable, headers.count);
  const type = headers.type[nameTable];
  if (type !== SHT_STRTAB) state.refuse("ENOEXEC", `Invalid ELF section name table type: ${type}`);
  checkNameTable(state, nameTable);
  const size = headers.size[nameTable];
  for (let i = 0; i < headers.count; i++)
    if (headers.type[i] !== SHT_NULL && headers.name[i] >= size) refuseName(state, i);
  nameSections(state);
  for (let i = 1; i < headers.count; i++) if (headers.name[i] >= size) warnOfName(state, i);
}
function countSections(state, id) {
  const { nameId, count: total } = state.headers;
  let count = 0;
  let last = 0;
  for (let i = 1; i < total; i++)
    if (nameId[i] === id) {
      count++;
      last = i;
    }
  return { count, last };
}
function cacheModinfo(state) {
  const { count, last } = countSections(state, MODINFO);
  if (count > 1) state.refuse("ENOEXEC", "Only one .modinfo section must exist.");
  state.index.modinfo = last;
  readModinfo(state);
}
function cacheThisModule(state) {
  const { count, last } = countSections(state, THIS_MODULE2);
  if (count !== 1)
    state.refuse("ENOEXEC", `module ${nameOr(state)}: Exactly one .gnu.linkonce.this_module section must exist.`);
  checkModuleSection(state, last);
  state.index.thisModule = last;
}
function cacheSymbolTable(state) {
  const { headers, index: index2 } = state;
  let count = 0;
  for (let i = 1; i < headers.count; i++)
    if (headers.type[i] === SHT_SYMTAB) {
      count++;
      index2.symtab = i;
    }
  if (count !== 1) refuseStripped(state);
  const strings = headers.link[index2.symtab];
  if (strings === 0 || strings >= headers.count) refuseLink(state, strings);
  const type = headers.type[strings];
  if (type !== SHT_STRTAB) state.refuse("ENOEXEC", `Invalid ELF symbol string table type: ${type}`);
  index2.strtab = strings;
}
function cacheVersions(state) {
  const { index: index2, headers, bytes } = state;
  if (state.rules.extendedVersions) {
    const crcs = findAllocated(state, EXT_CRCS);
    const names3 = findAllocated(state, EXT_NAMES);
    if (crcs === 0 !== (names3 === 0)) state.refuse("ENOEXEC", "extended version crc+name presence does not match");
    let at = headers.offset[names3];
    const end = at + headers.size[names3];
    for (let left = crcs === 0 ? 0 : Math.floor(headers.size[crcs] / 4); left > 0; left--) {
      const nul = bytes.indexOf(0, at);
      if (nul < 0 || nul >= end) state.refuse("ENOEXEC", "more extended version crcs than names");
      at = nul + 1;
    }
    index2.extCrcs = crcs;
    index2.extNames = names3;
  }
  index2.versions = findAllocated(state, VERSIONS);
}
function checkSymbolNames(state) {
  const { headers, index: index2, bytes, view } = state;
  const offset = headers.offset[index2.strtab];
  const size = headers.size[index2.strtab];
  if (size === 0) state.refuse("ENOEXEC", "empty symbol string table");
  if (bytes[offset] !== 0) state.refuse("ENOEXEC", "symbol string table missing leading NUL");
  if (bytes[offset + size - 1] !== 0) state.refuse("ENOEXEC", "symbol string table isn't NUL terminated");
  const first = headers.offset[index2.symtab];
  const count = Math.floor(headers.size[index2.symtab] / SYM_SIZE);
  for (let i = 0, at = first; i < count; i++, at += SYM_SIZE)
    if (view.getUint32(at, true) >= size) state.refuse("ENOEXEC", "symbol name out of bounds in string table");
}

// src/loader/steps.ts
var VALIDITY = {
  plain: [
    ["elf_validity_check", elfValidity],
    ["setup_load_info", setupLoadInfo]
  ],
  cached: [
    ["elf_validity_cache_copy", elfValidity],
    ["elf_validity_cache_copy", cacheIndexes]
  ],
  split: [["elf_validity_cache_copy", elfValiditySplit]]
};
var BEFORE_LAYOUT = [
  ["blacklisted", checkBlacklist],
  ["rewrite_section_headers", rewriteSectionHeaders],
  ["check_modstruct_version", checkModstructVersion]
];
var LAYOUT2 = [
  ["module_frob_arch_sections", frobArchSections],
  ["module_frob_arch_sections", noteDedotted],
  ["module_enforce_rwx_sections", enforceRwxSections],
  ["layout_sections", layoutSections],
  ["move_module", moveModule],
  ["add_unformed_module", checkNotLoaded]
];
var TO_6_3 = [
  ...BEFORE_LAYOUT,
  ["check_modinfo", checkModinfo61],
  ...LAYOUT2,
  ["load_module", taintUnsigned],
  ["percpu_modalloc", percpuModalloc],
  ["find_module_sections", findModuleSections],
  ["check_module_license_and_versions", (state) => taintForName(state, state.taints.has("proprietary"))],
  ["check_module_license_and_versions", checkExportSections]
];
var FROM_6_4 = [
  ...BEFORE_LAYOUT,
  ["check_modinfo", checkModinfo],
  ["early_mod_check", checkNotLoaded],
  ...LAYOUT2,
  ["module_augment_kernel_taints", augmentKernelTaints],
  ["percpu_modalloc", percpuModalloc],
  ["find_module_sections", findModuleSections],
  ["check_export_symbol_sections", checkExportSections]
];
var REST = [
  ["setup_modinfo", setupModinfo],
  ["simplify_symbols", simplifySymbols],
  ["apply_relocations", applyRelocations],
  ["post_relocation", moduleFinalize],
  ["ftrace_module_init", tracerModuleInit],
  ["complete_formation", verifyExportedSymbols],
  ["complete_formation", checkModuleStructure],
  ["prepare_coming_module", livepatchComing],
  ["prepare_coming_module", moduleComing],
  ["prepare_coming_module", checkTypes],
  ["parse_args", parseArguments],
  ["mod_sysfs_setup", modSysfsSetup],
  ["klp_enable_patch", enableLivepatch]
];
var sequences = /* @__PURE__ */ new Map();
function sequence({ rules }) {
  const key = `${rules.validity} ${rules.earlyCheck}`;
  let steps2 = sequences.get(key);
  if (steps2 === void 0) {
    const middle = rules.earlyCheck ? FROM_6_4 : TO_6_3;
    steps2 = [["module_sig_check", moduleSigCheck], ...VALIDITY[rules.validity], ...middle, ...REST];
    sequences.set(key, steps2);
  }
  return steps2;
}
function rewriteSectionHeaders({ headers, index: index2 }) {
  for (const i of [index2.versions, index2.extCrcs, index2.extNames, index2.modinfo])
    headers.flags[i] = headers.flags[i] & ~SHF_ALLOC;
}
function noteDedotted(state) {
  state.dedotted = !state.kernel.options.pcrel;
}

// src/loader/load.ts
function loadModule(request) {
  const checked = new LoadState(request, rulesFor(request.kernel));
  const answer = run(checked);
  if (answer !== "image needed") return outcomeOf(checked, answer);
  const state = new LoadState({ ...request, checkOnly: false }, rulesFor(request.kernel));
  const errno = run(state);
  if (errno === "image needed") throw new Error(`${state.step} asks for the image that it has`);
  return outcomeOf(state, errno, false);
}
function outcomeOf(state, errno, withImage = state.request.checkOnly !== true) {
  return {
    loads: errno === void 0,
    ...errno !== void 0 && { errno: { name: errno, number: ERRNO[errno] }, step: state.step },
    log: state.log,
    remarks: state.remarks,
    dangerous: state.dangerous,
    unknown: state.unknown,
    taints: state.taints,
    ...errno === void 0 && withImage && { image: loadedImage(state) },
    exports: state.exports,
    ...errno === void 0 && state.livepatched && { livepatch: state.livepatched },
    ...state.changed.size > 0 && { changedLivepatches: state.changed },
    uses: state.uses,
    gplCompatible: state.gplCompatible,
    name: state.name === "" ? state.infoName : state.name
  };
}
function run(state) {
  if (state.bytes.length === 0) return "EINVAL";
  try {
    for (const [name, step] of sequence(state)) {
      state.step = name;
      step(state);
    }
  } catch (refusal) {
    if (refusal instanceof NeedsImage) return "image needed";
    if (!(refusal instanceof KernelRefusal)) throw refusal;
    return refusal.errno;
  }
  return void 0;
}

// src/verify/proof/module-image.ts
init_constants();
init_btf();

// src/ppc64/entry-points.ts
function localEntryBits(stOther) {
  return stOther >>> 5 & 7;
}
function localEntryOffset2(stOther) {
  return 1 << localEntryBits(stOther) >> 2 << 2;
}

// src/prove/values.ts
var UNKNOWN = 0;
var CLOBBERED = 1;
var FOREIGN = 2;
var ENTRY3 = 16;
var LR = 32;
var CTR = 33;
var CR2 = 34;
var CR4 = 36;
var PLACES = 37;
var UNIT = 2 ** 28;
var HALF = UNIT / 2;
var LIMIT2 = 2 ** 27;
var STACK = 1;
var ADDRESS2 = 2;
var NUMBER = 3;
var EXTERNAL = 4;
var TABLE = 5;
var LABEL = 6;
var SAVED = 7;
var RAW = -1;
function entry(place) {
  return ENTRY3 + place;
}
function entryOf(value) {
  return value >= ENTRY3 && value < ENTRY3 + PLACES ? value - ENTRY3 : -1;
}
function kindOf2(value) {
  return value + HALF >> 28;
}
function payloadOf(value) {
  return value - kindOf2(value) * UNIT;
}
function make(kind, payload) {
  return payload > -LIMIT2 && payload < LIMIT2 ? kind * UNIT + payload | 0 : UNKNOWN;
}
var stack = (offset) => make(STACK, offset);
var address = (offset) => make(ADDRESS2, offset);
var number = (value) => make(NUMBER, value);
var external = (index2) => make(EXTERNAL, index2);
var table = (offset) => make(TABLE, offset);
var raw = (offset) => make(RAW, offset);
var label = (offset) => make(LABEL, offset);
var saved = (mask2) => make(SAVED, mask2);
function isStack(value) {
  return value > UNIT - HALF && value < UNIT + HALF;
}
function isAddress(value) {
  return value > 2 * UNIT - HALF && value < 2 * UNIT + HALF;
}
function isNumber(value) {
  return value > 3 * UNIT - HALF && value < 3 * UNIT + HALF;
}
function stackOffset(value) {
  return value - UNIT;
}
function addressOffset(value) {
  return value - 2 * UNIT;
}
function numberOf(value) {
  return value - 3 * UNIT;
}
function plus(value, constant) {
  const kind = kindOf2(value);
  if (kind === 0) return constant === 0 ? value : UNKNOWN;
  if (kind < STACK || kind > NUMBER) return constant === 0 ? value : UNKNOWN;
  return make(kind, value - kind * UNIT + constant);
}
function sum(a, b) {
  const left = kindOf2(a);
  const right = kindOf2(b);
  if (right === NUMBER) return plus(a, numberOf(b));
  if (left === NUMBER) return plus(b, numberOf(a));
  if (left === TABLE && right === ADDRESS2 && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  if (right === TABLE && left === ADDRESS2 && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  return UNKNOWN;
}
function difference(a, b) {
  const left = kindOf2(a);
  const right = kindOf2(b);
  if (left === NUMBER) return plus(b, -numberOf(a));
  if (left === right && (left === STACK || left === ADDRESS2)) return number(payloadOf(b) - payloadOf(a));
  return UNKNOWN;
}
var names = { [LR]: "LR", [CTR]: "CTR", 34: "CR2", 35: "CR3", 36: "CR4" };
function placeName(place) {
  return names[place] ?? `r${place}`;
}

// src/verify/proof/module-image.ts
init_errors();

// src/util/lazy.ts
function lazy(make2) {
  let made;
  return () => {
    made ??= { value: make2() };
    return made.value;
  };
}

// src/verify/proof/memory.ts
var TWO_327 = 4294967296;
var Memory = class {
  origin;
  sections;
  /** Words of code from the origin on. */
  code;
  /** Addresses outside of the object that constants hold; `external(i)` is the i-th. */
  externals = [];
  #externalAt = /* @__PURE__ */ new Map();
  #end;
  #start;
  /** @param sections by ascending offset, without overlaps */
  constructor(origin, sections2) {
    this.origin = origin;
    this.sections = sections2;
    let end = 0;
    let first = 0;
    let last = 0;
    for (const s of sections2) {
      if (s.isCode) end = Math.max(end, s.offset + s.bytes.length);
      first = Math.min(first, s.offset);
      last = Math.max(last, s.offset + s.size);
    }
    this.#start = first;
    this.#end = last;
    this.code = new Uint32Array((end >> 2) + 1);
    const bytes = new Uint8Array(this.code.buffer);
    for (const s of sections2) if (s.isCode) bytes.set(s.bytes.subarray(0, s.bytes.length & ~3), s.offset);
  }
  sectionAt(offset) {
    const { sections: sections2 } = this;
    let low = 0;
    let high = sections2.length;
    while (low < high) {
      const middle = low + high >>> 1;
      if (sections2[middle].offset <= offset) low = middle + 1;
      else high = middle;
    }
    for (let i = low - 1; i >= 0 && i >= low - 8; i--) {
      const section = sections2[i];
      if (offset < section.offset + section.size) return section;
    }
    return void 0;
  }
  /** Section and bytes from its start; the bare offset outside of all sections. */
  locate(offset) {
    const section = this.sectionAt(offset);
    return section === void 0 ? { section: "", offset } : { section: section.name, offset: offset - section.offset };
  }
  /** The 32-bit word at a place, signed; `undefined` outside of all contents. */
  word(offset) {
    const section = this.sectionAt(offset);
    if (section === void 0) return void 0;
    const at = offset - section.offset;
    if (at + 4 > section.bytes.length) return void 0;
    const { bytes } = section;
    return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
  }
  /** The doubleword at a place as the lattice has it, if nothing can change it. */
  constant(offset) {
    const section = this.sectionAt(offset);
    if (section === void 0 || !section.isConstant) return UNKNOWN;
    const low = this.word(offset);
    const high = this.word(offset + 4);
    return low === void 0 || high === void 0 ? UNKNOWN : this.value(low >>> 0, high);
  }
  /** A 64-bit number as the lattice has it. `high` is signed. */
  value(low, high) {
    if (high === 0 || high === -1) return number(high * TWO_327 + low);
    const absolute2 = BigInt(high >>> 0) << 32n | BigInt(low);
    const distance = absolute2 - this.origin;
    if (distance >= BigInt(this.#start) && distance < BigInt(this.#end)) return address(Number(distance));
    let index2 = this.#externalAt.get(absolute2);
    if (index2 === void 0) {
      index2 = this.externals.length;
      this.externals.push(absolute2);
      this.#externalAt.set(absolute2, index2);
    }
    return external(index2);
  }
};

// src/prove/subject.ts
var CODE = 1;
var GLOBAL = 2;
var LOCAL = 4;
var STUB = 8;
var SITE = 16;
var EXTRA = 32;
var LEADER = 64;

// src/verify/proof/edges.ts
var NOP6 = 1610612736;
var WARNING = 1;
function extraEdges(memory, tables) {
  const edges = /* @__PURE__ */ new Map();
  const add = (at, edge) => {
    const list = edges.get(at);
    if (list === void 0) edges.set(at, [edge]);
    else list.push(edge);
  };
  const fixups = /* @__PURE__ */ new Set();
  const each = (kind, visit) => {
    for (const table2 of tables)
      if (table2.kind === kind)
        for (let at = 0; at + table2.entrySize <= table2.size; at += table2.entrySize) visit(table2.offset + at);
  };
  const pointer2 = (at) => {
    const distance = memory.word(at);
    return distance === void 0 ? Number.NaN : at + distance;
  };
  each("exception", (entry2) => {
    const from = pointer2(entry2);
    const target = pointer2(entry2 + 4);
    if (isTrap(memory, from)) {
      fixups.add(from);
      add(from, { kind: "fixup", target });
    } else if (!Number.isNaN(from) && !Number.isNaN(target)) add(from, { kind: "also", target });
  });
  each("bug", (entry2) => {
    const from = pointer2(entry2);
    const flags = memory.word(entry2 + 8);
    if (Number.isNaN(from) || flags === void 0 || fixups.has(from)) return;
    const returns = (flags >>> 16 & WARNING) !== 0 || !isUnconditional(memory, from);
    add(from, { kind: returns ? "pass" : "stop", target: from });
  });
  for (const at of fixups) if (!isUnconditional(memory, at)) add(at, { kind: "next", target: at + 4 });
  each("jump label", (entry2) => {
    const from = pointer2(entry2);
    const target = pointer2(entry2 + 4);
    if (Number.isNaN(from) || Number.isNaN(target)) return;
    if (memory.word(from) === (NOP6 | 0)) add(from, { kind: "also", target });
    else add(from, { kind: "next", target: from + 4 });
  });
  each("feature", (entry2) => {
    const field2 = (at) => {
      const low = memory.word(entry2 + at);
      const high = memory.word(entry2 + at + 4);
      return low === void 0 || high === void 0 ? Number.NaN : entry2 + high * 4294967296 + (low >>> 0);
    };
    const [start, end, alternative, alternativeEnd] = [field2(16), field2(24), field2(32), field2(40)];
    if (Number.isNaN(start) || !(end > start)) return;
    if (alternativeEnd > alternative) {
      add(start, { kind: "also", target: alternative });
      add(alternativeEnd, { kind: "instead", target: end });
    } else add(start, { kind: "also", target: end });
  });
  return edges;
}
function isTrap(memory, at) {
  if (Number.isNaN(at)) return false;
  const word2 = memory.word(at);
  if (word2 === void 0) return false;
  const opcode = word2 >>> 26;
  const extended = word2 >>> 1 & 1023;
  return opcode === 2 || opcode === 3 || opcode === 31 && (extended === 4 || extended === 68);
}
function isUnconditional(memory, at) {
  const word2 = memory.word(at);
  return word2 !== void 0 && (word2 >>> 21 & 31) === 31;
}

// src/verify/proof/hand-written.ts
function handWritten(parts) {
  const { memory, functions, sites } = parts;
  const assembly = new Uint8Array(functions.length);
  const sorted = Int32Array.from(sites).sort();
  let next = 0;
  for (let i = 0; i < functions.length; i++) {
    const f = functions[i];
    if (f.isSizeless) {
      assembly[i] = 1;
      continue;
    }
    while (next < sorted.length && sorted[next] < f.global) next++;
    const hasSite = next < sorted.length && sorted[next] < f.end;
    if (hasSite || sorted.length === 0 || hasTracerPlace(memory, f)) continue;
    assembly[i] = isTyped(parts.typedFunctions()?.get(f.name), f.entryCode) ? 0 : 1;
  }
  return assembly;
}
function isTyped(typed, entryCode) {
  return typed === true || entryCode >= 2;
}
function hasTracerPlace({ code }, { local }) {
  const first = code[local >> 2];
  const place = first === MFLR_R0 ? code[(local >> 2) + 1] : first;
  return place === NOP || place >>> 26 === 18;
}

// src/verify/proof/no-return.ts
var names2 = /* @__PURE__ */ new Set([
  "__stack_chk_fail",
  "__fortify_panic",
  "fortify_panic",
  "usercopy_abort",
  "panic",
  "vpanic",
  "nmi_panic",
  "do_exit",
  "do_group_exit",
  "do_task_dead",
  "make_task_dead",
  "rewind_stack_and_make_dead",
  "kthread_exit",
  "kthread_complete_and_exit",
  "__module_put_and_kthread_exit",
  "__kunit_abort",
  "__ubsan_handle_builtin_unreachable",
  "__reiserfs_panic",
  "arch_cpu_idle_dead",
  "cpu_startup_entry",
  "start_secondary_resume",
  "vfs_panic",
  "abort",
  "longjmp",
  "hmt_exit",
  "machine_real_restart",
  "mpt_halt_firmware",
  "panic_smp_self_stop",
  "nmi_panic_self_stop",
  "rest_init",
  "start_kernel",
  "prom_exit",
  "prom_panic",
  "enter_rtas_loop",
  "unrecoverable_exception",
  "rtas_os_term_panic",
  "opal_shutdown_loop",
  "__noreturn_panic"
]);
function neverReturns(name) {
  return names2.has(name);
}

// src/verify/proof/subject.ts
var PART = /\.cold(\.\d+)?$/;
function proofSubject(parts) {
  const { memory, functions: list } = parts;
  const functions = functionTable(list, handWritten(parts));
  const marks = new Uint8Array(memory.code.length);
  for (const s of memory.sections)
    if (s.isCode) marks.fill(CODE, s.offset >> 2, s.offset + (s.bytes.length & ~3) >> 2);
  for (const [from, to] of parts.stubs) for (let at = from >> 2; at < to >> 2; at++) marks[at] |= STUB;
  const isCode = (at) => at >= 0 && at % 4 === 0 && at >> 2 < marks.length && (marks[at >> 2] & CODE) !== 0;
  for (const f of list) {
    marks[f.global >> 2] |= GLOBAL;
    marks[f.local >> 2] |= LOCAL;
  }
  for (const at of parts.sites) if (isCode(at)) marks[at >> 2] |= SITE;
  const edges = extraEdges(memory, parts.tables);
  for (const [at, list2] of edges) if (isCode(at) || list2.some((e) => e.kind === "instead")) marks[at >> 2] |= EXTRA;
  const names3 = /* @__PURE__ */ new Map();
  for (const f of list) names3.set(f.global, f.name);
  const splitOff = list.filter((f) => PART.test(f.name));
  const externalNames = /* @__PURE__ */ new Map();
  const nameOf = (value) => {
    const payload = payloadOf(value);
    if (kindOf2(value) === ADDRESS2) {
      const name2 = names3.get(payload);
      if (name2 !== void 0) return name2;
      const stub = parts.stubName(payload);
      return stub === void 0 ? placeName2(list, payload) : `stub of ${stub}`;
    }
    if (kindOf2(value) !== EXTERNAL) return "";
    let name = externalNames.get(payload);
    if (name === void 0) {
      const at = memory.externals[payload];
      name = parts.externalName(at) ?? `0x${at.toString(16)}`;
      externalNames.set(payload, name);
    }
    return name;
  };
  const noReturns = /* @__PURE__ */ new Map();
  return {
    code: memory.code,
    marks,
    functions,
    toc: parts.toc,
    edges,
    constant: (offset) => memory.constant(offset),
    labels: (table2, index2, count) => jumpLabels(memory, isCode, list[index2], splitOff, table2, count),
    isImported: (value) => kindOf2(value) === EXTERNAL && parts.externalName(memory.externals[payloadOf(value)]) !== void 0,
    noReturn: (value) => {
      let known3 = noReturns.get(value);
      if (known3 === void 0) {
        known3 = (kindOf2(value) === EXTERNAL || parts.isKernel) && neverReturns(nameOf(value));
        noReturns.set(value, known3);
      }
      return known3;
    },
    parameters: (target) => parts.parametersAt?.(memory.externals[payloadOf(target)]),
    nameOf,
    isExposed: parts.isExposed,
    pacaToc: parts.pacaToc,
    lrIsSavedAtSite: parts.lrIsSavedAtSite
  };
}
function functionTable(list, assembly) {
  return {
    count: list.length,
    global: Int32Array.from(list, (f) => f.global),
    local: Int32Array.from(list, (f) => f.local),
    end: Int32Array.from(list, (f) => f.end),
    part: Uint8Array.from(list, (f) => PART.test(f.name) ? 1 : 0),
    entryCode: Uint8Array.from(list, (f) => f.entryCode),
    assembly,
    name: (index2) => list[index2].name
  };
}
function placeName2(list, offset) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (list[middle].global <= offset) low = middle + 1;
    else high = middle;
  }
  const f = list[low - 1];
  if (f === void 0 || offset >= f.end) return `+0x${offset.toString(16)}`;
  return offset === f.global ? f.name : `${f.name}+0x${(offset - f.global).toString(16)}`;
}
function jumpLabels(memory, isCode, f, splitOff, table2, count) {
  const labels = /* @__PURE__ */ new Set();
  let stop = Number.POSITIVE_INFINITY;
  let at = table2;
  for (; at < stop; at += 4) {
    const distance = memory.word(at);
    if (distance === void 0) break;
    const target = table2 + distance;
    if (!isCode(target)) break;
    if (!(target >= f.global && target < f.end) && !splitOff.some((p) => target >= p.global && target < p.end)) break;
    labels.add(target);
    if (target > at && target < stop) stop = target;
  }
  return labels.size === 0 || at < table2 + 4 * count ? void 0 : [...labels];
}

// src/verify/proof/module-image.ts
var MOST_SPAN = LIMIT2;
var NO_TOC = 0xffffffffffffffffn;
var CONSTANT = /^(\.toc|\.got|\.mygot|\.data\.rel\.ro)/;
var TABLES = {
  __ex_table: ["exception", 8],
  __bug_table: ["bug", 12],
  __jump_table: ["jump label", 16],
  __ftr_fixup: ["feature", 48],
  __mmu_ftr_fixup: ["feature", 48],
  __fw_ftr_fixup: ["feature", 48]
};
var RECORDS = /* @__PURE__ */ new Set(["__mcount_loc", "__patchable_function_entries"]);
function moduleSubject(image, parametersAt = () => void 0) {
  const loaded2 = image.sections.filter((s) => s.size > 0 && s.memory !== "percpu");
  const code = loaded2.filter((s) => (s.flags & SHF_EXECINSTR) !== 0 || ALTERNATIVE.test(s.name));
  const origin = code.reduce((a, s) => s.address < a ? s.address : a, code[0]?.address ?? image.toc);
  const sections2 = loaded2.map((s) => placed(s, origin)).sort((a, b) => a.offset - b.offset);
  const last = sections2.reduce((end, s) => s.isCode ? Math.max(end, s.offset + s.size) : end, 0);
  const toc = image.toc === NO_TOC ? void 0 : Number(image.toc - origin);
  const far = Math.max(last, Math.abs(toc ?? 0));
  if (far >= MOST_SPAN)
    throw new InputError({
      code: "PRV102",
      message: "the code of the module and its TOC lie too far apart to be one object",
      expected: `less than ${MOST_SPAN} bytes`,
      found: `${far}`,
      remedy: "check the addresses that were given for its sections"
    });
  const memory = new Memory(origin, sections2);
  const names3 = new Map(image.stubs.map((s) => [s.target, s.name]));
  const stubNames = lazy(() => new Map(image.stubs.map((s) => [Number(s.address - origin), s.name])));
  const sites = recordedSites(memory, sections2);
  const first = sites[0];
  const before = first === void 0 ? void 0 : memory.word(first - 4);
  const subject = proofSubject({
    memory,
    functions: placedFunctions(image, origin, memory),
    toc,
    stubs: sections2.filter((s) => s.name === ".stubs").map((s) => [s.offset, s.offset + s.size]),
    sites,
    tables: sections2.flatMap((s) => {
      const table2 = TABLES[s.name];
      return table2 === void 0 ? [] : [{ kind: table2[0], entrySize: table2[1], offset: s.offset, size: s.size }];
    }),
    pacaToc: void 0,
    isKernel: false,
    lrIsSavedAtSite: before !== void 0 && (before >>> 0 === MFLR_R0 || before >>> 0 === STD_R0_16_R1),
    externalName: (address2) => names3.get(address2),
    typedFunctions: typedFunctions(image),
    stubName: (offset) => stubNames().get(offset),
    isExposed: exposure(memory, sections2),
    parametersAt
  });
  return { subject, locate: (offset) => memory.locate(offset), origin };
}
function typedFunctions(image) {
  return lazy(() => {
    const part = (name) => image.sections.find((s) => s.name === name)?.bytes;
    const own = part(".BTF");
    const base = part(".BTF.base");
    return own && Btf.parse(own, base && Btf.parse(base))?.functions();
  });
}
var ALTERNATIVE = /^__ftr_alt/;
var CALLS_NOBODY = /* @__PURE__ */ new Set([".gnu.linkonce.this_module", ".symtab", ...RECORDS]);
function exposure(memory, sections2) {
  let known3;
  return (offset) => {
    if (known3 === void 0) {
      known3 = /* @__PURE__ */ new Set();
      for (const { name, isCode, bytes, offset: start } of sections2) {
        if (isCode || CALLS_NOBODY.has(name)) continue;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        for (let at = 8 - (start & 7) & 7; at + 8 <= bytes.length; at += 8) {
          const distance = view.getBigUint64(at, true) - memory.origin;
          if (distance >= 0n && distance < BigInt(MOST_SPAN)) known3.add(Number(distance));
        }
      }
    }
    return known3.has(offset);
  };
}
function placed(section, origin) {
  const isCode = (section.flags & SHF_EXECINSTR) !== 0 || ALTERNATIVE.test(section.name);
  return {
    name: section.name,
    offset: Number(section.address - origin),
    bytes: section.bytes,
    size: section.size,
    isCode,
    isConstant: isCode || (section.flags & SHF_WRITE) === 0 || CONSTANT.test(section.name)
  };
}
function recordedSites(memory, sections2) {
  const sites = [];
  for (const section of sections2) {
    if (!RECORDS.has(section.name)) continue;
    const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
    for (let at = 0; at + 8 <= section.bytes.length; at += 8) {
      const distance = view.getBigUint64(at, true) - memory.origin;
      if (distance >= 0n && distance < BigInt(MOST_SPAN)) sites.push(Number(distance));
    }
  }
  return sites;
}
function placedFunctions(image, origin, memory) {
  const found2 = /* @__PURE__ */ new Map();
  for (const symbol2 of image.symbols) {
    if ((symbol2.info & 15) !== STT_FUNC || symbol2.section === 0) continue;
    const global = Number(symbol2.address - origin);
    if (global < 0 || global % 4 !== 0 || memory.sectionAt(global)?.isCode !== true) continue;
    const known3 = found2.get(global);
    if (known3 !== void 0 && known3.size >= symbol2.size) continue;
    const entryCode = symbol2.other >>> 5;
    const local = global + localEntryOffset2(entryCode << 5);
    if (local >> 2 >= memory.code.length) continue;
    found2.set(global, {
      name: symbol2.name,
      global,
      local,
      end: global + symbol2.size,
      entryCode,
      isSizeless: symbol2.size === 0,
      size: symbol2.size
    });
  }
  const list = [...found2.values()].sort((a, b) => a.global - b.global);
  return list.map((f, i) => {
    if (f.size > 0) return f;
    const section = memory.sectionAt(f.global);
    const limit = section === void 0 ? f.global : section.offset + section.bytes.length;
    return { ...f, end: Math.min(list[i + 1]?.global ?? limit, limit) };
  });
}

// src/prove/state.ts
var MOST_SLOTS = 64;
var PROTECTED_ZONE = 288;
var State = class {
  /** Indexed by register number; LR, CTR and CR2 to CR4 behind the general registers. */
  places = new Int32Array(PLACES);
  slotOffset = new Int32Array(MOST_SLOTS);
  slotWidth = new Uint8Array(MOST_SLOTS);
  slotValue = new Int32Array(MOST_SLOTS);
  slots = 0;
  /** Bit n: CTR holds the same number as rn. */
  sameAsCtr = 0;
  /** Bit n: r12 holds the same number as rn. */
  sameAsR12 = 0;
  /** Bit n: since the last call, and since r1 last changed, something was stored into the doubleword at 32 + 8n(r1). */
  arguments = 0;
  /** Nothing is known but what the registers hold. */
  clear() {
    this.slots = 0;
    this.sameAsCtr = 0;
    this.sameAsR12 = 0;
    this.arguments = 0;
  }
  copyFrom(other) {
    const { places: places3 } = this;
    const from = other.places;
    for (let i = 0; i < PLACES; i++) places3[i] = from[i];
    const count = other.slots;
    for (let i = 0; i < count; i++) {
      this.slotOffset[i] = other.slotOffset[i];
      this.slotWidth[i] = other.slotWidth[i];
      this.slotValue[i] = other.slotValue[i];
    }
    this.slots = count;
    this.sameAsCtr = other.sameAsCtr;
    this.sameAsR12 = other.sameAsR12;
    this.arguments = other.arguments;
  }
  /** Joins `other` into this one; true if something known was lost. */
  join(other) {
    let changed = false;
    const { places: places3 } = this;
    const from = other.places;
    for (let i = 0; i < PLACES; i++) {
      const mine = places3[i];
      if (mine !== UNKNOWN && mine !== from[i]) {
        places3[i] = UNKNOWN;
        changed = true;
      }
    }
    for (let i = this.slots - 1; i >= 0; i--) {
      if (this.#isSlot(other, i) || other.load(this.slotOffset[i], this.slotWidth[i]) === this.slotValue[i])
        continue;
      this.#drop(i);
      changed = true;
    }
    const ctr = this.sameAsCtr & other.sameAsCtr;
    const r12 = this.sameAsR12 & other.sameAsR12;
    const put2 = this.arguments & other.arguments;
    if (ctr !== this.sameAsCtr || r12 !== this.sameAsR12 || put2 !== this.arguments) changed = true;
    this.sameAsCtr = ctr;
    this.sameAsR12 = r12;
    this.arguments = put2;
    return changed;
  }
  /** Whether slot `i` of both is the same; most often the slots of two states are in the same order. */
  #isSlot(other, i) {
    return i < other.slots && other.slotOffset[i] === this.slotOffset[i] && other.slotWidth[i] === this.slotWidth[i] && other.slotValue[i] === this.slotValue[i];
  }
  get(register) {
    return this.places[register];
  }
  /** Puts a value into a general register. */
  set(register, value) {
    this.places[register] = value;
    const keep3 = ~(1 << register);
    this.sameAsCtr &= keep3;
    if (register === 12) this.sameAsR12 = 0;
    else this.sameAsR12 &= keep3;
  }
  /** rD = rS. */
  move(to, from) {
    if (to === from) return;
    const alsoCtr = this.sameAsCtr >>> from & 1;
    const alsoR12 = from === 12 ? 1 : this.sameAsR12 >>> from & 1;
    const equals = this.sameAsR12;
    this.set(to, this.places[from]);
    this.sameAsCtr |= alsoCtr << to;
    if (to === 12) this.sameAsR12 = alsoR12 === 1 && from !== 12 ? equals | 1 << from : 1 << from;
    else this.sameAsR12 |= alsoR12 << to;
  }
  setCtr(from) {
    this.places[33] = this.places[from];
    this.sameAsCtr = 1 << from;
    if ((this.sameAsR12 >>> from & 1) === 1) this.sameAsCtr |= 1 << 12;
  }
  /** rn has just been set to what CTR holds. */
  copiedCtr(register) {
    if (register !== 12 && this.r12IsCtr) this.sameAsR12 |= 1 << register;
    this.sameAsCtr |= 1 << register;
  }
  /** Whether r12 is shown to hold what CTR holds. */
  get r12IsCtr() {
    return (this.sameAsCtr >>> 12 & 1) === 1;
  }
  /** r1 as an offset from r1 at entry, or NaN. */
  get top() {
    const r1 = this.places[1];
    return isStack(r1) ? stackOffset(r1) : Number.NaN;
  }
  load(offset, width) {
    for (let i = 0; i < this.slots; i++)
      if (this.slotOffset[i] === offset && this.slotWidth[i] === width) return this.slotValue[i];
    return UNKNOWN;
  }
  /** `width` bytes at `offset` now hold `value`. */
  store(offset, width, value) {
    const end = offset + width;
    for (let i2 = this.slots - 1; i2 >= 0; i2--) {
      const at = this.slotOffset[i2];
      if (at < end && at + this.slotWidth[i2] > offset) this.#drop(i2);
    }
    if (value === UNKNOWN || this.slots === MOST_SLOTS || offset !== (offset | 0)) return;
    const i = this.slots++;
    this.slotOffset[i] = offset;
    this.slotWidth[i] = width;
    this.slotValue[i] = value;
  }
  /** Forgets every slot that touches [from, to). */
  forget(from, to) {
    for (let i = this.slots - 1; i >= 0; i--) {
      const at = this.slotOffset[i];
      if (at < to && at + this.slotWidth[i] > from) this.#drop(i);
    }
  }
  /** Forgets what lies below r1 + `below`: a callee or an interrupt may have used it. */
  forgetBelow(limit) {
    for (let i = this.slots - 1; i >= 0; i--) if (this.slotOffset[i] < limit) this.#drop(i);
  }
  /** r1 gets a new value; what lies beyond the protected zone may be gone at any moment. */
  moveStack(value) {
    this.set(1, value);
    this.arguments = 0;
    const { top } = this;
    if (!Number.isNaN(top)) this.forgetBelow(top - PROTECTED_ZONE);
  }
  #drop(i) {
    const last = --this.slots;
    this.slotOffset[i] = this.slotOffset[last];
    this.slotWidth[i] = this.slotWidth[last];
    this.slotValue[i] = this.slotValue[last];
  }
};

// src/prove/frontier.ts
var pool = [];
var Frontier = class {
  /** 1 + number of the state kept for a word. */
  #stateAt;
  #isWaiting;
  #touched = [];
  /** Waiting words: a binary heap, lowest first. */
  #heap = [];
  constructor(words2) {
    this.#stateAt = new Int32Array(words2);
    this.#isWaiting = new Uint8Array(words2);
  }
  /** Control reaches the block at `target`, bytes from the origin, in `state`. */
  reach(target, state) {
    const word2 = target >> 2;
    const kept = this.#stateAt[word2];
    if (kept === 0) this.#keep(word2, state);
    else if (!pool[kept - 1].join(state)) return;
    if (this.#isWaiting[word2] === 0) this.#push(word2);
  }
  /**
   * Control falls into the block at `target`. As `reach`, and if that block is what `take` would give next, it is taken.
   *
   * @param state gets what is known at its start, where it is taken
   * @returns whether it is taken
   */
  fallInto(target, state) {
    const word2 = target >> 2;
    const kept = this.#stateAt[word2];
    const isFirst = this.#heap.length === 0 || word2 <= this.#heap[0];
    if (kept === 0) {
      this.#keep(word2, state);
      if (!isFirst) this.#push(word2);
      return isFirst;
    }
    const slot = pool[kept - 1];
    const isWaiting = this.#isWaiting[word2] === 1;
    if (!slot.join(state) && !isWaiting) return false;
    if (!isFirst) {
      if (!isWaiting) this.#push(word2);
      return false;
    }
    if (isWaiting) this.#pop();
    state.copyFrom(slot);
    return true;
  }
  /** Keeps what is known at a word that is reached for the first time. */
  #keep(word2, state) {
    const used = this.#touched.length;
    let slot = pool[used];
    if (slot === void 0) {
      slot = new State();
      pool.push(slot);
    }
    slot.copyFrom(state);
    this.#touched.push(word2);
    this.#stateAt[word2] = used + 1;
  }
  /**
   * Takes the waiting block with the lowest address, so that most blocks are executed after those in front of them.
   *
   * @param state gets what is known at its start
   * @returns where it begins, or -1 if none is left
   */
  take(state) {
    if (this.#heap.length === 0) return -1;
    const first = this.#pop();
    state.copyFrom(pool[this.#stateAt[first] - 1]);
    return first * 4;
  }
  /** The lowest waiting word, which no longer waits. */
  #pop() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    const { length } = heap;
    if (length > 0) {
      let at = 0;
      for (; ; ) {
        let child = at * 2 + 1;
        if (child >= length) break;
        if (child + 1 < length && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= last) break;
        heap[at] = heap[child];
        at = child;
      }
      heap[at] = last;
    }
    this.#isWaiting[first] = 0;
    return first;
  }
  #push(word2) {
    this.#isWaiting[word2] = 1;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(word2);
    while (at > 0) {
      const parent = at - 1 >> 1;
      if (heap[parent] <= word2) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = word2;
  }
  clear() {
    for (const word2 of this.#touched) {
      this.#stateAt[word2] = 0;
      this.#isWaiting[word2] = 0;
    }
    this.#touched.length = 0;
    this.#heap.length = 0;
  }
};

// src/prove/parameters.ts
var PARAMETERS = 32;
var DOUBLEWORDS2 = 32;
var LR_SLOT = 16;
var FIRST_ARGUMENT = 3;
var REGISTERS = 8;
function bits(offset, width) {
  const first = offset >> 3;
  const last = offset + width - 1 >> 3;
  let mask2 = 0;
  for (let i = Math.max(first, 0); i <= last && i < DOUBLEWORDS2; i++) mask2 |= 1 << i;
  return mask2;
}
function argumentBits(distance, width) {
  return distance >= PARAMETERS && distance < PARAMETERS + 8 * DOUBLEWORDS2 ? bits(distance - PARAMETERS, width) : 0;
}
var ParameterAreas = class {
  #reads;
  #writes;
  #readEnd;
  #writeEnd;
  /** Bit n: the n-th argument register is stored where the caller has room for it. */
  #homes;
  #savesLink;
  #changed = /* @__PURE__ */ new Set();
  #assembly;
  #current = 0;
  /** @param assembly 1 for a hand-written function, by function */
  constructor(assembly) {
    const functions = assembly.length;
    this.#assembly = assembly;
    this.#reads = new Int32Array(functions);
    this.#writes = new Int32Array(functions);
    this.#readEnd = new Int32Array(functions);
    this.#writeEnd = new Int32Array(functions);
    this.#homes = new Int32Array(functions);
    this.#savesLink = new Uint8Array(functions);
  }
  /** Accesses are those of function `index` from now on. What was seen of it before stays. */
  follow(index2) {
    this.#current = index2;
  }
  /** Reads `width` bytes at `offset` above r1 at entry. */
  read(offset, width) {
    if (offset >= PARAMETERS) this.#note(bits(offset - PARAMETERS, width), offset + width, 0, 0);
  }
  /**
   * Writes them.
   *
   * @returns whether it is for this function to write there. Only a prototype says so; what compilers do with an area that a
   * caller must have is to store argument registers in it, each in its own place, and arguments that they have found there.
   */
  write(offset, width, value) {
    if (offset < PARAMETERS) {
      if (offset < LR_SLOT + 8 && offset + width > LR_SLOT) this.#savesLink[this.#current] = 1;
      return true;
    }
    const mask2 = bits(offset - PARAMETERS, width);
    const register = FIRST_ARGUMENT + (offset - PARAMETERS >> 3);
    if (register < FIRST_ARGUMENT + REGISTERS && value === entry(register)) this.#homes[this.#current] |= mask2;
    this.#note(0, 0, mask2, offset + width);
    const own = this.#homes[this.#current] | this.#reads[this.#current] & ~((1 << REGISTERS) - 1);
    return mask2 !== 0 && (mask2 & ~own) === 0;
  }
  /** What the current function calls finds in the frame of that one's caller what it would find if it were called itself. */
  passOn(use) {
    this.#note(use.reads, use.readEnd, 0, use.writeEnd);
  }
  #note(reads, readEnd, writes, writeEnd) {
    const at = this.#current;
    const isNew = (reads & ~this.#reads[at]) !== 0 || (writes & ~this.#writes[at]) !== 0 || readEnd > this.#readEnd[at] || writeEnd > this.#writeEnd[at];
    if (!isNew) return;
    this.#reads[at] |= reads;
    this.#writes[at] |= writes;
    this.#readEnd[at] = Math.max(readEnd, this.#readEnd[at]);
    this.#writeEnd[at] = Math.max(writeEnd, this.#writeEnd[at]);
    this.#changed.add(at);
  }
  /** `undefined` for a function that leaves the area alone, as far as it was followed. */
  use(index2) {
    const readEnd = this.#readEnd[index2];
    const writeEnd = this.#writeEnd[index2];
    if (readEnd === 0 && writeEnd === 0) return void 0;
    const writes = this.#writes[index2];
    const isAssembly = this.#assembly[index2] === 1;
    return {
      reads: isAssembly ? 0 : this.#reads[index2] & ~writes,
      readEnd,
      writeEnd,
      isVariadic: isAssembly || (writes & (1 << REGISTERS) - 1) !== 0
    };
  }
  /** Whether a function was seen to write the LR save slot of its caller's frame. */
  savesLink(index2) {
    return this.#savesLink[index2] === 1;
  }
  /** Functions of which something new was seen since the last time. */
  takeChanged() {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }
};

// src/ppc64/fields.ts
function fieldPosition([first, last]) {
  const width = last - first + 1;
  return { shift: 31 - last, mask: width === 32 ? 4294967295 : 2 ** width - 1, width };
}
var fields = {
  PO: [0, 5],
  RT: [6, 10],
  RS: [6, 10],
  BO: [6, 10],
  TO: [6, 10],
  BT: [6, 10],
  TH: [6, 10],
  BF: [6, 8],
  L: [10, 10],
  L2: [9, 10],
  L3: [8, 10],
  RA: [11, 15],
  BI: [11, 15],
  BA: [11, 15],
  BFA: [11, 13],
  RB: [16, 20],
  BB: [16, 20],
  SH: [16, 20],
  RC: [21, 25],
  MB: [21, 25],
  ME: [26, 30],
  BH: [19, 20],
  SR: [12, 15],
  AA: [30, 30],
  LK: [31, 31],
  Rc: [31, 31],
  OE: [21, 21],
  A: [26, 30],
  DS: [30, 31],
  DQ: [28, 31],
  DQ3: [29, 31],
  MD: [27, 29],
  MDS: [27, 30],
  VA: [26, 31],
  VC: [22, 31],
  VX: [21, 31],
  X: [21, 30],
  XO: [22, 30],
  XSO: [21, 29],
  XX2: [21, 29],
  XX3: [21, 28],
  XX4: [26, 27],
  Z22: [22, 30],
  Z23: [23, 30]
};
function bitRange(name) {
  const known3 = fields[name];
  if (known3 !== void 0) return known3;
  const match = /^(\d+)(?::(\d+))?$/.exec(name);
  if (match === null) return void 0;
  const first = Number(match[1]);
  return [first, match[2] === void 0 ? first : Number(match[2])];
}

// src/ppc64/operands.ts
var ra = [11, 15];
var rb = [16, 20];
var rt = [6, 10];
var rc = [21, 25];
function one(kind, part, scale) {
  return scale === void 0 ? { kind, parts: [part] } : { kind, parts: [part], scale };
}
var operandSpecs = {
  RT: one("gpr", rt),
  RS: one("gpr", rt),
  RTp: one("gpr", [6, 9], 1),
  RSp: one("gpr", [6, 9], 1),
  RT0: one("gpr0", rt),
  RA: one("gpr", ra),
  RA0: one("gpr0", ra),
  RB: one("gpr", rb),
  RB0: one("gpr0", rb),
  RC: one("gpr", rc),
  FRT: one("fpr", rt),
  FRS: one("fpr", rt),
  FRA: one("fpr", ra),
  FRB: one("fpr", rb),
  FRC: one("fpr", rc),
  VRT: one("vr", rt),
  VRS: one("vr", rt),
  VRA: one("vr", ra),
  VRB: one("vr", rb),
  VRC: one("vr", rc),
  XT: {
    kind: "vsr",
    parts: [
      [31, 31],
      [6, 10]
    ]
  },
  XS: {
    kind: "vsr",
    parts: [
      [31, 31],
      [6, 10]
    ]
  },
  XTQ: {
    kind: "vsr",
    parts: [
      [28, 28],
      [6, 10]
    ]
  },
  XSQ: {
    kind: "vsr",
    parts: [
      [28, 28],
      [6, 10]
    ]
  },
  XT5: {
    kind: "vsr",
    parts: [
      [5, 5],
      [6, 10]
    ]
  },
  XTD: {
    kind: "vsr",
    parts: [
      [15, 15],
      [6, 10]
    ]
  },
  XTP: {
    kind: "vsr",
    parts: [
      [10, 10],
      [6, 9]
    ],
    scale: 1
  },
  XA: {
    kind: "vsr",
    parts: [
      [29, 29],
      [11, 15]
    ]
  },
  XB: {
    kind: "vsr",
    parts: [
      [30, 30],
      [16, 20]
    ]
  },
  XC: {
    kind: "vsr",
    parts: [
      [28, 28],
      [21, 25]
    ]
  },
  AT: one("acc", [6, 8]),
  BF: one("cr", [6, 8]),
  BFA: one("cr", [11, 13]),
  BFI: one("cr", [11, 13]),
  BFC: one("cr", [21, 23]),
  BT: one("crbit", rt),
  BA: one("crbit", ra),
  BB: one("crbit", rb),
  BI: one("crbit", ra),
  BC: one("crbit", rc),
  BO: one("unsigned", rt),
  TO: one("unsigned", rt),
  TH: one("unsigned", rt),
  BH: one("unsigned", [19, 20]),
  U5: one("unsigned", rt),
  L: one("unsigned", [10, 10]),
  L2: one("unsigned", [9, 10]),
  L3: one("unsigned", [8, 10]),
  L15: one("unsigned", [15, 15]),
  R14: one("unsigned", [14, 14]),
  R15: one("unsigned", [15, 15]),
  PL: one("unsigned", [14, 15]),
  SC2: one("unsigned", [14, 15]),
  RIC: one("unsigned", [12, 13]),
  PRS: one("unsigned", [14, 14]),
  IH: one("unsigned", [8, 10]),
  SR: one("unsigned", [12, 15]),
  SH: one("unsigned", rb),
  NB: one("unsigned", rb),
  MB: one("unsigned", rc),
  ME: one("unsigned", [26, 30]),
  SH6: {
    kind: "unsigned",
    parts: [
      [30, 30],
      [16, 20]
    ]
  },
  MB6: {
    kind: "unsigned",
    parts: [
      [26, 26],
      [21, 25]
    ]
  },
  D: one("signed", [16, 31]),
  SI: one("signed", [16, 31]),
  UI: one("unsigned", [16, 31]),
  SIS: one("signed", [16, 31]),
  DS: one("signed", [16, 29], 2),
  DQ: one("signed", [16, 27], 4),
  DX: {
    kind: "signed",
    parts: [
      [16, 25],
      [11, 15],
      [31, 31]
    ]
  },
  DHASH: {
    kind: "unsigned",
    parts: [
      [31, 31],
      [6, 10]
    ],
    scale: 3,
    bias: -64
  },
  D34: { kind: "signed", parts: [[16, 31]], prefixParts: [[14, 31]] },
  SI34: { kind: "signed", parts: [[16, 31]], prefixParts: [[14, 31]] },
  P34: { kind: "pcrel", parts: [[16, 31]], prefixParts: [[14, 31]] },
  IMM32: { kind: "unsigned", parts: [[16, 31]], prefixParts: [[16, 31]] },
  IMM8: { kind: "unsigned", parts: [], prefixParts: [[24, 31]] },
  UIM3: { kind: "unsigned", parts: [], prefixParts: [[29, 31]] },
  XS5: {
    kind: "vsr",
    parts: [
      [5, 5],
      [6, 10]
    ]
  },
  FRTp: one("fpr", [6, 9], 1),
  FRAp: one("fpr", [11, 14], 1),
  FRBp: one("fpr", [16, 19], 1),
  DCMX: {
    kind: "unsigned",
    parts: [
      [25, 25],
      [29, 29],
      [11, 15]
    ]
  },
  BD: one("relative", [16, 29], 2),
  BDA: one("absolute", [16, 29], 2),
  LI: one("relative", [6, 29], 2),
  LIA: one("absolute", [6, 29], 2),
  LEV: one("unsigned", [20, 26]),
  FXM: one("unsigned", [12, 19]),
  SPR: {
    kind: "unsigned",
    parts: [
      [16, 20],
      [11, 15]
    ]
  },
  BHRBE: one("unsigned", [11, 20]),
  SIM: one("signed", ra),
  UIM: one("unsigned", ra),
  SIM5: one("signed", rb),
  FC: one("unsigned", rb),
  EH: one("unsigned", [31, 31]),
  CY: one("unsigned", [21, 22]),
  CT: one("unsigned", [7, 10]),
  STRM: one("unsigned", [9, 10]),
  S: one("unsigned", [20, 20]),
  R10: one("unsigned", [10, 10]),
  FXM1: { ...one("unsigned", [12, 19]), oneBit: true },
  NB32: { ...one("unsigned", rb), zeroMeans: 32 },
  XSP: {
    kind: "vsr",
    parts: [
      [10, 10],
      [6, 9]
    ],
    scale: 1
  }
};
function isSigned(kind) {
  return kind === "signed" || kind === "relative" || kind === "absolute" || kind === "pcrel";
}
function compileParts(spec) {
  return [
    ...(spec.prefixParts ?? []).map((part) => ({ ...fieldPosition(part), prefix: true })),
    ...spec.parts.map((part) => ({ ...fieldPosition(part), prefix: false }))
  ];
}

// src/ppc64/tables/branch.ts
var conditions = [
  ["lt", "ge"],
  ["gt", "le"],
  ["eq", "ne"],
  ["so", "ns"]
];
function join3(...operands) {
  return operands.filter((operand) => operand !== "").join(",");
}
function conditionRows({ suffix, pattern, target, strict }) {
  return conditions.flatMap(
    ([set, clear], bit) => [
      [set, 12],
      [clear, 4]
    ].flatMap(([name, bo]) => [
      [`b${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`} 14:15=${bit}`, join3("BFI?", target)],
      [`b${name}${suffix}-`, `${pattern} BO=${bo + 2} 14:15=${bit}`, join3("BFI?", target)],
      [`b${name}${suffix}+`, `${pattern} BO=${bo + 3} 14:15=${bit}`, join3("BFI?", target)]
    ])
  );
}
function hintsFirst(rows) {
  const hinted = rows.filter(([mnemonic]) => /[-+]$/.test(mnemonic));
  return [...hinted, ...rows.filter((row) => !hinted.includes(row))];
}
function countingRows({ suffix, pattern, target, strict }) {
  const rows = [];
  for (const [name, bo] of [
    ["bdnz", 16],
    ["bdz", 18]
  ]) {
    rows.push(
      [`${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`} BI=0`, target],
      [`${name}${suffix}-`, `${pattern} BO=${bo + 8} BI=0`, target],
      [`${name}${suffix}+`, `${pattern} BO=${bo + 9} BI=0`, target]
    );
  }
  for (const [name, bo] of [
    ["bdnzf", 0],
    ["bdzf", 2],
    ["bdnzt", 8],
    ["bdzt", 10]
  ])
    rows.push([`${name}${suffix}`, `${pattern} ${strict ? `BO=${bo}` : `6:9=${bo >> 1}`}`, join3("BI", target)]);
  return rows;
}
function generalRows({ pattern, target, counts }, stem2) {
  const plain = counts ? [20, 16, 18] : [20, 16, 18, 0, 2, 8, 10];
  return [
    ...plain.map((bo) => [stem2, `${pattern} BO=${bo}`, join3("BO", "BI", target)]),
    ...[24, 26].map((bo) => [`${stem2}-`, `${pattern} BO=${bo}`, join3("BO", "BI", target)]),
    ...[25, 27].map((bo) => [`${stem2}+`, `${pattern} BO=${bo}`, join3("BO", "BI", target)])
  ];
}
function relativeFamily(link, absolute2) {
  const suffix = `${link ? "l" : ""}${absolute2 ? "a" : ""}`;
  const target = absolute2 ? "BDA" : "BD";
  const family = { suffix, pattern: `16 AA=${absolute2} LK=${link}`, target, strict: false, counts: true };
  return [...hintsFirst(conditionRows(family)), ...countingRows(family), ...generalRows(family, `bc${suffix}`)];
}
function registerFamily(register, extended, link) {
  const suffix = `${register}${link ? "l" : ""}`;
  const counts = register !== "ctr";
  const family = {
    suffix,
    pattern: `19 X=${extended} LK=${link} 16:18=0`,
    target: "BH?",
    strict: true,
    counts
  };
  return [
    [`b${suffix}`, `${family.pattern} BO=20 BI=0`, "BH?"],
    ...conditionRows(family),
    ...counts ? countingRows(family) : [],
    ...generalRows(family, `bc${suffix}`)
  ];
}
var traps = [
  ["lgt", 1],
  ["llt", 2],
  ["eq", 4],
  ["lge", 5],
  ["lle", 6],
  ["gt", 8],
  ["ge", 12],
  ["lt", 16],
  ["le", 20],
  ["ne", 24],
  ["u", 31]
];
function trapRows(stem2, end, pattern, operands) {
  return [
    ...traps.map(([name, to]) => [`${stem2}${name}${end}`, `${pattern} TO=${to}`, operands]),
    [`${stem2}${end}`, pattern, `TO,${operands}`]
  ];
}
var branchRows = [
  ["b[l][a]", "18", "LI"],
  ...[0, 1].flatMap((link) => [0, 1].flatMap((absolute2) => relativeFamily(link, absolute2))),
  ...[0, 1].flatMap((link) => [
    ...registerFamily("lr", 16, link),
    ...registerFamily("ctr", 528, link),
    ...registerFamily("tar", 560, link)
  ]),
  ...trapRows("td", "i", "2", "RA,SI"),
  ...trapRows("tw", "i", "3", "RA,SI"),
  ["trap", "31 X=4 TO=31 RA=0 RB=0 31=0", ""],
  ...trapRows("tw", "", "31 X=4 31=0", "RA,RB"),
  ...trapRows("td", "", "31 X=68 31=0", "RA,RB"),
  ["attn", "0 X=256 31=0", ""],
  ["sc", "17 30=1 31=0 6:15=0", "LEV?"],
  ["scv", "17 30=0 31=1 6:15=0", "LEV"],
  ["rfid", "19 X=18 6:20=0 31=0", ""],
  ["hrfid", "19 X=274 6:20=0 31=0", ""],
  ["urfid", "19 X=306 6:20=0 31=0", ""],
  ["rfscv", "19 X=82 6:20=0 31=0", ""],
  ["rfi", "19 X=50 6:20=0 31=0", ""],
  ["rfebb", "19 X=146 6:19=0 31=0", "S?1"],
  ["stop", "19 X=370 6:20=0 31=0", ""],
  ["isync", "19 X=150 6:20=0 31=0", ""],
  ["lnia", "19 26:30=2 11:15=0 16:25=0 31=0", "RT"],
  ["addpcis", "19 26:30=2", "RT,DX"],
  ["mcrf", "19 X=0 9:10=0 14:20=0 31=0", "BF,BFA"],
  ["crnot", "19 X=33 31=0", "BT,BA", "BB=BA"],
  ["crnor", "19 X=33 31=0", "BT,BA,BB"],
  ["crclr", "19 X=193 31=0", "BT", "BA=BT BB=BT"],
  ["crxor", "19 X=193 31=0", "BT,BA,BB"],
  ["crset", "19 X=289 31=0", "BT", "BA=BT BB=BT"],
  ["creqv", "19 X=289 31=0", "BT,BA,BB"],
  ["crmove", "19 X=449 31=0", "BT,BA", "BB=BA"],
  ["cror", "19 X=449 31=0", "BT,BA,BB"],
  ["crand", "19 X=257 31=0", "BT,BA,BB"],
  ["crandc", "19 X=129 31=0", "BT,BA,BB"],
  ["crnand", "19 X=225 31=0", "BT,BA,BB"],
  ["crorc", "19 X=417 31=0", "BT,BA,BB"]
];

// src/ppc64/tables/fixed-point.ts
var arithmetic = [
  ["li", "14 RA=0", "RT,SI"],
  ["addi", "14", "RT,RA0,SI"],
  ["lis", "15 RA=0", "RT,SI"],
  ["addis", "15", "RT,RA0,SI"],
  ["mulli", "7", "RT,RA,SI"],
  ["subfic", "8", "RT,RA,SI"],
  ["addic", "12", "RT,RA,SI"],
  ["addic.", "13", "RT,RA,SI"],
  ["add[o][.]", "31 XO=266", "RT,RA,RB"],
  ["addc[o][.]", "31 XO=10", "RT,RA,RB"],
  ["adde[o][.]", "31 XO=138", "RT,RA,RB"],
  ["addme[o][.]", "31 XO=234 RB=0", "RT,RA"],
  ["addze[o][.]", "31 XO=202 RB=0", "RT,RA"],
  ["addex", "31 23:30=170 31=0", "RT,RA,RB,CY"],
  ["addg6s", "31 XO=74 OE=0 31=0", "RT,RA,RB"],
  ["subf[o][.]", "31 XO=40", "RT,RA,RB"],
  ["subfc[o][.]", "31 XO=8", "RT,RA,RB"],
  ["subfe[o][.]", "31 XO=136", "RT,RA,RB"],
  ["subfme[o][.]", "31 XO=232 RB=0", "RT,RA"],
  ["subfze[o][.]", "31 XO=200 RB=0", "RT,RA"],
  ["neg[o][.]", "31 XO=104 RB=0", "RT,RA"],
  ["mulhd[.]", "31 X=73", "RT,RA,RB"],
  ["mulhdu[.]", "31 X=9", "RT,RA,RB"],
  ["mulhw[.]", "31 X=75", "RT,RA,RB"],
  ["mulhwu[.]", "31 X=11", "RT,RA,RB"],
  ["mulld[o][.]", "31 XO=233", "RT,RA,RB"],
  ["mullw[o][.]", "31 XO=235", "RT,RA,RB"],
  ["divd[o][.]", "31 XO=489", "RT,RA,RB"],
  ["divdu[o][.]", "31 XO=457", "RT,RA,RB"],
  ["divde[o][.]", "31 XO=425", "RT,RA,RB"],
  ["divdeu[o][.]", "31 XO=393", "RT,RA,RB"],
  ["divw[o][.]", "31 XO=491", "RT,RA,RB"],
  ["divwu[o][.]", "31 XO=459", "RT,RA,RB"],
  ["divwe[o][.]", "31 XO=427", "RT,RA,RB"],
  ["divweu[o][.]", "31 XO=395", "RT,RA,RB"],
  ["modsd", "31 X=777 31=0", "RT,RA,RB"],
  ["modud", "31 X=265 31=0", "RT,RA,RB"],
  ["modsw", "31 X=779 31=0", "RT,RA,RB"],
  ["moduw", "31 X=267 31=0", "RT,RA,RB"],
  ["maddhd", "4 VA=48", "RT,RA,RB,RC"],
  ["maddhdu", "4 VA=49", "RT,RA,RB,RC"],
  ["maddld", "4 VA=51", "RT,RA,RB,RC"],
  ["darn", "31 X=755 11:13=0 RB=0 31=0", "RT,PL", "14:15!=3"]
];
var comparison = [
  ["cmpwi", "11 L=0", "BF?,RA,SI"],
  ["cmpdi", "11 L=1", "BF?,RA,SI"],
  ["cmplwi", "10 L=0", "BF?,RA,UI"],
  ["cmpldi", "10 L=1", "BF?,RA,UI"],
  ["cmpw", "31 X=0 9=0 L=0 31=0", "BF?,RA,RB"],
  ["cmpd", "31 X=0 9=0 L=1 31=0", "BF?,RA,RB"],
  ["cmplw", "31 X=32 9=0 L=0 31=0", "BF?,RA,RB"],
  ["cmpld", "31 X=32 9=0 L=1 31=0", "BF?,RA,RB"],
  ["cmprb", "31 X=192 9=0 31=0", "BF,L,RA,RB"],
  ["cmpeqb", "31 X=224 9:10=0 31=0", "BF,RA,RB"],
  ["isellt", "31 A=15 RC=0 31=0", "RT,RA0,RB"],
  ["iselgt", "31 A=15 RC=1 31=0", "RT,RA0,RB"],
  ["iseleq", "31 A=15 RC=2 31=0", "RT,RA0,RB"],
  ["isel", "31 A=15", "RT,RA0,RB,BC"],
  ["setb", "31 X=128 14:20=0 31=0", "RT,BFA"],
  ["setbc", "31 X=384 RB=0 31=0", "RT,BI"],
  ["setbcr", "31 X=416 RB=0 31=0", "RT,BI"],
  ["setnbc", "31 X=448 RB=0 31=0", "RT,BI"],
  ["setnbcr", "31 X=480 RB=0 31=0", "RT,BI"]
];
var logic = [
  ["nop", "24 RS=0 RA=0 UI=0", ""],
  ["exser", "24 RS=31 RA=31 UI=0", ""],
  ["ori", "24", "RA*,RS,UI"],
  ["oris", "25", "RA*,RS,UI"],
  ["xnop", "26 RS=0 RA=0 UI=0", ""],
  ["xori", "26", "RA*,RS,UI"],
  ["xoris", "27", "RA*,RS,UI"],
  ["andi.", "28", "RA*,RS,UI"],
  ["andis.", "29", "RA*,RS,UI"],
  ["and[.]", "31 X=28", "RA*,RS,RB"],
  ["andc[.]", "31 X=60", "RA*,RS,RB"],
  ["mr[.]", "31 X=444", "RA*,RS", "RB=RS"],
  ["or[.]", "31 X=444", "RA*,RS,RB"],
  ["orc[.]", "31 X=412", "RA*,RS,RB"],
  ["not[.]", "31 X=124", "RA*,RS", "RB=RS"],
  ["nor[.]", "31 X=124", "RA*,RS,RB"],
  ["xor[.]", "31 X=316", "RA*,RS,RB"],
  ["eqv[.]", "31 X=284", "RA*,RS,RB"],
  ["nand[.]", "31 X=476", "RA*,RS,RB"],
  ["extsb[.]", "31 X=954 RB=0", "RA*,RS"],
  ["extsh[.]", "31 X=922 RB=0", "RA*,RS"],
  ["extsw[.]", "31 X=986 RB=0", "RA*,RS"],
  ["cntlzw[.]", "31 X=26 RB=0", "RA*,RS"],
  ["cntlzd[.]", "31 X=58 RB=0", "RA*,RS"],
  ["cnttzw[.]", "31 X=538 RB=0", "RA*,RS"],
  ["cnttzd[.]", "31 X=570 RB=0", "RA*,RS"],
  ["popcntb", "31 X=122 RB=0 31=0", "RA*,RS"],
  ["popcntw", "31 X=378 RB=0 31=0", "RA*,RS"],
  ["popcntd", "31 X=506 RB=0 31=0", "RA*,RS"],
  ["prtyw", "31 X=154 RB=0 31=0", "RA*,RS"],
  ["prtyd", "31 X=186 RB=0 31=0", "RA*,RS"],
  ["cmpb", "31 X=508 31=0", "RA*,RS,RB"],
  ["bpermd", "31 X=252 31=0", "RA*,RS,RB"],
  ["brh", "31 X=219 RB=0 31=0", "RA*,RS"],
  ["brw", "31 X=155 RB=0 31=0", "RA*,RS"],
  ["brd", "31 X=187 RB=0 31=0", "RA*,RS"],
  ["cfuged", "31 X=220 31=0", "RA*,RS,RB"],
  ["pdepd", "31 X=156 31=0", "RA*,RS,RB"],
  ["pextd", "31 X=188 31=0", "RA*,RS,RB"],
  ["cntlzdm", "31 X=59 31=0", "RA*,RS,RB"],
  ["cnttzdm", "31 X=571 31=0", "RA*,RS,RB"],
  ["cbcdtd", "31 X=314 RB=0 31=0", "RA*,RS"],
  ["cdtbcd", "31 X=282 RB=0 31=0", "RA*,RS"]
];
var rotation = [
  ["rlwimi[.]", "20", "RA^,RS,SH,MB,ME"],
  ["rotlwi[.]", "21 MB=0 ME=31", "RA*,RS,SH"],
  ["clrlwi[.]", "21 SH=0 ME=31", "RA*,RS,MB"],
  ["slwi[.]", "21 MB=0", "RA*,RS,SH", "SH+ME=31"],
  ["srwi[.]", "21 ME=31", "RA*,RS,MB", "SH+MB=32"],
  ["clrrwi[.]", "21 SH=0 MB=0", "RA*,RS,31-ME"],
  ["rlwinm[.]", "21", "RA*,RS,SH,MB,ME"],
  ["rotlw[.]", "23 MB=0 ME=31", "RA*,RS,RB"],
  ["rlwnm[.]", "23", "RA*,RS,RB,MB,ME"],
  ["rotldi[.]", "30 MD=0 MB6=0", "RA*,RS,SH6"],
  ["clrldi[.]", "30 MD=0 SH6=0", "RA*,RS,MB6"],
  ["srdi[.]", "30 MD=0", "RA*,RS,MB6", "SH6+MB6=64"],
  ["rldicl[.]", "30 MD=0", "RA*,RS,SH6,MB6"],
  ["clrrdi[.]", "30 MD=1 SH6=0", "RA*,RS,63-MB6"],
  ["sldi[.]", "30 MD=1", "RA*,RS,SH6", "SH6+MB6=63"],
  ["rldicr[.]", "30 MD=1", "RA*,RS,SH6,MB6"],
  ["rldic[.]", "30 MD=2", "RA*,RS,SH6,MB6"],
  ["rldimi[.]", "30 MD=3", "RA^,RS,SH6,MB6"],
  ["rotld[.]", "30 MDS=8 MB6=0", "RA*,RS,RB"],
  ["rldcl[.]", "30 MDS=8", "RA*,RS,RB,MB6"],
  ["rldcr[.]", "30 MDS=9", "RA*,RS,RB,MB6"],
  ["slw[.]", "31 X=24", "RA*,RS,RB"],
  ["sld[.]", "31 X=27", "RA*,RS,RB"],
  ["srw[.]", "31 X=536", "RA*,RS,RB"],
  ["srd[.]", "31 X=539", "RA*,RS,RB"],
  ["sraw[.]", "31 X=792", "RA*,RS,RB"],
  ["srad[.]", "31 X=794", "RA*,RS,RB"],
  ["srawi[.]", "31 X=824", "RA*,RS,SH"],
  ["sradi[.]", "31 XSO=413", "RA*,RS,SH6"],
  ["extswsli[.]", "31 XSO=445", "RA*,RS,SH6"]
];
var moves = [
  ["mfcr", "31 X=19 11:20=0 31=0", "RT"],
  ["mfocrf", "31 X=19 11=1 20=0 31=0", "RT,FXM1"],
  ["mtcr", "31 X=144 11=0 12:19=255 20=0 31=0", "RS"],
  ["mtcrf", "31 X=144 11=0 20=0 31=0", "FXM,RS"],
  ["mtocrf", "31 X=144 11=1 20=0 31=0", "FXM1,RS"],
  ["mcrxrx", "31 X=576 9:20=0 31=0", "BF"],
  ["mffprd", "31 X=51 RB=0 31=0", "RA*,FRS"],
  ["mfvrd", "31 X=51 RB=0 31=1", "RA*,VRS"],
  ["mffprwz", "31 X=115 RB=0 31=0", "RA*,FRS"],
  ["mfvrwz", "31 X=115 RB=0 31=1", "RA*,VRS"],
  ["mfvsrld", "31 X=307 RB=0", "RA*,XS"],
  ["mtfprd", "31 X=179 RB=0 31=0", "FRT,RA"],
  ["mtvrd", "31 X=179 RB=0 31=1", "VRT,RA"],
  ["mtfprwa", "31 X=211 RB=0 31=0", "FRT,RA"],
  ["mtvrwa", "31 X=211 RB=0 31=1", "VRT,RA"],
  ["mtfprwz", "31 X=243 RB=0 31=0", "FRT,RA"],
  ["mtvrwz", "31 X=243 RB=0 31=1", "VRT,RA"],
  ["mtvsrdd", "31 X=435", "XT,RA0,RB"],
  ["mtvsrws", "31 X=403 RB=0", "XT,RA"]
];
var fixedPointRows = [...arithmetic, ...comparison, ...logic, ...rotation, ...moves];

// src/ppc64/tables/float.ts
var floatRows = [
  ["dadd[.]", "59 X=2", "FRT,FRA,FRB"],
  ["dcffix[.]", "59 X=802 RA=0", "FRT,FRB"],
  ["dcmpo", "59 X=130 Rc=0", "BF,FRA,FRB"],
  ["dcmpu", "59 X=642 Rc=0", "BF,FRA,FRB"],
  ["dctdp[.]", "59 X=258", "FRT,FRB"],
  ["dctfix[.]", "59 X=290", "FRT,FRB"],
  ["ddedpd[.]", "59 X=322", "U11:12,FRT,FRB"],
  ["ddiv[.]", "59 X=546", "FRT,FRA,FRB"],
  ["denbcd[.]", "59 X=834", "U11:11,FRT,FRB"],
  ["diex[.]", "59 X=866", "FRT,FRA,FRB"],
  ["dmul[.]", "59 X=34", "FRT,FRA,FRB"],
  ["dqua[.]", "59 Z23=3", "FRT,FRA,FRB,U21:22"],
  ["dquai[.]", "59 Z23=67", "S11:15,FRT,FRB,U21:22"],
  ["drintn[.]", "59 Z23=227", "U15:15,FRT,FRB,U21:22"],
  ["drintx[.]", "59 Z23=99", "U15:15,FRT,FRB,U21:22"],
  ["drrnd[.]", "59 Z23=35", "FRT,FRA,FRB,U21:22"],
  ["drsp[.]", "59 X=770", "FRT,FRB"],
  ["dscli[.]", "59 Z22=66", "FRT,FRA,U16:21"],
  ["dscri[.]", "59 Z22=98", "FRT,FRA,U16:21"],
  ["dsub[.]", "59 X=514", "FRT,FRA,FRB"],
  ["dtstdc", "59 Z22=194 Rc=0", "BF,FRA,U16:21"],
  ["dtstdg", "59 Z22=226 Rc=0", "BF,FRA,U16:21"],
  ["dtstex", "59 X=162 Rc=0", "BF,FRA,FRB"],
  ["dtstsf", "59 X=674 Rc=0", "BF,FRA,FRB"],
  ["dtstsfi", "59 X=675 Rc=0 9=0", "BF,U10:15,FRB"],
  ["dxex[.]", "59 X=354", "FRT,FRB"],
  ["fadds[.]", "59 X=21", "FRT,FRA,FRB"],
  ["fcfids[.]", "59 X=846 RA=0", "FRT,FRB"],
  ["fcfidus[.]", "59 X=974 RA=0", "FRT,FRB"],
  ["fdivs[.]", "59 X=18", "FRT,FRA,FRB"],
  ["fmadds[.]", "59 A=29", "FRT,FRA,FRC,FRB"],
  ["fmsubs[.]", "59 A=28", "FRT,FRA,FRC,FRB"],
  ["fmuls[.]", "59 A=25 RB=0", "FRT,FRA,FRC"],
  ["fnmadds[.]", "59 A=31", "FRT,FRA,FRC,FRB"],
  ["fnmsubs[.]", "59 A=30", "FRT,FRA,FRC,FRB"],
  ["fres[.]", "59 X=24 RA=0", "FRT,FRB"],
  ["frsqrtes[.]", "59 X=26 RA=0", "FRT,FRB"],
  ["fsqrts[.]", "59 X=22 RA=0", "FRT,FRB"],
  ["fsubs[.]", "59 X=20", "FRT,FRA,FRB"],
  ["daddq[.]", "63 X=2 10=0", "FRT,FRAp,FRBp"],
  ["dcffixq[.]", "63 X=802 10=0", "FRT,FRB"],
  ["dcffixqq", "63 X=994 Rc=0 RA=0", "FRTp,VRB"],
  ["dcmpoq", "63 X=130 Rc=0", "BF,FRAp,FRBp"],
  ["dcmpuq", "63 X=642 Rc=0", "BF,FRAp,FRBp"],
  ["dctfixq[.]", "63 X=290", "FRT,FRBp"],
  ["dctfixqq", "63 X=994 Rc=0 RA=1", "VRT,FRBp"],
  ["dctqpq[.]", "63 X=258 10=0", "FRT,FRB"],
  ["ddedpdq[.]", "63 X=322 10=0", "U11:12,FRT,FRBp"],
  ["ddivq[.]", "63 X=546 10=0", "FRT,FRAp,FRBp"],
  ["denbcdq[.]", "63 X=834 10=0", "U11:11,FRT,FRBp"],
  ["diexq[.]", "63 X=866 10=0", "FRT,FRA,FRBp"],
  ["dmulq[.]", "63 X=34 10=0", "FRT,FRAp,FRBp"],
  ["dquaiq[.]", "63 Z23=67 10=0", "S11:15,FRT,FRBp,U21:22"],
  ["dquaq[.]", "63 Z23=3 10=0", "FRT,FRAp,FRBp,U21:22"],
  ["drdpq[.]", "63 X=770 10=0", "FRT,FRBp"],
  ["drintnq[.]", "63 Z23=227 10=0", "U15:15,FRT,FRBp,U21:22"],
  ["drintxq[.]", "63 Z23=99 10=0", "U15:15,FRT,FRBp,U21:22"],
  ["drrndq[.]", "63 Z23=35 10=0", "FRT,FRA,FRBp,U21:22"],
  ["dscliq[.]", "63 Z22=66 10=0", "FRT,FRAp,U16:21"],
  ["dscriq[.]", "63 Z22=98 10=0", "FRT,FRAp,U16:21"],
  ["dsubq[.]", "63 X=514 10=0", "FRT,FRAp,FRBp"],
  ["dtstdcq", "63 Z22=194 Rc=0", "BF,FRAp,U16:21"],
  ["dtstdgq", "63 Z22=226 Rc=0", "BF,FRAp,U16:21"],
  ["dtstexq", "63 X=162 Rc=0", "BF,FRAp,FRBp"],
  ["dtstsfiq", "63 X=675 Rc=0 9=0", "BF,U10:15,FRBp"],
  ["dtstsfq", "63 X=674 Rc=0", "BF,FRA,FRBp"],
  ["dxexq[.]", "63 X=354", "FRT,FRBp"],
  ["fabs[.]", "63 X=264 RA=0", "FRT,FRB"],
  ["fadd[.]", "63 X=21", "FRT,FRA,FRB"],
  ["fcfid[.]", "63 X=846 RA=0", "FRT,FRB"],
  ["fcfidu[.]", "63 X=974 RA=0", "FRT,FRB"],
  ["fcmpo", "63 X=32 Rc=0 9:10=0", "BF,FRA,FRB"],
  ["fcmpu", "63 X=0 Rc=0 9:10=0", "BF,FRA,FRB"],
  ["fcpsgn[.]", "63 X=8", "FRT,FRA,FRB"],
  ["fctid[.]", "63 X=814 RA=0", "FRT,FRB"],
  ["fctidu[.]", "63 X=942 RA=0", "FRT,FRB"],
  ["fctiduz[.]", "63 X=943 RA=0", "FRT,FRB"],
  ["fctidz[.]", "63 X=815 RA=0", "FRT,FRB"],
  ["fctiw[.]", "63 X=14 RA=0", "FRT,FRB"],
  ["fctiwu[.]", "63 X=142 RA=0", "FRT,FRB"],
  ["fctiwuz[.]", "63 X=143 RA=0", "FRT,FRB"],
  ["fctiwz[.]", "63 X=15 RA=0", "FRT,FRB"],
  ["fdiv[.]", "63 X=18", "FRT,FRA,FRB"],
  ["fmadd[.]", "63 A=29", "FRT,FRA,FRC,FRB"],
  ["fmr[.]", "63 X=72 RA=0", "FRT,FRB"],
  ["fmrgew", "63 X=966 Rc=0", "FRT,FRA,FRB"],
  ["fmrgow", "63 X=838 Rc=0", "FRT,FRA,FRB"],
  ["fmsub[.]", "63 A=28", "FRT,FRA,FRC,FRB"],
  ["fmul[.]", "63 A=25 RB=0", "FRT,FRA,FRC"],
  ["fnabs[.]", "63 X=136 RA=0", "FRT,FRB"],
  ["fneg[.]", "63 X=40 RA=0", "FRT,FRB"],
  ["fnmadd[.]", "63 A=31", "FRT,FRA,FRC,FRB"],
  ["fnmsub[.]", "63 A=30", "FRT,FRA,FRC,FRB"],
  ["fre[.]", "63 X=24 RA=0", "FRT,FRB"],
  ["frim[.]", "63 X=488 RA=0", "FRT,FRB"],
  ["frin[.]", "63 X=392 RA=0", "FRT,FRB"],
  ["frip[.]", "63 X=456 RA=0", "FRT,FRB"],
  ["friz[.]", "63 X=424 RA=0", "FRT,FRB"],
  ["frsp[.]", "63 X=12 RA=0", "FRT,FRB"],
  ["frsqrte[.]", "63 X=26 RA=0", "FRT,FRB"],
  ["fsel[.]", "63 A=23", "FRT,FRA,FRC,FRB"],
  ["fsqrt[.]", "63 X=22 RA=0", "FRT,FRB"],
  ["fsub[.]", "63 X=20", "FRT,FRA,FRB"],
  ["ftdiv", "63 X=128 Rc=0 9:10=0", "BF,FRA,FRB"],
  ["ftsqrt", "63 X=160 Rc=0 9:10=0 RA=0", "BF,FRB"],
  ["mcrfs", "63 X=64 Rc=0 9:10=0 14:15=0 RB=0", "BF,BFA"],
  ["mffs[.]", "63 X=583 RA=0 RB=0", "FRT"],
  ["mffscdrn", "63 X=583 Rc=0 RA=20", "FRT,FRB"],
  ["mffscdrni", "63 X=583 Rc=0 RA=21 16:17=0", "FRT,U18:20"],
  ["mffsce", "63 X=583 Rc=0 RA=1 RB=0", "FRT"],
  ["mffscrn", "63 X=583 Rc=0 RA=22", "FRT,FRB"],
  ["mffscrni", "63 X=583 Rc=0 RA=23 16:18=0", "FRT,U19:20"],
  ["mffsl", "63 X=583 Rc=0 RA=24 RB=0", "FRT"],
  ["mtfsb0[.]", "63 X=70 RA=0 RB=0", "U6:10"],
  ["mtfsb1[.]", "63 X=38 RA=0 RB=0", "U6:10"],
  ["mtfsf[.]", "63 X=711", "U7:14,FRB,U6:6?,U15:15?"],
  ["mtfsfi[.]", "63 X=134 9:14=0 20=0", "U6:8,U16:19,U15:15?"],
  ["xsabsqp", "63 X=804 Rc=0 RA=0", "VRT,VRB"],
  ["xsaddqp", "63 X=4 Rc=0", "VRT,VRA,VRB"],
  ["xsaddqpo", "63 X=4 Rc=1", "VRT,VRA,VRB"],
  ["xscmpeqqp", "63 X=68 Rc=0", "VRT,VRA,VRB"],
  ["xscmpexpqp", "63 X=164 Rc=0 9:10=0", "BF,VRA,VRB"],
  ["xscmpgeqp", "63 X=196 Rc=0", "VRT,VRA,VRB"],
  ["xscmpgtqp", "63 X=228 Rc=0", "VRT,VRA,VRB"],
  ["xscmpoqp", "63 X=132 Rc=0 9:10=0", "BF,VRA,VRB"],
  ["xscmpuqp", "63 X=644 Rc=0 9:10=0", "BF,VRA,VRB"],
  ["xscpsgnqp", "63 X=100 Rc=0", "VRT,VRA,VRB"],
  ["xscvdpqp", "63 X=836 Rc=0 RA=22", "VRT,VRB"],
  ["xscvqpdp", "63 X=836 Rc=0 RA=20", "VRT,VRB"],
  ["xscvqpdpo", "63 X=836 Rc=1 RA=20", "VRT,VRB"],
  ["xscvqpsdz", "63 X=836 Rc=0 RA=25", "VRT,VRB"],
  ["xscvqpsqz", "63 X=836 Rc=0 RA=8", "VRT,VRB"],
  ["xscvqpswz", "63 X=836 Rc=0 RA=9", "VRT,VRB"],
  ["xscvqpudz", "63 X=836 Rc=0 RA=17", "VRT,VRB"],
  ["xscvqpuqz", "63 X=836 Rc=0 RA=0", "VRT,VRB"],
  ["xscvqpuwz", "63 X=836 Rc=0 RA=1", "VRT,VRB"],
  ["xscvsdqp", "63 X=836 Rc=0 RA=10", "VRT,VRB"],
  ["xscvsqqp", "63 X=836 Rc=0 RA=11", "VRT,VRB"],
  ["xscvudqp", "63 X=836 Rc=0 RA=2", "VRT,VRB"],
  ["xscvuqqp", "63 X=836 Rc=0 RA=3", "VRT,VRB"],
  ["xsdivqp", "63 X=548 Rc=0", "VRT,VRA,VRB"],
  ["xsdivqpo", "63 X=548 Rc=1", "VRT,VRA,VRB"],
  ["xsiexpqp", "63 X=868 Rc=0", "VRT,VRA,VRB"],
  ["xsmaddqp", "63 X=388 Rc=0", "VRT,VRA,VRB"],
  ["xsmaddqpo", "63 X=388 Rc=1", "VRT,VRA,VRB"],
  ["xsmaxcqp", "63 X=676 Rc=0", "VRT,VRA,VRB"],
  ["xsmincqp", "63 X=740 Rc=0", "VRT,VRA,VRB"],
  ["xsmsubqp", "63 X=420 Rc=0", "VRT,VRA,VRB"],
  ["xsmsubqpo", "63 X=420 Rc=1", "VRT,VRA,VRB"],
  ["xsmulqp", "63 X=36 Rc=0", "VRT,VRA,VRB"],
  ["xsmulqpo", "63 X=36 Rc=1", "VRT,VRA,VRB"],
  ["xsnabsqp", "63 X=804 Rc=0 RA=8", "VRT,VRB"],
  ["xsnegqp", "63 X=804 Rc=0 RA=16", "VRT,VRB"],
  ["xsnmaddqp", "63 X=452 Rc=0", "VRT,VRA,VRB"],
  ["xsnmaddqpo", "63 X=452 Rc=1", "VRT,VRA,VRB"],
  ["xsnmsubqp", "63 X=484 Rc=0", "VRT,VRA,VRB"],
  ["xsnmsubqpo", "63 X=484 Rc=1", "VRT,VRA,VRB"],
  ["xsrqpi", "63 Z23=5 Rc=0", "U15:15,VRT,VRB,U21:22"],
  ["xsrqpix", "63 Z23=5 Rc=1", "U15:15,VRT,VRB,U21:22"],
  ["xsrqpxp", "63 Z23=37 Rc=0", "U15:15,VRT,VRB,U21:22"],
  ["xssqrtqp", "63 X=804 Rc=0 RA=27", "VRT,VRB"],
  ["xssqrtqpo", "63 X=804 Rc=1 RA=27", "VRT,VRB"],
  ["xssubqp", "63 X=516 Rc=0", "VRT,VRA,VRB"],
  ["xssubqpo", "63 X=516 Rc=1", "VRT,VRA,VRB"],
  ["xststdcqp", "63 X=708 Rc=0", "BF,VRB,U9:15"],
  ["xsxexpqp", "63 X=804 Rc=0 RA=2", "VRT,VRB"],
  ["xsxsigqp", "63 X=804 Rc=0 RA=18", "VRT,VRB"]
];

// src/ppc64/tables/load-store.ts
var loads2 = "RA!=0 RA!=RT";
var others = "RA!=0";
var displacement = [
  ["lwz", "32", "RT,D(RA0)"],
  ["lwzu", "33", "RT,D(RA^)", loads2],
  ["lbz", "34", "RT,D(RA0)"],
  ["lbzu", "35", "RT,D(RA^)", loads2],
  ["stw", "36", "RS,D(RA0)"],
  ["stwu", "37", "RS,D(RA^)", others],
  ["stb", "38", "RS,D(RA0)"],
  ["stbu", "39", "RS,D(RA^)", others],
  ["lhz", "40", "RT,D(RA0)"],
  ["lhzu", "41", "RT,D(RA^)", loads2],
  ["lha", "42", "RT,D(RA0)"],
  ["lhau", "43", "RT,D(RA^)", loads2],
  ["sth", "44", "RS,D(RA0)"],
  ["sthu", "45", "RS,D(RA^)", others],
  ["lmw", "46", "RT,D(RA0)", "RA<RT"],
  ["stmw", "47", "RS,D(RA0)"],
  ["lfs", "48", "FRT,D(RA0)"],
  ["lfsu", "49", "FRT,D(RA^)", others],
  ["lfd", "50", "FRT,D(RA0)"],
  ["lfdu", "51", "FRT,D(RA^)", others],
  ["stfs", "52", "FRS,D(RA0)"],
  ["stfsu", "53", "FRS,D(RA^)", others],
  ["stfd", "54", "FRS,D(RA0)"],
  ["stfdu", "55", "FRS,D(RA^)", others],
  ["lq", "56 10=0", "RTp,DQ(RA0)", "RA!=RT"],
  ["lxsd", "57 DS=2", "VRT,DS(RA0)"],
  ["lxssp", "57 DS=3", "VRT,DS(RA0)"],
  ["ld", "58 DS=0", "RT,DS(RA0)"],
  ["ldu", "58 DS=1", "RT,DS(RA^)", loads2],
  ["lwa", "58 DS=2", "RT,DS(RA0)"],
  ["lxv", "61 DQ3=1", "XTQ,DQ(RA0)"],
  ["stxsd", "61 DS=2", "VRS,DS(RA0)"],
  ["stxssp", "61 DS=3", "VRS,DS(RA0)"],
  ["stxv", "61 DQ3=5", "XSQ,DQ(RA0)"],
  ["std", "62 DS=0", "RS,DS(RA0)"],
  ["stdu", "62 DS=1", "RS,DS(RA^)", others],
  ["stq", "62 DS=2 10=0", "RSp,DS(RA0)"],
  ["lxvp", "6 DQ=0", "XTP,DQ(RA0)"],
  ["stxvp", "6 DQ=1", "XSP,DQ(RA0)"]
];
var indexed = [
  ["lbzx", "31 X=87 31=0", "RT,RA0,RB"],
  ["lbzux", "31 X=119 31=0", "RT,RA^,RB", loads2],
  ["lhzx", "31 X=279 31=0", "RT,RA0,RB"],
  ["lhzux", "31 X=311 31=0", "RT,RA^,RB", loads2],
  ["lhax", "31 X=343 31=0", "RT,RA0,RB"],
  ["lhaux", "31 X=375 31=0", "RT,RA^,RB", loads2],
  ["lwzx", "31 X=23 31=0", "RT,RA0,RB"],
  ["lwzux", "31 X=55 31=0", "RT,RA^,RB", loads2],
  ["lwax", "31 X=341 31=0", "RT,RA0,RB"],
  ["lwaux", "31 X=373 31=0", "RT,RA^,RB", loads2],
  ["ldx", "31 X=21 31=0", "RT,RA0,RB"],
  ["ldux", "31 X=53 31=0", "RT,RA^,RB", loads2],
  ["stbx", "31 X=215 31=0", "RS,RA0,RB"],
  ["stbux", "31 X=247 31=0", "RS,RA^,RB", others],
  ["sthx", "31 X=407 31=0", "RS,RA0,RB"],
  ["sthux", "31 X=439 31=0", "RS,RA^,RB", others],
  ["stwx", "31 X=151 31=0", "RS,RA0,RB"],
  ["stwux", "31 X=183 31=0", "RS,RA^,RB", others],
  ["stdx", "31 X=149 31=0", "RS,RA0,RB"],
  ["stdux", "31 X=181 31=0", "RS,RA^,RB", others],
  ["lhbrx", "31 X=790 31=0", "RT,RA0,RB"],
  ["lwbrx", "31 X=534 31=0", "RT,RA0,RB"],
  ["ldbrx", "31 X=532 31=0", "RT,RA0,RB"],
  ["sthbrx", "31 X=918 31=0", "RS,RA0,RB"],
  ["stwbrx", "31 X=662 31=0", "RS,RA0,RB"],
  ["stdbrx", "31 X=660 31=0", "RS,RA0,RB"],
  ["lswi", "31 X=597 31=0", "RT,RA0,NB32", "outside"],
  ["lswx", "31 X=533 31=0", "RT,RA0,RB", "RA!=RT RB!=RT"],
  ["stswi", "31 X=725 31=0", "RS,RA0,NB32"],
  ["stswx", "31 X=661 31=0", "RS,RA0,RB"],
  ["lbzcix", "31 X=853 31=0", "RT,RA0,RB"],
  ["lhzcix", "31 X=821 31=0", "RT,RA0,RB"],
  ["lwzcix", "31 X=789 31=0", "RT,RA0,RB"],
  ["ldcix", "31 X=885 31=0", "RT,RA0,RB"],
  ["stbcix", "31 X=981 31=0", "RS,RA0,RB"],
  ["sthcix", "31 X=949 31=0", "RS,RA0,RB"],
  ["stwcix", "31 X=917 31=0", "RS,RA0,RB"],
  ["stdcix", "31 X=1013 31=0", "RS,RA0,RB"],
  ["hashst", "31 X=722", "RB,DHASH(RA0)"],
  ["hashstp", "31 X=658", "RB,DHASH(RA0)"],
  ["hashchk", "31 X=754", "RB,DHASH(RA0)"],
  ["hashchkp", "31 X=690", "RB,DHASH(RA0)"]
];
var atomic = [
  ["lbarx", "31 X=52", "RT,RA0,RB,EH?"],
  ["lharx", "31 X=116", "RT,RA0,RB,EH?"],
  ["lwarx", "31 X=20", "RT,RA0,RB,EH?"],
  ["ldarx", "31 X=84", "RT,RA0,RB,EH?"],
  ["lqarx", "31 X=276 10=0", "RTp,RA0,RB,EH?", "RA!=RT RB!=RT"],
  ["stbcx.", "31 X=694 31=1", "RS,RA0,RB"],
  ["sthcx.", "31 X=726 31=1", "RS,RA0,RB"],
  ["stwcx.", "31 X=150 31=1", "RS,RA0,RB"],
  ["stdcx.", "31 X=214 31=1", "RS,RA0,RB"],
  ["stqcx.", "31 X=182 10=0 31=1", "RSp,RA0,RB"],
  ["lwat", "31 X=582 31=0", "RT,RA0,FC"],
  ["ldat", "31 X=614 31=0", "RT,RA0,FC"],
  ["stwat", "31 X=710 31=0", "RS,RA0,FC"],
  ["stdat", "31 X=742 31=0", "RS,RA0,FC"]
];
var wide = [
  ["lfsx", "31 X=535 31=0", "FRT,RA0,RB"],
  ["lfsux", "31 X=567 31=0", "FRT,RA^,RB", others],
  ["lfdx", "31 X=599 31=0", "FRT,RA0,RB"],
  ["lfdux", "31 X=631 31=0", "FRT,RA^,RB", others],
  ["lfiwax", "31 X=855 31=0", "FRT,RA0,RB"],
  ["lfiwzx", "31 X=887 31=0", "FRT,RA0,RB"],
  ["stfsx", "31 X=663 31=0", "FRS,RA0,RB"],
  ["stfsux", "31 X=695 31=0", "FRS,RA^,RB", others],
  ["stfdx", "31 X=727 31=0", "FRS,RA0,RB"],
  ["stfdux", "31 X=759 31=0", "FRS,RA^,RB", others],
  ["stfiwx", "31 X=983 31=0", "FRS,RA0,RB"],
  ["lvebx", "31 X=7 31=0", "VRT,RA0,RB"],
  ["lvehx", "31 X=39 31=0", "VRT,RA0,RB"],
  ["lvewx", "31 X=71 31=0", "VRT,RA0,RB"],
  ["lvx", "31 X=103 31=0", "VRT,RA0,RB"],
  ["lvxl", "31 X=359 31=0", "VRT,RA0,RB"],
  ["lvsl", "31 X=6 31=0", "VRT,RA0,RB"],
  ["lvsr", "31 X=38 31=0", "VRT,RA0,RB"],
  ["stvebx", "31 X=135 31=0", "VRS,RA0,RB"],
  ["stvehx", "31 X=167 31=0", "VRS,RA0,RB"],
  ["stvewx", "31 X=199 31=0", "VRS,RA0,RB"],
  ["stvx", "31 X=231 31=0", "VRS,RA0,RB"],
  ["stvxl", "31 X=487 31=0", "VRS,RA0,RB"],
  ["lxsdx", "31 X=588", "XT,RA0,RB"],
  ["lxsspx", "31 X=524", "XT,RA0,RB"],
  ["lxsibzx", "31 X=781", "XT,RA0,RB"],
  ["lxsihzx", "31 X=813", "XT,RA0,RB"],
  ["lxsiwax", "31 X=76", "XT,RA0,RB"],
  ["lxsiwzx", "31 X=12", "XT,RA0,RB"],
  ["lxvx", "31 X=268", "XT,RA0,RB"],
  ["lxvd2x", "31 X=844", "XT,RA0,RB"],
  ["lxvdsx", "31 X=332", "XT,RA0,RB"],
  ["lxvw4x", "31 X=780", "XT,RA0,RB"],
  ["lxvwsx", "31 X=364", "XT,RA0,RB"],
  ["lxvh8x", "31 X=812", "XT,RA0,RB"],
  ["lxvb16x", "31 X=876", "XT,RA0,RB"],
  ["lxvl", "31 X=269", "XT,RA0,RB"],
  ["lxvll", "31 X=301", "XT,RA0,RB"],
  ["lxvrbx", "31 X=13", "XT,RA0,RB"],
  ["lxvrhx", "31 X=45", "XT,RA0,RB"],
  ["lxvrwx", "31 X=77", "XT,RA0,RB"],
  ["lxvrdx", "31 X=109", "XT,RA0,RB"],
  ["lxvpx", "31 X=333", "XTP,RA0,RB"],
  ["stxsdx", "31 X=716", "XS,RA0,RB"],
  ["stxsspx", "31 X=652", "XS,RA0,RB"],
  ["stxsibx", "31 X=909", "XS,RA0,RB"],
  ["stxsihx", "31 X=941", "XS,RA0,RB"],
  ["stxsiwx", "31 X=140", "XS,RA0,RB"],
  ["stxvx", "31 X=396", "XS,RA0,RB"],
  ["stxvd2x", "31 X=972", "XS,RA0,RB"],
  ["stxvw4x", "31 X=908", "XS,RA0,RB"],
  ["stxvh8x", "31 X=940", "XS,RA0,RB"],
  ["stxvb16x", "31 X=1004", "XS,RA0,RB"],
  ["stxvl", "31 X=397", "XS,RA0,RB"],
  ["stxvll", "31 X=429", "XS,RA0,RB"],
  ["stxvrbx", "31 X=141", "XS,RA0,RB"],
  ["stxvrhx", "31 X=173", "XS,RA0,RB"],
  ["stxvrwx", "31 X=205", "XS,RA0,RB"],
  ["stxvrdx", "31 X=237", "XS,RA0,RB"],
  ["stxvpx", "31 X=461", "XSP,RA0,RB"]
];
var loadStoreRows = [...displacement, ...indexed, ...atomic, ...wide];

// src/ppc64/tables/prefixed.ts
var modified = [
  ["plwz", 32, "RT"],
  ["plbz", 34, "RT"],
  ["pstw", 36, "RS"],
  ["pstb", 38, "RS"],
  ["plhz", 40, "RT"],
  ["plha", 42, "RT"],
  ["psth", 44, "RS"],
  ["plfs", 48, "FRT"],
  ["plfd", 50, "FRT"],
  ["pstfs", 52, "FRS"],
  ["pstfd", 54, "FRS"]
];
var eightByte = [
  ["plwa", "41", "RT"],
  ["plxsd", "42", "VRT"],
  ["plxssp", "43", "VRT"],
  ["pstxsd", "46", "VRS"],
  ["pstxssp", "47", "VRS"],
  ["plxv", "0:4=25", "XT5"],
  ["pstxv", "0:4=27", "XS5"],
  ["plq", "56", "RTp"],
  ["pld", "57", "RT"],
  ["plxvp", "58", "XTP"],
  ["pstq", "60", "RSp"],
  ["pstd", "61", "RS"],
  ["pstxvp", "62", "XSP"]
];
function memoryRows(mnemonic, type, opcode, register) {
  const prefix = `1 6:7=${type} 8:10=0 12:13=0`;
  return [
    [mnemonic, `${prefix} 11=0 / ${opcode}`, `${register},D34(RA0)`],
    [mnemonic, `${prefix} 11=1 / ${opcode} RA=0`, `${register},P34`]
  ];
}
var registerPrefix = "1 6:7=1 8:15=0";
var prefixedRows = [
  ["pli", "1 6:7=2 8:13=0 / 14 RA=0", "RT,SI34"],
  ["paddi", "1 6:7=2 8:13=0 / 14", "RT,RA,SI34"],
  ["pla", "1 6:7=2 8:10=0 11=1 12:13=0 / 14 RA=0", "RT,P34"],
  ...modified.flatMap(([mnemonic, primary, register]) => memoryRows(mnemonic, 2, primary, register)),
  ...eightByte.flatMap(([mnemonic, opcode, register]) => memoryRows(mnemonic, 0, opcode, register)),
  ["xxsplti32dx", `${registerPrefix} / 32 11:13=0`, "XTD,U14:14,IMM32"],
  ["xxspltidp", `${registerPrefix} / 32 11:14=2`, "XTD,IMM32"],
  ["xxspltiw", `${registerPrefix} / 32 11:14=3`, "XTD,IMM32"],
  ["xxblendvb", `${registerPrefix} 16:31=0 / 33 26:27=0`, "XT,XA,XB,XC"],
  ["xxblendvh", `${registerPrefix} 16:31=0 / 33 26:27=1`, "XT,XA,XB,XC"],
  ["xxblendvw", `${registerPrefix} 16:31=0 / 33 26:27=2`, "XT,XA,XB,XC"],
  ["xxblendvd", `${registerPrefix} 16:31=0 / 33 26:27=3`, "XT,XA,XB,XC"],
  ["xxpermx", `${registerPrefix} 16:28=0 / 34 26:27=0`, "XT,XA,XB,XC,UIM3"],
  ["xxeval", `${registerPrefix} 16:23=0 / 34 26:27=1`, "XT,XA,XB,XC,IMM8"],
  ["pnop", "1 6:7=3 8:31=0 / 0:4=0", ""]
];

// src/ppc64/tables/special-registers.ts
var both = [
  [1, "xer"],
  [3, "udscr"],
  [8, "lr"],
  [9, "ctr"],
  [13, "uamr"],
  [17, "dscr"],
  [18, "dsisr"],
  [19, "dar"],
  [22, "dec"],
  [25, "sdr1"],
  [26, "srr0"],
  [27, "srr1"],
  [28, "cfar"],
  [29, "amr"],
  [48, "pidr"],
  [61, "iamr"],
  [153, "fscr"],
  [157, "uamor"],
  [159, "pspb"],
  [176, "dpdes"],
  [180, "dawr0"],
  [181, "dawr1"],
  [186, "rpr"],
  [187, "ciabr"],
  [188, "dawrx0"],
  [189, "dawrx1"],
  [190, "hfscr"],
  [256, "vrsave"],
  [272, "sprg0"],
  [273, "sprg1"],
  [274, "sprg2"],
  [275, "sprg3"],
  [280, "asr"],
  [282, "ear"],
  [304, "hsprg0"],
  [305, "hsprg1"],
  [306, "hdisr"],
  [307, "hdar"],
  [308, "spurr"],
  [309, "purr"],
  [310, "hdec"],
  [313, "hrmor"],
  [314, "hsrr0"],
  [315, "hsrr1"],
  [318, "lpcr"],
  [319, "lpidr"],
  [336, "hmer"],
  [337, "hmeer"],
  [338, "pcr"],
  [339, "heir"],
  [349, "amor"],
  [464, "ptcr"],
  [496, "usprg0"],
  [497, "usprg1"],
  [505, "urmor"],
  [506, "usrr0"],
  [507, "usrr1"],
  [511, "smfctrl"],
  [528, "ibatu0"],
  [529, "ibatl0"],
  [530, "ibatu1"],
  [531, "ibatl1"],
  [532, "ibatu2"],
  [533, "ibatl2"],
  [534, "ibatu3"],
  [535, "ibatl3"],
  [536, "dbatu0"],
  [537, "dbatl0"],
  [538, "dbatu1"],
  [539, "dbatl1"],
  [540, "dbatu2"],
  [541, "dbatl2"],
  [542, "dbatu3"],
  [543, "dbatl3"],
  [769, "ummcr2"],
  [770, "ummcra"],
  [771, "upmc1"],
  [772, "upmc2"],
  [773, "upmc3"],
  [774, "upmc4"],
  [775, "upmc5"],
  [776, "upmc6"],
  [779, "ummcr0"],
  [800, "bescrs"],
  [801, "bescrsu"],
  [802, "bescrr"],
  [803, "bescrru"],
  [804, "ebbhr"],
  [805, "ebbrr"],
  [806, "bescr"],
  [815, "tar"],
  [816, "asdr"],
  [823, "psscr"],
  [848, "ic"],
  [849, "vtb"],
  [855, "hpsscr"],
  [896, "ppr"],
  [898, "ppr32"]
];
var readOnly = [
  [4, "rtcu"],
  [5, "rtcl"],
  [136, "ctrl"],
  [259, "usprg3"],
  [268, "tb"],
  [269, "tbu"],
  [287, "pvr"],
  [446, "tir"],
  [736, "usier2"],
  [737, "usier3"],
  [738, "ummcr3"],
  [768, "usier"],
  [780, "usiar"],
  [781, "usdar"],
  [782, "ummcr1"],
  [1023, "pir"]
];
var writeOnly = [
  [20, "rtcu"],
  [21, "rtcl"],
  [128, "tfhar"],
  [129, "tfiar"],
  [130, "texasr"],
  [131, "texasru"],
  [152, "ctrl"],
  [284, "tbl"],
  [285, "tbu"],
  [286, "tbu40"],
  [752, "sier2"],
  [753, "sier3"],
  [754, "mmcr3"],
  [784, "sier"],
  [786, "mmcra"],
  [787, "pmc1"],
  [788, "pmc2"],
  [789, "pmc3"],
  [790, "pmc4"],
  [791, "pmc5"],
  [792, "pmc6"],
  [795, "mmcr0"],
  [796, "siar"],
  [797, "sdar"],
  [798, "mmcr1"]
];
function encoded(number2) {
  return (number2 & 31) << 5 | number2 >> 5;
}
function moveRows(name, extended, operand, list) {
  return list.map(([number2, register]) => {
    const banked = /^(sprg|[id]bat[ul])([0-3])$/.exec(register);
    const pattern = `31 X=${extended} 31=0 11:20=${encoded(number2)}`;
    if (banked === null) return [`${name}${register}`, pattern, operand];
    return [`${name}${banked[1]}`, pattern, operand === "RT" ? `RT,#${banked[2]}` : `#${banked[2]},RS`];
  });
}
var specialRegisterRows = [
  ...moveRows("mf", 339, "RT", [...both, ...readOnly]),
  ["mfspr", "31 X=339 31=0", "RT,SPR"],
  ...moveRows("mt", 467, "RS", [...both, ...writeOnly]),
  ["mtspr", "31 X=467 31=0", "SPR,RS"]
];

// src/ppc64/tables/system.ts
var storage = [
  ["dcbf", "31 X=86 RT=0 31=0", "RA0,RB"],
  ["dcbfl", "31 X=86 RT=1 31=0", "RA0,RB"],
  ["dcbflp", "31 X=86 RT=3 31=0", "RA0,RB"],
  ["dcbfps", "31 X=86 RT=4 31=0", "RA0,RB"],
  ["dcbstps", "31 X=86 RT=6 31=0", "RA0,RB"],
  ["dcbst", "31 X=54 RT=0 31=0", "RA0,RB"],
  ["dcbi", "31 X=470 RT=0 31=0", "RA0,RB"],
  ["dcbz", "31 X=1014 RT=0 31=0", "RA0,RB"],
  ["dcbtt", "31 X=278 RT=16 31=0", "RA0,RB"],
  ["dcbna", "31 X=278 RT=17 31=0", "RA0,RB"],
  ["dcbtct", "31 X=278 6:7=0 31=0", "RA0,RB,TH?", "TH<8"],
  ["dcbtds", "31 X=278 6:7=1 31=0", "RA0,RB,TH?8"],
  ["dcbt", "31 X=278 31=0", "RA0,RB,TH?"],
  ["dcbtstt", "31 X=246 RT=16 31=0", "RA0,RB"],
  ["dcbtstct", "31 X=246 6:7=0 31=0", "RA0,RB,TH?", "TH<8"],
  ["dcbtstds", "31 X=246 6:7=1 31=0", "RA0,RB,TH?8"],
  ["dcbtst", "31 X=246 31=0", "RA0,RB,TH?"],
  ["icbi", "31 X=982 RT=0 31=0", "RA0,RB"],
  ["icbt", "31 X=22 31=0", "TH?,RA0,RB"],
  ["dssall", "31 X=822 6=1", ""],
  ["dss", "31 X=822 6=0", "STRM"],
  ["dst", "31 X=342 6=0", "RA,RB,STRM"],
  ["dstt", "31 X=342 6=1", "RA,RB,STRM"],
  ["dstst", "31 X=374 6=0", "RA,RB,STRM"],
  ["dststt", "31 X=374 6=1", "RA,RB,STRM"],
  ["copy", "31 X=774 6:9=0 L=1 31=0", "RA0,RB"],
  ["paste.", "31 X=902 6:8=0 31=1", "RA0,RB,L?1"],
  ["cpabort", "31 X=838 6:20=0 31=0", ""],
  ["eciwx", "31 X=310 31=0", "RT,RA0,RB"],
  ["ecowx", "31 X=438 31=0", "RS,RA0,RB"],
  ["pbt.", "31 X=404 31=1", "RS,RA0,RB"],
  ["icswx[.]", "31 X=406", "RS,RA,RB"]
];
var synchronisation = [
  ["hwsync", "31 X=598 6:20=0 31=0", ""],
  ["lwsync", "31 X=598 6:7=0 L3=1 11:20=0 31=0", ""],
  ["ptesync", "31 X=598 6:7=0 L3=2 11:20=0 31=0", ""],
  ["phwsync", "31 X=598 6:7=0 L3=4 11:20=0 31=0", ""],
  ["plwsync", "31 X=598 6:7=0 L3=5 11:20=0 31=0", ""],
  ["stncisync", "31 X=598 6:7=0 L3=1 11:15=1 RB=0 31=0", ""],
  ["stcisync", "31 X=598 6:7=0 L3=0 11:15=2 RB=0 31=0", ""],
  ["stsync", "31 X=598 6:7=0 L3=0 11:15=3 RB=0 31=0", ""],
  ["sync", "31 X=598 6:7=0 11:13=0 RB=0 31=0", "L3?,SC2?", "L3!=3 L3!=6 L3!=7"],
  ["eieio", "31 X=854 6:20=0 31=0", ""],
  ["wait", "31 X=30 6:20=0 31=0", ""],
  ["waitrsv", "31 X=30 6:8=0 9:10=1 11:20=0 31=0", ""],
  ["pause_short", "31 X=30 6:8=0 9:10=2 11:20=0 31=0", ""],
  ["msgclr", "31 X=238 6:15=0 31=0", "RB"],
  ["msgclru", "31 X=110 6:15=0 31=0", "RB"],
  ["msgclrp", "31 X=174 6:15=0 31=0", "RB"],
  ["msgsnd", "31 X=206 6:15=0 31=0", "RB"],
  ["msgsndu", "31 X=78 6:15=0 31=0", "RB"],
  ["msgsndp", "31 X=142 6:15=0 31=0", "RB"],
  ["msgsync", "31 X=886 6:20=0 31=0", ""]
];
var supervisor = [
  ["mfmsr", "31 X=83 11:20=0 31=0", "RT"],
  ["mtmsr", "31 X=146 11:14=0 RB=0 31=0", "RS,L15?"],
  ["mtmsrd", "31 X=178 11:14=0 RB=0 31=0", "RS,L15?"],
  ["mtsle", "31 X=147 6:9=0 11:20=0 31=0", "L"],
  ["mtsrd", "31 X=82 11=0 RB=0 31=0", "SR,RS"],
  ["mtsrdin", "31 X=114 11:15=0 31=0", "RS,RB"],
  ["slbia", "31 X=498 6:7=0 11:20=0 31=0", "IH?"],
  ["slbiag", "31 X=850 11:14=0 RB=0 31=0", "RS,L15?"],
  ["slbie", "31 X=434 6:15=0 31=0", "RB"],
  ["slbieg", "31 X=466 11:15=0 31=0", "RS,RB"],
  ["slbfee.", "31 X=979 11:15=0 31=1", "RT,RB"],
  ["slbmfee", "31 X=915 11:14=0 31=0", "RT,RB,L15?"],
  ["slbmfev", "31 X=851 11:14=0 31=0", "RT,RB,L15?"],
  ["slbmte", "31 X=402 11:15=0 31=0", "RS,RB"],
  ["slbsync", "31 X=338 6:20=0 31=0", ""],
  ["tlbie", "31 X=306 11=0 31=0", "RB,RS,RIC?,PRS?,R15?"],
  ["tlbiel", "31 X=274 11=0 31=0", "RB,RS?,RIC?,PRS?,R15?"],
  ["tlbsync", "31 X=566 6:20=0 31=0", ""],
  ["tlbia", "31 X=370 6:20=0 31=0", ""],
  ["tlbld", "31 X=978 6:15=0 31=0", "RB"],
  ["tlbli", "31 X=1010 6:15=0 31=0", "RB"],
  ["rmieg", "31 X=882 6:15=0 31=0", "RB"],
  ["clrbhrb", "31 X=430 6:20=0 31=0", ""],
  ["mfbhrbe", "31 X=302 31=0", "RT,BHRBE"]
];
var transactions = [
  ["tbegin.", "31 X=654 6:9=0 11:20=0 31=1", "R10?"],
  ["tend.", "31 X=686 6=0 7:20=0 31=1", ""],
  ["tendall.", "31 X=686 6=1 7:20=0 31=1", ""],
  ["tcheck", "31 X=718 9:20=0 31=0", "BF"],
  ["tsuspend.", "31 X=750 6:20=0 31=1", ""],
  ["tresume.", "31 X=750 6:9=0 L=1 11:20=0 31=1", ""],
  ["tabort.", "31 X=910 6:10=0 RB=0 31=1", "RA"],
  ["tabortwc.", "31 X=782 31=1", "TO,RA,RB"],
  ["tabortdc.", "31 X=814 31=1", "TO,RA,RB"],
  ["tabortwci.", "31 X=846 31=1", "TO,RA,SIM5"],
  ["tabortdci.", "31 X=878 31=1", "TO,RA,SIM5"],
  ["treclaim.", "31 X=942 6:10=0 RB=0 31=1", "RA"],
  ["trechkpt.", "31 X=1006 6:20=0 31=1", ""]
];
var systemRows = [...storage, ...synchronisation, ...supervisor, ...transactions];

// src/ppc64/tables/vector.ts
var vectorRows = [
  ["vmr", "4 VX=1156", "VRT,VRA", "VRB=VRA"],
  ["vnot", "4 VX=1284", "VRT,VRA", "VRB=VRA"],
  ["bcdadd.", "4 21=1 23:31=1", "VRT,VRA,VRB,U22:22"],
  ["bcdcfn.", "4 21=1 23:31=385 RA=7", "VRT,VRB,U22:22"],
  ["bcdcfsq.", "4 21=1 23:31=385 RA=2", "VRT,VRB,U22:22"],
  ["bcdcfz.", "4 21=1 23:31=385 RA=6", "VRT,VRB,U22:22"],
  ["bcdcpsgn.", "4 VX=833", "VRT,VRA,VRB"],
  ["bcdctn.", "4 VX=1409 RA=5", "VRT,VRB"],
  ["bcdctsq.", "4 VX=1409 RA=0", "VRT,VRB"],
  ["bcdctz.", "4 21=1 23:31=385 RA=4", "VRT,VRB,U22:22"],
  ["bcds.", "4 21=1 23:31=193", "VRT,VRA,VRB,U22:22"],
  ["bcdsetsgn.", "4 21=1 23:31=385 RA=31", "VRT,VRB,U22:22"],
  ["bcdsr.", "4 21=1 23:31=449", "VRT,VRA,VRB,U22:22"],
  ["bcdsub.", "4 21=1 23:31=65", "VRT,VRA,VRB,U22:22"],
  ["bcdtrunc.", "4 21=1 23:31=257", "VRT,VRA,VRB,U22:22"],
  ["bcdus.", "4 VX=1153", "VRT,VRA,VRB"],
  ["bcdutrunc.", "4 VX=1345", "VRT,VRA,VRB"],
  ["mfvscr", "4 VX=1540 RA=0 RB=0", "VRT"],
  ["mtvscr", "4 VX=1604 6:10=0 RA=0", "VRB"],
  ["mtvsrbm", "4 VX=1602 RA=16", "VRT,RB"],
  ["mtvsrbmi", "4 26:30=10", "VRT,DX"],
  ["mtvsrdm", "4 VX=1602 RA=19", "VRT,RB"],
  ["mtvsrhm", "4 VX=1602 RA=17", "VRT,RB"],
  ["mtvsrqm", "4 VX=1602 RA=20", "VRT,RB"],
  ["mtvsrwm", "4 VX=1602 RA=18", "VRT,RB"],
  ["vabsdub", "4 VX=1027", "VRT,VRA,VRB"],
  ["vabsduh", "4 VX=1091", "VRT,VRA,VRB"],
  ["vabsduw", "4 VX=1155", "VRT,VRA,VRB"],
  ["vaddcuq", "4 VX=320", "VRT,VRA,VRB"],
  ["vaddcuw", "4 VX=384", "VRT,VRA,VRB"],
  ["vaddecuq", "4 VA=61", "VRT,VRA,VRB,VRC"],
  ["vaddeuqm", "4 VA=60", "VRT,VRA,VRB,VRC"],
  ["vaddfp", "4 VX=10", "VRT,VRA,VRB"],
  ["vaddsbs", "4 VX=768", "VRT,VRA,VRB"],
  ["vaddshs", "4 VX=832", "VRT,VRA,VRB"],
  ["vaddsws", "4 VX=896", "VRT,VRA,VRB"],
  ["vaddubm", "4 VX=0", "VRT,VRA,VRB"],
  ["vaddubs", "4 VX=512", "VRT,VRA,VRB"],
  ["vaddudm", "4 VX=192", "VRT,VRA,VRB"],
  ["vadduhm", "4 VX=64", "VRT,VRA,VRB"],
  ["vadduhs", "4 VX=576", "VRT,VRA,VRB"],
  ["vadduqm", "4 VX=256", "VRT,VRA,VRB"],
  ["vadduwm", "4 VX=128", "VRT,VRA,VRB"],
  ["vadduws", "4 VX=640", "VRT,VRA,VRB"],
  ["vand", "4 VX=1028", "VRT,VRA,VRB"],
  ["vandc", "4 VX=1092", "VRT,VRA,VRB"],
  ["vavgsb", "4 VX=1282", "VRT,VRA,VRB"],
  ["vavgsh", "4 VX=1346", "VRT,VRA,VRB"],
  ["vavgsw", "4 VX=1410", "VRT,VRA,VRB"],
  ["vavgub", "4 VX=1026", "VRT,VRA,VRB"],
  ["vavguh", "4 VX=1090", "VRT,VRA,VRB"],
  ["vavguw", "4 VX=1154", "VRT,VRA,VRB"],
  ["vbpermd", "4 VX=1484", "VRT,VRA,VRB"],
  ["vbpermq", "4 VX=1356", "VRT,VRA,VRB"],
  ["vcfsx", "4 VX=842", "VRT,VRB,U11:15"],
  ["vcfuged", "4 VX=1357", "VRT,VRA,VRB"],
  ["vcfux", "4 VX=778", "VRT,VRB,U11:15"],
  ["vcipher", "4 VX=1288", "VRT,VRA,VRB"],
  ["vcipherlast", "4 VX=1289", "VRT,VRA,VRB"],
  ["vclrlb", "4 VX=397", "VRT,VRA,RB"],
  ["vclrrb", "4 VX=461", "VRT,VRA,RB"],
  ["vclzb", "4 VX=1794 RA=0", "VRT,VRB"],
  ["vclzd", "4 VX=1986 RA=0", "VRT,VRB"],
  ["vclzdm", "4 VX=1924", "VRT,VRA,VRB"],
  ["vclzh", "4 VX=1858 RA=0", "VRT,VRB"],
  ["vclzlsbb", "4 VX=1538 RA=0", "RT,VRB"],
  ["vclzw", "4 VX=1922 RA=0", "VRT,VRB"],
  ["vcmpbfp", "4 VX=966", "VRT,VRA,VRB"],
  ["vcmpbfp.", "4 VX=1990", "VRT,VRA,VRB"],
  ["vcmpeqfp", "4 VX=198", "VRT,VRA,VRB"],
  ["vcmpeqfp.", "4 VX=1222", "VRT,VRA,VRB"],
  ["vcmpequb", "4 VX=6", "VRT,VRA,VRB"],
  ["vcmpequb.", "4 VX=1030", "VRT,VRA,VRB"],
  ["vcmpequd", "4 VX=199", "VRT,VRA,VRB"],
  ["vcmpequd.", "4 VX=1223", "VRT,VRA,VRB"],
  ["vcmpequh", "4 VX=70", "VRT,VRA,VRB"],
  ["vcmpequh.", "4 VX=1094", "VRT,VRA,VRB"],
  ["vcmpequq", "4 VX=455", "VRT,VRA,VRB"],
  ["vcmpequq.", "4 VX=1479", "VRT,VRA,VRB"],
  ["vcmpequw", "4 VX=134", "VRT,VRA,VRB"],
  ["vcmpequw.", "4 VX=1158", "VRT,VRA,VRB"],
  ["vcmpgefp", "4 VX=454", "VRT,VRA,VRB"],
  ["vcmpgefp.", "4 VX=1478", "VRT,VRA,VRB"],
  ["vcmpgtfp", "4 VX=710", "VRT,VRA,VRB"],
  ["vcmpgtfp.", "4 VX=1734", "VRT,VRA,VRB"],
  ["vcmpgtsb", "4 VX=774", "VRT,VRA,VRB"],
  ["vcmpgtsb.", "4 VX=1798", "VRT,VRA,VRB"],
  ["vcmpgtsd", "4 VX=967", "VRT,VRA,VRB"],
  ["vcmpgtsd.", "4 VX=1991", "VRT,VRA,VRB"],
  ["vcmpgtsh", "4 VX=838", "VRT,VRA,VRB"],
  ["vcmpgtsh.", "4 VX=1862", "VRT,VRA,VRB"],
  ["vcmpgtsq", "4 VX=903", "VRT,VRA,VRB"],
  ["vcmpgtsq.", "4 VX=1927", "VRT,VRA,VRB"],
  ["vcmpgtsw", "4 VX=902", "VRT,VRA,VRB"],
  ["vcmpgtsw.", "4 VX=1926", "VRT,VRA,VRB"],
  ["vcmpgtub", "4 VX=518", "VRT,VRA,VRB"],
  ["vcmpgtub.", "4 VX=1542", "VRT,VRA,VRB"],
  ["vcmpgtud", "4 VX=711", "VRT,VRA,VRB"],
  ["vcmpgtud.", "4 VX=1735", "VRT,VRA,VRB"],
  ["vcmpgtuh", "4 VX=582", "VRT,VRA,VRB"],
  ["vcmpgtuh.", "4 VX=1606", "VRT,VRA,VRB"],
  ["vcmpgtuq", "4 VX=647", "VRT,VRA,VRB"],
  ["vcmpgtuq.", "4 VX=1671", "VRT,VRA,VRB"],
  ["vcmpgtuw", "4 VX=646", "VRT,VRA,VRB"],
  ["vcmpgtuw.", "4 VX=1670", "VRT,VRA,VRB"],
  ["vcmpneb", "4 VX=7", "VRT,VRA,VRB"],
  ["vcmpneb.", "4 VX=1031", "VRT,VRA,VRB"],
  ["vcmpneh", "4 VX=71", "VRT,VRA,VRB"],
  ["vcmpneh.", "4 VX=1095", "VRT,VRA,VRB"],
  ["vcmpnew", "4 VX=135", "VRT,VRA,VRB"],
  ["vcmpnew.", "4 VX=1159", "VRT,VRA,VRB"],
  ["vcmpnezb", "4 VX=263", "VRT,VRA,VRB"],
  ["vcmpnezb.", "4 VX=1287", "VRT,VRA,VRB"],
  ["vcmpnezh", "4 VX=327", "VRT,VRA,VRB"],
  ["vcmpnezh.", "4 VX=1351", "VRT,VRA,VRB"],
  ["vcmpnezw", "4 VX=391", "VRT,VRA,VRB"],
  ["vcmpnezw.", "4 VX=1415", "VRT,VRA,VRB"],
  ["vcmpsq", "4 VX=321 9:10=0", "BF,VRA,VRB"],
  ["vcmpuq", "4 VX=257 9:10=0", "BF,VRA,VRB"],
  ["vcntmbb", "4 VX=1602 11:14=12", "RT,VRB,U15:15"],
  ["vcntmbd", "4 VX=1602 11:14=15", "RT,VRB,U15:15"],
  ["vcntmbh", "4 VX=1602 11:14=13", "RT,VRB,U15:15"],
  ["vcntmbw", "4 VX=1602 11:14=14", "RT,VRB,U15:15"],
  ["vctsxs", "4 VX=970", "VRT,VRB,U11:15"],
  ["vctuxs", "4 VX=906", "VRT,VRB,U11:15"],
  ["vctzb", "4 VX=1538 RA=28", "VRT,VRB"],
  ["vctzd", "4 VX=1538 RA=31", "VRT,VRB"],
  ["vctzdm", "4 VX=1988", "VRT,VRA,VRB"],
  ["vctzh", "4 VX=1538 RA=29", "VRT,VRB"],
  ["vctzlsbb", "4 VX=1538 RA=1", "RT,VRB"],
  ["vctzw", "4 VX=1538 RA=30", "VRT,VRB"],
  ["vdivesd", "4 VX=971", "VRT,VRA,VRB"],
  ["vdivesq", "4 VX=779", "VRT,VRA,VRB"],
  ["vdivesw", "4 VX=907", "VRT,VRA,VRB"],
  ["vdiveud", "4 VX=715", "VRT,VRA,VRB"],
  ["vdiveuq", "4 VX=523", "VRT,VRA,VRB"],
  ["vdiveuw", "4 VX=651", "VRT,VRA,VRB"],
  ["vdivsd", "4 VX=459", "VRT,VRA,VRB"],
  ["vdivsq", "4 VX=267", "VRT,VRA,VRB"],
  ["vdivsw", "4 VX=395", "VRT,VRA,VRB"],
  ["vdivud", "4 VX=203", "VRT,VRA,VRB"],
  ["vdivuq", "4 VX=11", "VRT,VRA,VRB"],
  ["vdivuw", "4 VX=139", "VRT,VRA,VRB"],
  ["veqv", "4 VX=1668", "VRT,VRA,VRB"],
  ["vexpandbm", "4 VX=1602 RA=0", "VRT,VRB"],
  ["vexpanddm", "4 VX=1602 RA=3", "VRT,VRB"],
  ["vexpandhm", "4 VX=1602 RA=1", "VRT,VRB"],
  ["vexpandqm", "4 VX=1602 RA=4", "VRT,VRB"],
  ["vexpandwm", "4 VX=1602 RA=2", "VRT,VRB"],
  ["vexptefp", "4 VX=394 RA=0", "VRT,VRB"],
  ["vextddvlx", "4 VA=30", "VRT,VRA,VRB,RC"],
  ["vextddvrx", "4 VA=31", "VRT,VRA,VRB,RC"],
  ["vextdubvlx", "4 VA=24", "VRT,VRA,VRB,RC"],
  ["vextdubvrx", "4 VA=25", "VRT,VRA,VRB,RC"],
  ["vextduhvlx", "4 VA=26", "VRT,VRA,VRB,RC"],
  ["vextduhvrx", "4 VA=27", "VRT,VRA,VRB,RC"],
  ["vextduwvlx", "4 VA=28", "VRT,VRA,VRB,RC"],
  ["vextduwvrx", "4 VA=29", "VRT,VRA,VRB,RC"],
  ["vextractbm", "4 VX=1602 RA=8", "RT,VRB"],
  ["vextractd", "4 VX=717 11=0", "VRT,VRB,U12:15"],
  ["vextractdm", "4 VX=1602 RA=11", "RT,VRB"],
  ["vextracthm", "4 VX=1602 RA=9", "RT,VRB"],
  ["vextractqm", "4 VX=1602 RA=12", "RT,VRB"],
  ["vextractub", "4 VX=525 11=0", "VRT,VRB,U12:15"],
  ["vextractuh", "4 VX=589 11=0", "VRT,VRB,U12:15"],
  ["vextractuw", "4 VX=653 11=0", "VRT,VRB,U12:15"],
  ["vextractwm", "4 VX=1602 RA=10", "RT,VRB"],
  ["vextsb2d", "4 VX=1538 RA=24", "VRT,VRB"],
  ["vextsb2w", "4 VX=1538 RA=16", "VRT,VRB"],
  ["vextsd2q", "4 VX=1538 RA=27", "VRT,VRB"],
  ["vextsh2d", "4 VX=1538 RA=25", "VRT,VRB"],
  ["vextsh2w", "4 VX=1538 RA=17", "VRT,VRB"],
  ["vextsw2d", "4 VX=1538 RA=26", "VRT,VRB"],
  ["vextublx", "4 VX=1549", "RT,RA,VRB"],
  ["vextubrx", "4 VX=1805", "RT,RA,VRB"],
  ["vextuhlx", "4 VX=1613", "RT,RA,VRB"],
  ["vextuhrx", "4 VX=1869", "RT,RA,VRB"],
  ["vextuwlx", "4 VX=1677", "RT,RA,VRB"],
  ["vextuwrx", "4 VX=1933", "RT,RA,VRB"],
  ["vgbbd", "4 VX=1292 RA=0", "VRT,VRB"],
  ["vgnb", "4 VX=1228", "RT,VRB,U13:15"],
  ["vinsblx", "4 VX=527", "VRT,RA,RB"],
  ["vinsbrx", "4 VX=783", "VRT,RA,RB"],
  ["vinsbvlx", "4 VX=15", "VRT,RA,VRB"],
  ["vinsbvrx", "4 VX=271", "VRT,RA,VRB"],
  ["vinsd", "4 VX=463 11=0", "VRT,RB,U12:15"],
  ["vinsdlx", "4 VX=719", "VRT,RA,RB"],
  ["vinsdrx", "4 VX=975", "VRT,RA,RB"],
  ["vinsertb", "4 VX=781 11=0", "VRT,VRB,U12:15"],
  ["vinsertd", "4 VX=973 11=0", "VRT,VRB,U12:15"],
  ["vinserth", "4 VX=845 11=0", "VRT,VRB,U12:15"],
  ["vinsertw", "4 VX=909 11=0", "VRT,VRB,U12:15"],
  ["vinshlx", "4 VX=591", "VRT,RA,RB"],
  ["vinshrx", "4 VX=847", "VRT,RA,RB"],
  ["vinshvlx", "4 VX=79", "VRT,RA,VRB"],
  ["vinshvrx", "4 VX=335", "VRT,RA,VRB"],
  ["vinsw", "4 VX=207 11=0", "VRT,RB,U12:15"],
  ["vinswlx", "4 VX=655", "VRT,RA,RB"],
  ["vinswrx", "4 VX=911", "VRT,RA,RB"],
  ["vinswvlx", "4 VX=143", "VRT,RA,VRB"],
  ["vinswvrx", "4 VX=399", "VRT,RA,VRB"],
  ["vlogefp", "4 VX=458 RA=0", "VRT,VRB"],
  ["vmaddfp", "4 VA=46", "VRT,VRA,VRC,VRB"],
  ["vmaxfp", "4 VX=1034", "VRT,VRA,VRB"],
  ["vmaxsb", "4 VX=258", "VRT,VRA,VRB"],
  ["vmaxsd", "4 VX=450", "VRT,VRA,VRB"],
  ["vmaxsh", "4 VX=322", "VRT,VRA,VRB"],
  ["vmaxsw", "4 VX=386", "VRT,VRA,VRB"],
  ["vmaxub", "4 VX=2", "VRT,VRA,VRB"],
  ["vmaxud", "4 VX=194", "VRT,VRA,VRB"],
  ["vmaxuh", "4 VX=66", "VRT,VRA,VRB"],
  ["vmaxuw", "4 VX=130", "VRT,VRA,VRB"],
  ["vmhaddshs", "4 VA=32", "VRT,VRA,VRB,VRC"],
  ["vmhraddshs", "4 VA=33", "VRT,VRA,VRB,VRC"],
  ["vminfp", "4 VX=1098", "VRT,VRA,VRB"],
  ["vminsb", "4 VX=770", "VRT,VRA,VRB"],
  ["vminsd", "4 VX=962", "VRT,VRA,VRB"],
  ["vminsh", "4 VX=834", "VRT,VRA,VRB"],
  ["vminsw", "4 VX=898", "VRT,VRA,VRB"],
  ["vminub", "4 VX=514", "VRT,VRA,VRB"],
  ["vminud", "4 VX=706", "VRT,VRA,VRB"],
  ["vminuh", "4 VX=578", "VRT,VRA,VRB"],
  ["vminuw", "4 VX=642", "VRT,VRA,VRB"],
  ["vmladduhm", "4 VA=34", "VRT,VRA,VRB,VRC"],
  ["vmodsd", "4 VX=1995", "VRT,VRA,VRB"],
  ["vmodsq", "4 VX=1803", "VRT,VRA,VRB"],
  ["vmodsw", "4 VX=1931", "VRT,VRA,VRB"],
  ["vmodud", "4 VX=1739", "VRT,VRA,VRB"],
  ["vmoduq", "4 VX=1547", "VRT,VRA,VRB"],
  ["vmoduw", "4 VX=1675", "VRT,VRA,VRB"],
  ["vmrgew", "4 VX=1932", "VRT,VRA,VRB"],
  ["vmrghb", "4 VX=12", "VRT,VRA,VRB"],
  ["vmrghh", "4 VX=76", "VRT,VRA,VRB"],
  ["vmrghw", "4 VX=140", "VRT,VRA,VRB"],
  ["vmrglb", "4 VX=268", "VRT,VRA,VRB"],
  ["vmrglh", "4 VX=332", "VRT,VRA,VRB"],
  ["vmrglw", "4 VX=396", "VRT,VRA,VRB"],
  ["vmrgow", "4 VX=1676", "VRT,VRA,VRB"],
  ["vmsumcud", "4 VA=23", "VRT,VRA,VRB,VRC"],
  ["vmsummbm", "4 VA=37", "VRT,VRA,VRB,VRC"],
  ["vmsumshm", "4 VA=40", "VRT,VRA,VRB,VRC"],
  ["vmsumshs", "4 VA=41", "VRT,VRA,VRB,VRC"],
  ["vmsumubm", "4 VA=36", "VRT,VRA,VRB,VRC"],
  ["vmsumudm", "4 VA=35", "VRT,VRA,VRB,VRC"],
  ["vmsumuhm", "4 VA=38", "VRT,VRA,VRB,VRC"],
  ["vmsumuhs", "4 VA=39", "VRT,VRA,VRB,VRC"],
  ["vmul10cuq", "4 VX=1 RB=0", "VRT,VRA"],
  ["vmul10ecuq", "4 VX=65", "VRT,VRA,VRB"],
  ["vmul10euq", "4 VX=577", "VRT,VRA,VRB"],
  ["vmul10uq", "4 VX=513 RB=0", "VRT,VRA"],
  ["vmulesb", "4 VX=776", "VRT,VRA,VRB"],
  ["vmulesd", "4 VX=968", "VRT,VRA,VRB"],
  ["vmulesh", "4 VX=840", "VRT,VRA,VRB"],
  ["vmulesw", "4 VX=904", "VRT,VRA,VRB"],
  ["vmuleub", "4 VX=520", "VRT,VRA,VRB"],
  ["vmuleud", "4 VX=712", "VRT,VRA,VRB"],
  ["vmuleuh", "4 VX=584", "VRT,VRA,VRB"],
  ["vmuleuw", "4 VX=648", "VRT,VRA,VRB"],
  ["vmulhsd", "4 VX=969", "VRT,VRA,VRB"],
  ["vmulhsw", "4 VX=905", "VRT,VRA,VRB"],
  ["vmulhud", "4 VX=713", "VRT,VRA,VRB"],
  ["vmulhuw", "4 VX=649", "VRT,VRA,VRB"],
  ["vmulld", "4 VX=457", "VRT,VRA,VRB"],
  ["vmulosb", "4 VX=264", "VRT,VRA,VRB"],
  ["vmulosd", "4 VX=456", "VRT,VRA,VRB"],
  ["vmulosh", "4 VX=328", "VRT,VRA,VRB"],
  ["vmulosw", "4 VX=392", "VRT,VRA,VRB"],
  ["vmuloub", "4 VX=8", "VRT,VRA,VRB"],
  ["vmuloud", "4 VX=200", "VRT,VRA,VRB"],
  ["vmulouh", "4 VX=72", "VRT,VRA,VRB"],
  ["vmulouw", "4 VX=136", "VRT,VRA,VRB"],
  ["vmuluwm", "4 VX=137", "VRT,VRA,VRB"],
  ["vnand", "4 VX=1412", "VRT,VRA,VRB"],
  ["vncipher", "4 VX=1352", "VRT,VRA,VRB"],
  ["vncipherlast", "4 VX=1353", "VRT,VRA,VRB"],
  ["vnegd", "4 VX=1538 RA=7", "VRT,VRB"],
  ["vnegw", "4 VX=1538 RA=6", "VRT,VRB"],
  ["vnmsubfp", "4 VA=47", "VRT,VRA,VRC,VRB"],
  ["vnor", "4 VX=1284", "VRT,VRA,VRB"],
  ["vor", "4 VX=1156", "VRT,VRA,VRB"],
  ["vorc", "4 VX=1348", "VRT,VRA,VRB"],
  ["vpdepd", "4 VX=1485", "VRT,VRA,VRB"],
  ["vperm", "4 VA=43", "VRT,VRA,VRB,VRC"],
  ["vpermr", "4 VA=59", "VRT,VRA,VRB,VRC"],
  ["vpermxor", "4 VA=45", "VRT,VRA,VRB,VRC"],
  ["vpextd", "4 VX=1421", "VRT,VRA,VRB"],
  ["vpkpx", "4 VX=782", "VRT,VRA,VRB"],
  ["vpksdss", "4 VX=1486", "VRT,VRA,VRB"],
  ["vpksdus", "4 VX=1358", "VRT,VRA,VRB"],
  ["vpkshss", "4 VX=398", "VRT,VRA,VRB"],
  ["vpkshus", "4 VX=270", "VRT,VRA,VRB"],
  ["vpkswss", "4 VX=462", "VRT,VRA,VRB"],
  ["vpkswus", "4 VX=334", "VRT,VRA,VRB"],
  ["vpkudum", "4 VX=1102", "VRT,VRA,VRB"],
  ["vpkudus", "4 VX=1230", "VRT,VRA,VRB"],
  ["vpkuhum", "4 VX=14", "VRT,VRA,VRB"],
  ["vpkuhus", "4 VX=142", "VRT,VRA,VRB"],
  ["vpkuwum", "4 VX=78", "VRT,VRA,VRB"],
  ["vpkuwus", "4 VX=206", "VRT,VRA,VRB"],
  ["vpmsumb", "4 VX=1032", "VRT,VRA,VRB"],
  ["vpmsumd", "4 VX=1224", "VRT,VRA,VRB"],
  ["vpmsumh", "4 VX=1096", "VRT,VRA,VRB"],
  ["vpmsumw", "4 VX=1160", "VRT,VRA,VRB"],
  ["vpopcntb", "4 VX=1795 RA=0", "VRT,VRB"],
  ["vpopcntd", "4 VX=1987 RA=0", "VRT,VRB"],
  ["vpopcnth", "4 VX=1859 RA=0", "VRT,VRB"],
  ["vpopcntw", "4 VX=1923 RA=0", "VRT,VRB"],
  ["vprtybd", "4 VX=1538 RA=9", "VRT,VRB"],
  ["vprtybq", "4 VX=1538 RA=10", "VRT,VRB"],
  ["vprtybw", "4 VX=1538 RA=8", "VRT,VRB"],
  ["vrefp", "4 VX=266 RA=0", "VRT,VRB"],
  ["vrfim", "4 VX=714 RA=0", "VRT,VRB"],
  ["vrfin", "4 VX=522 RA=0", "VRT,VRB"],
  ["vrfip", "4 VX=650 RA=0", "VRT,VRB"],
  ["vrfiz", "4 VX=586 RA=0", "VRT,VRB"],
  ["vrlb", "4 VX=4", "VRT,VRA,VRB"],
  ["vrld", "4 VX=196", "VRT,VRA,VRB"],
  ["vrldmi", "4 VX=197", "VRT,VRA,VRB"],
  ["vrldnm", "4 VX=453", "VRT,VRA,VRB"],
  ["vrlh", "4 VX=68", "VRT,VRA,VRB"],
  ["vrlq", "4 VX=5", "VRT,VRA,VRB"],
  ["vrlqmi", "4 VX=69", "VRT,VRA,VRB"],
  ["vrlqnm", "4 VX=325", "VRT,VRA,VRB"],
  ["vrlw", "4 VX=132", "VRT,VRA,VRB"],
  ["vrlwmi", "4 VX=133", "VRT,VRA,VRB"],
  ["vrlwnm", "4 VX=389", "VRT,VRA,VRB"],
  ["vrsqrtefp", "4 VX=330 RA=0", "VRT,VRB"],
  ["vsbox", "4 VX=1480 RB=0", "VRT,VRA"],
  ["vsel", "4 VA=42", "VRT,VRA,VRB,VRC"],
  ["vshasigmad", "4 VX=1730", "VRT,VRA,U16:16,U17:20"],
  ["vshasigmaw", "4 VX=1666", "VRT,VRA,U16:16,U17:20"],
  ["vsl", "4 VX=452", "VRT,VRA,VRB"],
  ["vslb", "4 VX=260", "VRT,VRA,VRB"],
  ["vsld", "4 VX=1476", "VRT,VRA,VRB"],
  ["vsldbi", "4 21:22=0 VA=22", "VRT,VRA,VRB,U23:25"],
  ["vsldoi", "4 21=0 VA=44", "VRT,VRA,VRB,U22:25"],
  ["vslh", "4 VX=324", "VRT,VRA,VRB"],
  ["vslo", "4 VX=1036", "VRT,VRA,VRB"],
  ["vslq", "4 VX=261", "VRT,VRA,VRB"],
  ["vslv", "4 VX=1860", "VRT,VRA,VRB"],
  ["vslw", "4 VX=388", "VRT,VRA,VRB"],
  ["vspltb", "4 VX=524 11=0", "VRT,VRB,U12:15"],
  ["vsplth", "4 VX=588 11:12=0", "VRT,VRB,U13:15"],
  ["vspltisb", "4 VX=780 RB=0", "VRT,S11:15"],
  ["vspltish", "4 VX=844 RB=0", "VRT,S11:15"],
  ["vspltisw", "4 VX=908 RB=0", "VRT,S11:15"],
  ["vspltw", "4 VX=652 11:13=0", "VRT,VRB,U14:15"],
  ["vsr", "4 VX=708", "VRT,VRA,VRB"],
  ["vsrab", "4 VX=772", "VRT,VRA,VRB"],
  ["vsrad", "4 VX=964", "VRT,VRA,VRB"],
  ["vsrah", "4 VX=836", "VRT,VRA,VRB"],
  ["vsraq", "4 VX=773", "VRT,VRA,VRB"],
  ["vsraw", "4 VX=900", "VRT,VRA,VRB"],
  ["vsrb", "4 VX=516", "VRT,VRA,VRB"],
  ["vsrd", "4 VX=1732", "VRT,VRA,VRB"],
  ["vsrdbi", "4 21:22=1 VA=22", "VRT,VRA,VRB,U23:25"],
  ["vsrh", "4 VX=580", "VRT,VRA,VRB"],
  ["vsro", "4 VX=1100", "VRT,VRA,VRB"],
  ["vsrq", "4 VX=517", "VRT,VRA,VRB"],
  ["vsrv", "4 VX=1796", "VRT,VRA,VRB"],
  ["vsrw", "4 VX=644", "VRT,VRA,VRB"],
  ["vstribl", "4 VX=13 RA=0", "VRT,VRB"],
  ["vstribl.", "4 VX=1037 RA=0", "VRT,VRB"],
  ["vstribr", "4 VX=13 RA=1", "VRT,VRB"],
  ["vstribr.", "4 VX=1037 RA=1", "VRT,VRB"],
  ["vstrihl", "4 VX=13 RA=2", "VRT,VRB"],
  ["vstrihl.", "4 VX=1037 RA=2", "VRT,VRB"],
  ["vstrihr", "4 VX=13 RA=3", "VRT,VRB"],
  ["vstrihr.", "4 VX=1037 RA=3", "VRT,VRB"],
  ["vsubcuq", "4 VX=1344", "VRT,VRA,VRB"],
  ["vsubcuw", "4 VX=1408", "VRT,VRA,VRB"],
  ["vsubecuq", "4 VA=63", "VRT,VRA,VRB,VRC"],
  ["vsubeuqm", "4 VA=62", "VRT,VRA,VRB,VRC"],
  ["vsubfp", "4 VX=74", "VRT,VRA,VRB"],
  ["vsubsbs", "4 VX=1792", "VRT,VRA,VRB"],
  ["vsubshs", "4 VX=1856", "VRT,VRA,VRB"],
  ["vsubsws", "4 VX=1920", "VRT,VRA,VRB"],
  ["vsububm", "4 VX=1024", "VRT,VRA,VRB"],
  ["vsububs", "4 VX=1536", "VRT,VRA,VRB"],
  ["vsubudm", "4 VX=1216", "VRT,VRA,VRB"],
  ["vsubuhm", "4 VX=1088", "VRT,VRA,VRB"],
  ["vsubuhs", "4 VX=1600", "VRT,VRA,VRB"],
  ["vsubuqm", "4 VX=1280", "VRT,VRA,VRB"],
  ["vsubuwm", "4 VX=1152", "VRT,VRA,VRB"],
  ["vsubuws", "4 VX=1664", "VRT,VRA,VRB"],
  ["vsum2sws", "4 VX=1672", "VRT,VRA,VRB"],
  ["vsum4sbs", "4 VX=1800", "VRT,VRA,VRB"],
  ["vsum4shs", "4 VX=1608", "VRT,VRA,VRB"],
  ["vsum4ubs", "4 VX=1544", "VRT,VRA,VRB"],
  ["vsumsws", "4 VX=1928", "VRT,VRA,VRB"],
  ["vupkhpx", "4 VX=846 RA=0", "VRT,VRB"],
  ["vupkhsb", "4 VX=526 RA=0", "VRT,VRB"],
  ["vupkhsh", "4 VX=590 RA=0", "VRT,VRB"],
  ["vupkhsw", "4 VX=1614 RA=0", "VRT,VRB"],
  ["vupklpx", "4 VX=974 RA=0", "VRT,VRB"],
  ["vupklsb", "4 VX=654 RA=0", "VRT,VRB"],
  ["vupklsh", "4 VX=718 RA=0", "VRT,VRB"],
  ["vupklsw", "4 VX=1742 RA=0", "VRT,VRB"],
  ["vxor", "4 VX=1220", "VRT,VRA,VRB"]
];

// src/ppc64/tables/vector-scalar.ts
var vectorScalarRows = [
  ["xvmovdp", "60 XX3=240", "XT,XA", "XB=XA"],
  ["xvmovsp", "60 XX3=208", "XT,XA", "XB=XA"],
  ["xxmr", "60 XX3=146", "XT,XA", "XB=XA"],
  ["xxlnot", "60 XX3=162", "XT,XA", "XB=XA"],
  ["xxspltd", "60 21=0 24:28=10", "XT,XA,U22:22", "XB=XA 23:23=22:22"],
  ["xxswapd", "60 21=0 22:23=2 24:28=10", "XT,XA", "XB=XA"],
  ["xxmrghd", "60 XX3=10", "XT,XA,XB"],
  ["xxmrgld", "60 XX3=106", "XT,XA,XB"],
  ["lxvkq", "60 X=360 RA=31", "XT,U16:20"],
  ["xsabsdp", "60 XX2=345 RA=0", "XT,XB"],
  ["xsadddp", "60 XX3=32", "XT,XA,XB"],
  ["xsaddsp", "60 XX3=0", "XT,XA,XB"],
  ["xscmpeqdp", "60 XX3=3", "XT,XA,XB"],
  ["xscmpexpdp", "60 XX3=59 Rc=0 9:10=0", "BF,XA,XB"],
  ["xscmpgedp", "60 XX3=19", "XT,XA,XB"],
  ["xscmpgtdp", "60 XX3=11", "XT,XA,XB"],
  ["xscmpodp", "60 XX3=43 Rc=0 9:10=0", "BF,XA,XB"],
  ["xscmpudp", "60 XX3=35 Rc=0 9:10=0", "BF,XA,XB"],
  ["xscpsgndp", "60 XX3=176", "XT,XA,XB"],
  ["xscvdphp", "60 XX2=347 RA=17", "XT,XB"],
  ["xscvdpsp", "60 XX2=265 RA=0", "XT,XB"],
  ["xscvdpspn", "60 XX2=267 RA=0", "XT,XB"],
  ["xscvdpsxds", "60 XX2=344 RA=0", "XT,XB"],
  ["xscvdpsxws", "60 XX2=88 RA=0", "XT,XB"],
  ["xscvdpuxds", "60 XX2=328 RA=0", "XT,XB"],
  ["xscvdpuxws", "60 XX2=72 RA=0", "XT,XB"],
  ["xscvhpdp", "60 XX2=347 RA=16", "XT,XB"],
  ["xscvspdp", "60 XX2=329 RA=0", "XT,XB"],
  ["xscvspdpn", "60 XX2=331 RA=0", "XT,XB"],
  ["xscvsxddp", "60 XX2=376 RA=0", "XT,XB"],
  ["xscvsxdsp", "60 XX2=312 RA=0", "XT,XB"],
  ["xscvuxddp", "60 XX2=360 RA=0", "XT,XB"],
  ["xscvuxdsp", "60 XX2=296 RA=0", "XT,XB"],
  ["xsdivdp", "60 XX3=56", "XT,XA,XB"],
  ["xsdivsp", "60 XX3=24", "XT,XA,XB"],
  ["xsiexpdp", "60 X=918", "XT,RA,RB"],
  ["xsmaddadp", "60 XX3=33", "XT,XA,XB"],
  ["xsmaddasp", "60 XX3=1", "XT,XA,XB"],
  ["xsmaddmdp", "60 XX3=41", "XT,XA,XB"],
  ["xsmaddmsp", "60 XX3=9", "XT,XA,XB"],
  ["xsmaxcdp", "60 XX3=128", "XT,XA,XB"],
  ["xsmaxdp", "60 XX3=160", "XT,XA,XB"],
  ["xsmaxjdp", "60 XX3=144", "XT,XA,XB"],
  ["xsmincdp", "60 XX3=136", "XT,XA,XB"],
  ["xsmindp", "60 XX3=168", "XT,XA,XB"],
  ["xsminjdp", "60 XX3=152", "XT,XA,XB"],
  ["xsmsubadp", "60 XX3=49", "XT,XA,XB"],
  ["xsmsubasp", "60 XX3=17", "XT,XA,XB"],
  ["xsmsubmdp", "60 XX3=57", "XT,XA,XB"],
  ["xsmsubmsp", "60 XX3=25", "XT,XA,XB"],
  ["xsmuldp", "60 XX3=48", "XT,XA,XB"],
  ["xsmulsp", "60 XX3=16", "XT,XA,XB"],
  ["xsnabsdp", "60 XX2=361 RA=0", "XT,XB"],
  ["xsnegdp", "60 XX2=377 RA=0", "XT,XB"],
  ["xsnmaddadp", "60 XX3=161", "XT,XA,XB"],
  ["xsnmaddasp", "60 XX3=129", "XT,XA,XB"],
  ["xsnmaddmdp", "60 XX3=169", "XT,XA,XB"],
  ["xsnmaddmsp", "60 XX3=137", "XT,XA,XB"],
  ["xsnmsubadp", "60 XX3=177", "XT,XA,XB"],
  ["xsnmsubasp", "60 XX3=145", "XT,XA,XB"],
  ["xsnmsubmdp", "60 XX3=185", "XT,XA,XB"],
  ["xsnmsubmsp", "60 XX3=153", "XT,XA,XB"],
  ["xsrdpi", "60 XX2=73 RA=0", "XT,XB"],
  ["xsrdpic", "60 XX2=107 RA=0", "XT,XB"],
  ["xsrdpim", "60 XX2=121 RA=0", "XT,XB"],
  ["xsrdpip", "60 XX2=105 RA=0", "XT,XB"],
  ["xsrdpiz", "60 XX2=89 RA=0", "XT,XB"],
  ["xsredp", "60 XX2=90 RA=0", "XT,XB"],
  ["xsresp", "60 XX2=26 RA=0", "XT,XB"],
  ["xsrsp", "60 XX2=281 RA=0", "XT,XB"],
  ["xsrsqrtedp", "60 XX2=74 RA=0", "XT,XB"],
  ["xsrsqrtesp", "60 XX2=10 RA=0", "XT,XB"],
  ["xssqrtdp", "60 XX2=75 RA=0", "XT,XB"],
  ["xssqrtsp", "60 XX2=11 RA=0", "XT,XB"],
  ["xssubdp", "60 XX3=40", "XT,XA,XB"],
  ["xssubsp", "60 XX3=8", "XT,XA,XB"],
  ["xstdivdp", "60 XX3=61 Rc=0 9:10=0", "BF,XA,XB"],
  ["xstsqrtdp", "60 XX2=106 Rc=0 9:10=0 RA=0", "BF,XB"],
  ["xststdcdp", "60 XX2=362 Rc=0", "BF,XB,U9:15"],
  ["xststdcsp", "60 XX2=298 Rc=0", "BF,XB,U9:15"],
  ["xsxexpdp", "60 XX2=347 Rc=0 RA=0", "RT,XB"],
  ["xsxsigdp", "60 XX2=347 Rc=0 RA=1", "RT,XB"],
  ["xvabsdp", "60 XX2=473 RA=0", "XT,XB"],
  ["xvabssp", "60 XX2=409 RA=0", "XT,XB"],
  ["xvadddp", "60 XX3=96", "XT,XA,XB"],
  ["xvaddsp", "60 XX3=64", "XT,XA,XB"],
  ["xvcmpeqdp", "60 XX3=99", "XT,XA,XB"],
  ["xvcmpeqdp.", "60 XX3=227", "XT,XA,XB"],
  ["xvcmpeqsp", "60 XX3=67", "XT,XA,XB"],
  ["xvcmpeqsp.", "60 XX3=195", "XT,XA,XB"],
  ["xvcmpgedp", "60 XX3=115", "XT,XA,XB"],
  ["xvcmpgedp.", "60 XX3=243", "XT,XA,XB"],
  ["xvcmpgesp", "60 XX3=83", "XT,XA,XB"],
  ["xvcmpgesp.", "60 XX3=211", "XT,XA,XB"],
  ["xvcmpgtdp", "60 XX3=107", "XT,XA,XB"],
  ["xvcmpgtdp.", "60 XX3=235", "XT,XA,XB"],
  ["xvcmpgtsp", "60 XX3=75", "XT,XA,XB"],
  ["xvcmpgtsp.", "60 XX3=203", "XT,XA,XB"],
  ["xvcpsgndp", "60 XX3=240", "XT,XA,XB"],
  ["xvcpsgnsp", "60 XX3=208", "XT,XA,XB"],
  ["xvcvbf16spn", "60 XX2=475 RA=16", "XT,XB"],
  ["xvcvdpsp", "60 XX2=393 RA=0", "XT,XB"],
  ["xvcvdpsxds", "60 XX2=472 RA=0", "XT,XB"],
  ["xvcvdpsxws", "60 XX2=216 RA=0", "XT,XB"],
  ["xvcvdpuxds", "60 XX2=456 RA=0", "XT,XB"],
  ["xvcvdpuxws", "60 XX2=200 RA=0", "XT,XB"],
  ["xvcvhpsp", "60 XX2=475 RA=24", "XT,XB"],
  ["xvcvspbf16", "60 XX2=475 RA=17", "XT,XB"],
  ["xvcvspdp", "60 XX2=457 RA=0", "XT,XB"],
  ["xvcvsphp", "60 XX2=475 RA=25", "XT,XB"],
  ["xvcvspsxds", "60 XX2=408 RA=0", "XT,XB"],
  ["xvcvspsxws", "60 XX2=152 RA=0", "XT,XB"],
  ["xvcvspuxds", "60 XX2=392 RA=0", "XT,XB"],
  ["xvcvspuxws", "60 XX2=136 RA=0", "XT,XB"],
  ["xvcvsxddp", "60 XX2=504 RA=0", "XT,XB"],
  ["xvcvsxdsp", "60 XX2=440 RA=0", "XT,XB"],
  ["xvcvsxwdp", "60 XX2=248 RA=0", "XT,XB"],
  ["xvcvsxwsp", "60 XX2=184 RA=0", "XT,XB"],
  ["xvcvuxddp", "60 XX2=488 RA=0", "XT,XB"],
  ["xvcvuxdsp", "60 XX2=424 RA=0", "XT,XB"],
  ["xvcvuxwdp", "60 XX2=232 RA=0", "XT,XB"],
  ["xvcvuxwsp", "60 XX2=168 RA=0", "XT,XB"],
  ["xvdivdp", "60 XX3=120", "XT,XA,XB"],
  ["xvdivsp", "60 XX3=88", "XT,XA,XB"],
  ["xviexpdp", "60 XX3=248", "XT,XA,XB"],
  ["xviexpsp", "60 XX3=216", "XT,XA,XB"],
  ["xvmaddadp", "60 XX3=97", "XT,XA,XB"],
  ["xvmaddasp", "60 XX3=65", "XT,XA,XB"],
  ["xvmaddmdp", "60 XX3=105", "XT,XA,XB"],
  ["xvmaddmsp", "60 XX3=73", "XT,XA,XB"],
  ["xvmaxdp", "60 XX3=224", "XT,XA,XB"],
  ["xvmaxsp", "60 XX3=192", "XT,XA,XB"],
  ["xvmindp", "60 XX3=232", "XT,XA,XB"],
  ["xvminsp", "60 XX3=200", "XT,XA,XB"],
  ["xvmsubadp", "60 XX3=113", "XT,XA,XB"],
  ["xvmsubasp", "60 XX3=81", "XT,XA,XB"],
  ["xvmsubmdp", "60 XX3=121", "XT,XA,XB"],
  ["xvmsubmsp", "60 XX3=89", "XT,XA,XB"],
  ["xvmuldp", "60 XX3=112", "XT,XA,XB"],
  ["xvmulsp", "60 XX3=80", "XT,XA,XB"],
  ["xvnabsdp", "60 XX2=489 RA=0", "XT,XB"],
  ["xvnabssp", "60 XX2=425 RA=0", "XT,XB"],
  ["xvnegdp", "60 XX2=505 RA=0", "XT,XB"],
  ["xvnegsp", "60 XX2=441 RA=0", "XT,XB"],
  ["xvnmaddadp", "60 XX3=225", "XT,XA,XB"],
  ["xvnmaddasp", "60 XX3=193", "XT,XA,XB"],
  ["xvnmaddmdp", "60 XX3=233", "XT,XA,XB"],
  ["xvnmaddmsp", "60 XX3=201", "XT,XA,XB"],
  ["xvnmsubadp", "60 XX3=241", "XT,XA,XB"],
  ["xvnmsubasp", "60 XX3=209", "XT,XA,XB"],
  ["xvnmsubmdp", "60 XX3=249", "XT,XA,XB"],
  ["xvnmsubmsp", "60 XX3=217", "XT,XA,XB"],
  ["xvrdpi", "60 XX2=201 RA=0", "XT,XB"],
  ["xvrdpic", "60 XX2=235 RA=0", "XT,XB"],
  ["xvrdpim", "60 XX2=249 RA=0", "XT,XB"],
  ["xvrdpip", "60 XX2=233 RA=0", "XT,XB"],
  ["xvrdpiz", "60 XX2=217 RA=0", "XT,XB"],
  ["xvredp", "60 XX2=218 RA=0", "XT,XB"],
  ["xvresp", "60 XX2=154 RA=0", "XT,XB"],
  ["xvrspi", "60 XX2=137 RA=0", "XT,XB"],
  ["xvrspic", "60 XX2=171 RA=0", "XT,XB"],
  ["xvrspim", "60 XX2=185 RA=0", "XT,XB"],
  ["xvrspip", "60 XX2=169 RA=0", "XT,XB"],
  ["xvrspiz", "60 XX2=153 RA=0", "XT,XB"],
  ["xvrsqrtedp", "60 XX2=202 RA=0", "XT,XB"],
  ["xvrsqrtesp", "60 XX2=138 RA=0", "XT,XB"],
  ["xvsqrtdp", "60 XX2=203 RA=0", "XT,XB"],
  ["xvsqrtsp", "60 XX2=139 RA=0", "XT,XB"],
  ["xvsubdp", "60 XX3=104", "XT,XA,XB"],
  ["xvsubsp", "60 XX3=72", "XT,XA,XB"],
  ["xvtdivdp", "60 XX3=125 Rc=0 9:10=0", "BF,XA,XB"],
  ["xvtdivsp", "60 XX3=93 Rc=0 9:10=0", "BF,XA,XB"],
  ["xvtlsbb", "60 XX2=475 Rc=0 9:10=0 RA=2", "BF,XB"],
  ["xvtsqrtdp", "60 XX2=234 Rc=0 9:10=0 RA=0", "BF,XB"],
  ["xvtsqrtsp", "60 XX2=170 Rc=0 9:10=0 RA=0", "BF,XB"],
  ["xvtstdcdp", "60 21:24=15 26:28=5", "XT,XB,DCMX"],
  ["xvtstdcsp", "60 21:24=13 26:28=5", "XT,XB,DCMX"],
  ["xvxexpdp", "60 XX2=475 RA=0", "XT,XB"],
  ["xvxexpsp", "60 XX2=475 RA=8", "XT,XB"],
  ["xvxsigdp", "60 XX2=475 RA=1", "XT,XB"],
  ["xvxsigsp", "60 XX2=475 RA=9", "XT,XB"],
  ["xxbrd", "60 XX2=475 RA=23", "XT,XB"],
  ["xxbrh", "60 XX2=475 RA=7", "XT,XB"],
  ["xxbrq", "60 XX2=475 RA=31", "XT,XB"],
  ["xxbrw", "60 XX2=475 RA=15", "XT,XB"],
  ["xxextractuw", "60 XX2=165 11=0", "XT,XB,U12:15"],
  ["xxgenpcvbm", "60 X=916", "XT,VRB,U11:15"],
  ["xxgenpcvdm", "60 X=949", "XT,VRB,U11:15"],
  ["xxgenpcvhm", "60 X=917", "XT,VRB,U11:15"],
  ["xxgenpcvwm", "60 X=948", "XT,VRB,U11:15"],
  ["xxinsertw", "60 XX2=181 11=0", "XT,XB,U12:15"],
  ["xxland", "60 XX3=130", "XT,XA,XB"],
  ["xxlandc", "60 XX3=138", "XT,XA,XB"],
  ["xxleqv", "60 XX3=186", "XT,XA,XB"],
  ["xxlnand", "60 XX3=178", "XT,XA,XB"],
  ["xxlnor", "60 XX3=162", "XT,XA,XB"],
  ["xxlor", "60 XX3=146", "XT,XA,XB"],
  ["xxlorc", "60 XX3=170", "XT,XA,XB"],
  ["xxlxor", "60 XX3=154", "XT,XA,XB"],
  ["xxmrghw", "60 XX3=18", "XT,XA,XB"],
  ["xxmrglw", "60 XX3=50", "XT,XA,XB"],
  ["xxperm", "60 XX3=26", "XT,XA,XB"],
  ["xxpermdi", "60 21=0 24:28=10", "XT,XA,XB,U22:23"],
  ["xxpermr", "60 XX3=58", "XT,XA,XB"],
  ["xxsel", "60 26:27=3", "XT,XA,XB,XC"],
  ["xxsldwi", "60 21=0 24:28=2", "XT,XA,XB,U22:23"],
  ["xxspltib", "60 X=360 11:12=0", "XT,U13:20"],
  ["xxspltw", "60 XX2=164 11:13=0", "XT,XB,U14:15"]
];

// src/ppc64/instructions.ts
function remembered(make2) {
  const results = /* @__PURE__ */ new Map();
  return (text2) => {
    const known3 = results.get(text2);
    if (known3 !== void 0) return known3;
    const result = make2(text2);
    results.set(text2, result);
    return result;
  };
}
var partsOf2 = remembered((name) => {
  const spec = operandSpecs[name];
  if (spec !== void 0 && spec.parts.length > 1) return compileParts(spec);
  const range = bitRange(name) ?? spec?.parts[0];
  if (range === void 0) throw new Error(`instruction table: no field is called ${name}`);
  return [{ ...fieldPosition(range), prefix: false }];
});
function setField(pattern, name, value) {
  let rest = value;
  const parts = partsOf2(name);
  for (let at = parts.length - 1; at >= 0; at--) {
    const part = parts[at];
    pattern.mask = (pattern.mask | part.mask << part.shift) >>> 0;
    pattern.value = (pattern.value | (rest & part.mask) << part.shift) >>> 0;
    rest >>>= part.width;
  }
  if (rest !== 0) throw new Error(`instruction table: ${name}=${value} does not fit`);
}
function parsePattern(text2) {
  const pattern = { mask: 0, value: 0 };
  for (const setting of text2.split(" ")) {
    const [name, value] = setting.split("=");
    if (value === void 0) setField(pattern, "PO", Number(name));
    else setField(pattern, name, Number(value));
  }
  return pattern;
}
var registerKinds = /* @__PURE__ */ new Set(["gpr", "gpr0", "fpr", "vr", "vsr", "acc", "cr", "crbit"]);
var targets = /* @__PURE__ */ new Set([
  "RT",
  "RTp",
  "FRT",
  "FRTp",
  "VRT",
  "XT",
  "XTQ",
  "XT5",
  "XTP",
  "XTD",
  "AT",
  "BT",
  "BF"
]);
function accessOf(spec, name, mark) {
  if (!registerKinds.has(spec.kind)) return "none";
  if (mark === "^") return "both";
  return mark === "*" || targets.has(name) ? "write" : "read";
}
var literalOperand = {
  kind: "unsigned",
  parts: [],
  width: 0,
  signed: false,
  scale: 0,
  bias: 0,
  zeroMeans: 0
};
function rawOperand(text2) {
  const range = /^[US]\d+:\d+$/.test(text2) ? bitRange(text2.slice(1)) : void 0;
  return range === void 0 ? void 0 : { kind: text2.startsWith("S") ? "signed" : "unsigned", parts: [range] };
}
function compileOperand(text2, base) {
  if (text2.startsWith("#"))
    return {
      ...literalOperand,
      name: "#",
      oneBit: false,
      minuend: -1,
      literal: Number(text2.slice(1)),
      omittedAt: void 0,
      access: "none",
      base
    };
  const match = /^(?:(\d+)-)?([A-Za-z][A-Za-z0-9:]*)([*^]?)(\?(\d*))?$/.exec(text2);
  const spec = match === null ? void 0 : operandSpecs[match[2]] ?? rawOperand(match[2]);
  if (match === null || spec === void 0) throw new Error(`instruction table: no operand is called ${text2}`);
  const name = match[2];
  const parts = compileParts(spec);
  return {
    name,
    kind: spec.kind,
    parts,
    width: parts.reduce((sum2, part) => sum2 + part.width, 0),
    signed: isSigned(spec.kind),
    scale: spec.scale ?? 0,
    bias: spec.bias ?? 0,
    zeroMeans: spec.zeroMeans ?? 0,
    oneBit: spec.oneBit ?? false,
    minuend: match[1] === void 0 ? -1 : Number(match[1]),
    literal: 0,
    omittedAt: match[4] === void 0 ? void 0 : Number(match[5]),
    access: accessOf(spec, name, match[3]),
    base
  };
}
var compileOperands = remembered((text2) => {
  if (text2 === "") return [];
  return text2.split(",").flatMap((item) => {
    const match = /^(.*)\((.*)\)$/.exec(item);
    if (match === null) return [compileOperand(item, false)];
    return [compileOperand(match[1], false), compileOperand(match[2], true)];
  });
});
var compileCondition = remembered((text2) => {
  if (text2 === "outside") return { test: "outside", left: partsOf2("RA"), right: partsOf2("RT"), number: 0 };
  const match = /^([\w:]+)(?:\+([\w:]+))?(!=|=|<)([\w:]+)$/.exec(text2);
  if (match === null) throw new Error(`instruction table: no condition is written ${text2}`);
  const [, first, second, operator, last] = match;
  const left = partsOf2(first);
  const number2 = /^\d+$/.test(last) ? Number(last) : 0;
  if (second !== void 0) return { test: "sum", left, right: partsOf2(second), number: number2 };
  const against = /^\d+$/.test(last) ? [] : partsOf2(last);
  if (operator === "=") return { test: "equal", left, right: against, number: number2 };
  if (operator === "<") return { test: against.length > 0 ? "less" : "below", left, right: against, number: number2 };
  return { test: against.length > 0 ? "differ" : "not", left, right: against, number: number2 };
});
var compileConditions = remembered(
  (text2) => text2.split(" ").filter(Boolean).map(compileCondition)
);
var letterFields = { ".": "Rc", o: "OE", l: "LK", a: "AA" };
function expand([mnemonic, pattern, operands, conditions2]) {
  const match = /\[(.)\]/.exec(mnemonic);
  if (match === null) return [[mnemonic, pattern, operands, conditions2 ?? ""]];
  const [group, letter] = match;
  const field2 = letterFields[letter];
  return [0, 1].flatMap(
    (bit) => expand([
      mnemonic.replace(group, bit === 1 ? letter : ""),
      `${pattern} ${field2}=${bit}`,
      letter === "a" && bit === 1 ? `${operands}A` : operands,
      conditions2 ?? ""
    ])
  );
}
function compile([mnemonic, text2, operands, conditions2], index2) {
  const [first, second] = text2.split(" / ");
  const head = parsePattern(first);
  const body = second === void 0 ? head : parsePattern(second);
  return {
    index: index2,
    mnemonic,
    mask: body.mask,
    value: body.value,
    prefixed: second !== void 0,
    prefixMask: second === void 0 ? 0 : head.mask,
    prefixValue: second === void 0 ? 0 : head.value,
    operands: compileOperands(operands),
    conditions: compileConditions(conditions2 ?? "")
  };
}
var instructions = lazy(
  () => [
    ...branchRows,
    ...fixedPointRows,
    ...loadStoreRows,
    ...specialRegisterRows,
    ...systemRows,
    ...floatRows,
    ...vectorRows,
    ...vectorScalarRows,
    ...prefixedRows
  ].flatMap(expand).map(compile)
);
var byMnemonic = lazy(() => {
  const map = /* @__PURE__ */ new Map();
  for (const instruction2 of instructions()) {
    const list = map.get(instruction2.mnemonic);
    if (list === void 0) map.set(instruction2.mnemonic, [instruction2]);
    else list.push(instruction2);
  }
  return map;
});

// src/ppc64/decode.ts
function selectorBits(word2, primary) {
  return primary === 16 ? word2 >>> 19 & 124 | word2 & 3 : word2 & 2047;
}
var listEnd = 65535;
function rowsBySelector(rows, primary, selector) {
  const result = /* @__PURE__ */ new Map();
  for (const { index: index2, mask: mask2, value } of rows) {
    const open = selector & ~selectorBits(mask2, primary);
    const fixed = selectorBits(value, primary);
    for (let subset = open; ; subset = subset - 1 & open) {
      const list = result.get(fixed | subset);
      if (list === void 0) result.set(fixed | subset, [index2]);
      else list.push(index2);
      if (subset === 0) break;
    }
  }
  return result;
}
function buildLists(all) {
  const selectors = new Uint16Array(64);
  const bases = new Uint32Array(64);
  const starts2 = [];
  const flat = [listEnd];
  const byPrimary2 = Array.from({ length: 64 }, () => []);
  for (const instruction2 of all)
    if (!instruction2.prefixed) byPrimary2[instruction2.value >>> 26].push(instruction2);
  for (const [primary, rows] of byPrimary2.entries()) {
    const selector = rows.reduce((bits2, { mask: mask2 }) => bits2 | selectorBits(mask2, primary), 0);
    selectors[primary] = selector;
    bases[primary] = starts2.length;
    const bySelector = rowsBySelector(rows, primary, selector);
    for (let key = 0; key <= selector; key++) {
      const list = bySelector.get(key);
      starts2.push(list === void 0 ? 0 : flat.length);
      if (list === void 0) continue;
      for (const index2 of list) flat.push(index2);
      flat.push(listEnd);
    }
  }
  return { selectors, bases, starts: new Uint32Array(starts2), lists: new Uint16Array(flat) };
}
var compiled = lazy(() => {
  const rows = instructions();
  return {
    rows,
    ...buildLists(rows),
    masks: new Uint32Array(rows.map(({ mask: mask2 }) => mask2)),
    fixedBits: new Uint32Array(rows.map(({ value }) => value)),
    /** 1 where more than mask and value decides. */
    conditional: new Uint8Array(
      rows.map(
        ({ conditions: conditions2, operands }) => conditions2.length > 0 || operands.some((operand) => operand.oneBit) ? 1 : 0
      )
    ),
    prefixedRows: rows.filter(({ prefixed: prefixed2 }) => prefixed2)
  };
});
function readParts(parts, word2, prefix) {
  let value = 0;
  for (const part of parts)
    value = value * 2 ** part.width + ((part.prefix ? prefix : word2) >>> part.shift & part.mask);
  return value;
}
function leavesBaseAlone(word2) {
  const bytes = word2 >>> 11 & 31 || 32;
  const distance = ((word2 >>> 16 & 31) - (word2 >>> 21 & 31) + 32) % 32;
  return distance >= Math.ceil(bytes / 4);
}
function holds({ test, left, right, number: number2 }, word2) {
  if (test === "outside") return leavesBaseAlone(word2);
  const first = readParts(left, word2, 0);
  const second = right.length > 0 ? readParts(right, word2, 0) : number2;
  if (test === "sum") return first + second === number2;
  if (test === "equal") return first === second;
  if (test === "less" || test === "below") return first < second;
  return first !== second;
}
function isOneBit(operand, word2) {
  const value = readParts(operand.parts, word2, 0);
  return value !== 0 && (value & value - 1) === 0;
}
function conditionsHold(index2, word2) {
  const { conditions: conditions2, operands } = compiled().rows[index2];
  return conditions2.every((condition) => holds(condition, word2)) && operands.every((operand) => !operand.oneBit || isOneBit(operand, word2));
}
function opcodeIndex(word2) {
  const { selectors, bases, starts: starts2, lists, masks, fixedBits, conditional } = compiled();
  const primary = word2 >>> 26;
  const selector = selectorBits(word2, primary) & selectors[primary];
  let at = starts2[bases[primary] + selector];
  for (let index2 = lists[at]; index2 !== listEnd; index2 = lists[++at]) {
    if ((word2 & masks[index2]) >>> 0 !== fixedBits[index2]) continue;
    if (conditional[index2] === 0 || conditionsHold(index2, word2)) return index2;
  }
  return -1;
}
function isPrefix(word2) {
  return word2 >>> 26 === 1;
}
function prefixedIndex(prefix, suffix) {
  for (const { index: index2, mask: mask2, value, prefixMask, prefixValue, conditions: conditions2 } of compiled().prefixedRows) {
    if ((suffix & mask2) >>> 0 !== value || (prefix & prefixMask) >>> 0 !== prefixValue) continue;
    if (conditions2.every((condition) => holds(condition, suffix))) return index2;
  }
  return -1;
}
function operandValue(operand, word2, prefix = 0) {
  if (operand.parts.length === 0) return operand.literal;
  const field2 = readParts(operand.parts, word2, prefix);
  if (operand.minuend >= 0) return operand.minuend - field2;
  if (field2 === 0 && operand.zeroMeans !== 0) return operand.zeroMeans;
  const limit = 2 ** operand.width;
  const extended = operand.signed && field2 >= limit / 2 ? field2 - limit : field2;
  return (extended + operand.bias) * 2 ** operand.scale;
}

// src/ppc64/memory-mnemonics.ts
var sizes = [
  [/^(lmw|stmw|lsw[ix]|stsw[ix]|lxvll?|stxvll?)$/, void 0],
  [/^(l|st)xvp/, 32],
  [/^(l|st)(xvb16|xvd2|xvh8|xvw4|xv|v)x?l?$/, 16],
  [/^(l|st)q/, 16],
  [/^(lxvdsx|(l|st)(d|fd|xsd|xsdx))/, 8],
  [/^(lxvwsx|(l|st)(w|fs|fiw|vew|xss|xsiw))/, 4],
  [/^(l|st)(h|veh|xsih)/, 2],
  [/^(l|st)(b|veb|xsib)/, 1]
];
var rightmost = { b: 1, h: 2, w: 4, d: 8 };
function sizeOf(mnemonic) {
  const name = mnemonic.startsWith("p") ? mnemonic.slice(1) : mnemonic;
  const element = /^(?:l|st)xvr(.)x$/.exec(name)?.[1];
  if (element !== void 0) return rightmost[element];
  return sizes.find(([pattern]) => pattern.test(name))?.[1];
}
var notMemory = /^(hash|lvs[lr]$|pl[ia]$)/;
var memoryMnemonics = new Map(
  [...loadStoreRows, ...prefixedRows].filter(([mnemonic]) => /^p?(l|st)/.test(mnemonic) && !notMemory.test(mnemonic)).map(([mnemonic]) => [
    mnemonic,
    { kind: /^p?st/.test(mnemonic) ? "store" : "load", size: sizeOf(mnemonic) }
  ])
);

// src/ppc64/registers.ts
var allRegisters = 4294967295;
function rowOf(word2, next) {
  const prefixed2 = isPrefix(word2);
  if (prefixed2 && next === void 0) return void 0;
  return instructions()[prefixed2 ? prefixedIndex(word2, next) : opcodeIndex(word2)];
}
function valueIn(instruction2, operand, word2, next) {
  return instruction2.prefixed ? operandValue(operand, next, word2) : operandValue(operand, word2);
}
function registers(from, count) {
  let mask2 = 0;
  for (let at = 0; at < count; at++) mask2 |= 1 << (from + at & 31);
  return mask2;
}
function rangeFrom(mnemonic, first, word2) {
  switch (mnemonic) {
    case "lmw":
    case "stmw":
      return registers(first, 32 - first);
    case "lswi":
    case "stswi":
      return registers(first, Math.ceil((word2 >>> 11 & 31 || 32) / 4));
    case "lswx":
    case "stswx":
      return allRegisters;
    case "lq":
    case "plq":
    case "stq":
    case "pstq":
    case "lqarx":
    case "stqcx.":
      return registers(first, 2);
    default:
      return registers(first, 1);
  }
}
function collect2(word2, next, wanted) {
  const instruction2 = rowOf(word2, next);
  if (instruction2 === void 0) return allRegisters;
  let mask2 = 0;
  for (const operand of instruction2.operands) {
    if (operand.kind !== "gpr" && operand.kind !== "gpr0") continue;
    if (operand.access !== wanted && operand.access !== "both") continue;
    const register = valueIn(instruction2, operand, word2, next);
    if (operand.kind === "gpr0" && register === 0) continue;
    const isFirst = operand === instruction2.operands[0];
    mask2 |= isFirst ? rangeFrom(instruction2.mnemonic, register, word2) : 1 << register;
  }
  if (wanted === "read" && (instruction2.mnemonic === "lwat" || instruction2.mnemonic === "ldat"))
    mask2 |= registers((word2 >>> 21 & 31) + 1, 2);
  return mask2 >>> 0;
}
function registersWritten(word2, next) {
  return collect2(word2, next, "write");
}

// src/prove/written-31.ts
var WRITTEN_31 = "-???-?--TTTT--?T????TT-TA?AAA???-?????--T????-?T???ATB?B??AAA???????-??-?TTT--?T??-?T?-T???????????????-?????-?T???AT??B??A?A??????????-T?T?--?T-????---??AAA??????????-??T??-?T???-?A-A???AA???-??????-T?T??-?T???-??--???AA???-??????-TT?T?-?T???-??-A????A????????????TTT--?T??-?*?-T??A?A????????????????-TT??-???TB????A???????????????--?T???T?T-T???????????????-????-??T?????B-B??A?????T????????T?T--?T??---?--????A????????????TTT?-?T???-??-A????A???T????????T?T?-?T??--??-?????A???T??????-?T?T???T??????????A?A???????????T?T?-??T????T?T-A??A????????????T??????T???????A??AA??????????T?????-??T?????*?-??????????????T?T??????T???????A????????????????T?T?-??T??-?----??????????????????T????T??-???-A??????????????-?T?T?-??T??-??---??????????????-??T?T???T??-????A??????????????-??TTT---T?????TT?A?A?????????????????---T?????T-?A?AA????????????????-?-T???T?T?-????????????????????-?-T?????T?-??AA??????????-??T?T--?T???T?--???A??????????????TTT--?T?????-????A??????????????T?T-??T?????---??A??????????????T?T-??T?????--?????????";

// src/prove/effects.ts
var byPrimary = new Uint8Array(64);
var NONE2 = 1;
var RT = 2;
var RA = 3;
var BOTH = 4;
for (const opcode of [2, 3, 10, 11, 36, 38, 44, 48, 50, 52, 54, 61]) byPrimary[opcode] = NONE2;
for (const opcode of [7, 8, 12, 13, 14, 15, 32, 34, 40, 42]) byPrimary[opcode] = RT;
for (const opcode of [20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 37, 39, 45, 49, 51, 53, 55]) byPrimary[opcode] = RA;
for (const opcode of [33, 35, 41, 43]) byPrimary[opcode] = BOTH;
var by31 = Uint8Array.from(WRITTEN_31, (letter) => Math.max(0, "?-TAB".indexOf(letter)));
var INTO_CR = /* @__PURE__ */ new Set([144, 192, 224, 576, 718]);
var known2 = /* @__PURE__ */ new Map();
function asked(word2, next) {
  const prefixed2 = isPrefix(word2);
  const remembered2 = prefixed2 ? void 0 : known2.get(word2);
  if (remembered2 !== void 0) return remembered2;
  const row = instructions()[prefixed2 ? prefixedIndex(word2, next) : opcodeIndex(word2)];
  let fields2 = row === void 0 ? 255 : 0;
  if (row !== void 0)
    for (const operand of row.operands) {
      if (operand.access !== "write" && operand.access !== "both") continue;
      const value = prefixed2 ? operandValue(operand, next, word2) : operandValue(operand, word2);
      if (operand.kind === "cr") fields2 |= 1 << value;
      else if (operand.kind === "crbit") fields2 |= 1 << (value >> 2);
    }
  const answer = [registersWritten(word2, next), fields2];
  if (!prefixed2) known2.set(word2, answer);
  return answer;
}
function forgetField(state, field2) {
  if (field2 >= 2 && field2 <= 4) state.places[CR2 + field2 - 2] = UNKNOWN;
}
function forgetWritten(state, word2, next) {
  const primary = word2 >>> 26;
  let kind = byPrimary[primary];
  if (primary === 31) {
    const extended = word2 >>> 1 & 1023;
    kind = by31[extended];
    if (kind === NONE2) {
      if (extended === 0 || extended === 32) forgetField(state, word2 >>> 23 & 7);
      else if (INTO_CR.has(extended)) return forgetAsked(state, word2, next);
      return true;
    }
  } else if (primary === 10 || primary === 11) {
    forgetField(state, word2 >>> 23 & 7);
    return true;
  }
  if (kind === 0) return forgetAsked(state, word2, next);
  if (kind === RT || kind === BOTH) forgetRegister(state, word2 >>> 21 & 31);
  if (kind === RA || kind === BOTH) forgetRegister(state, word2 >>> 16 & 31);
  return true;
}
function forgetAsked(state, word2, next) {
  const [registers2, fields2] = asked(word2, next);
  if (registers2 !== 0) {
    for (let register = 0; register < 32; register++)
      if ((registers2 >>> register & 1) === 1) forgetRegister(state, register);
  }
  for (let field2 = 2; field2 <= 4; field2++) if ((fields2 >> field2 & 1) === 1) forgetField(state, field2);
  return registers2 !== allRegisters || fields2 !== 255;
}
function forgetRegister(state, register) {
  if (register === 1) state.moveStack(UNKNOWN);
  else state.set(register, UNKNOWN);
}

// src/prove/transfer.ts
var FINE = 0;
var UNKNOWN_INSTRUCTION = 1;
var TOC_USE = 2;
var BACK_CHAIN = 3;
var TOC_SLOT = 4;
var R13_WRITTEN = 5;
var LR_SLOT2 = 6;
var PARAMETER_AREA = 7;
var signed16 = (word2) => word2 << 16 >> 16;
function effective(state, word2, displacement2) {
  const base = word2 >>> 16 & 31;
  return base === 0 ? number(displacement2) : plus(state.places[base], displacement2);
}
function indexed2(state, word2) {
  const base = word2 >>> 16 & 31;
  const index2 = state.places[word2 >>> 11 & 31];
  return base === 0 ? index2 : sum(state.places[base], index2);
}
function loaded(around, state, at, width) {
  if (isStack(at)) {
    const offset = stackOffset(at);
    if (offset > 0) around.areas.read(offset, width);
    return state.load(offset, width);
  }
  if (width === 8 && isAddress(at)) return around.constant(addressOffset(at));
  return UNKNOWN;
}
function loadedPart(around, at, width) {
  if (isStack(at)) around.areas.read(stackOffset(at), width);
  return UNKNOWN;
}
function setGeneral(state, register, value) {
  if (register === 1) state.moveStack(value);
  else state.set(register, value);
  return register === 13 ? R13_WRITTEN : FINE;
}
function isLinkage(around, value) {
  const register = entryOf(value);
  return register >= 14 || register === 2 || kindOf2(value) === SAVED || value === around.home && value !== UNKNOWN;
}
function lowWord(value) {
  return kindOf2(value) === SAVED ? value : UNKNOWN;
}
function stored(around, state, at, width, value) {
  if (!isStack(at)) return FINE;
  const offset = stackOffset(at);
  state.store(offset, width, isLinkage(around, value) ? value : UNKNOWN);
  state.arguments |= argumentBits(offset - state.top, width);
  if (offset > 0 && !around.areas.write(offset, width, value)) return PARAMETER_AREA;
  if (offset + width <= 0 || offset >= 32) return FINE;
  if (offset < 8) return BACK_CHAIN;
  if (offset + width > 24) return TOC_SLOT;
  if (offset + width > 16 && value !== entry(LR)) return LR_SLOT2;
  return FINE;
}
function chain(state, at) {
  if (isStack(at)) state.store(stackOffset(at), 8, state.places[1]);
}
function putBack(state, word2, at) {
  return setGeneral(state, word2 >>> 16 & 31, at);
}
function usesToc(around, state, word2) {
  return (word2 >>> 16 & 31) === 2 && state.places[2] !== around.home;
}
function conditionRegister(state, fields2) {
  let mask2 = 0;
  for (let place = CR2; place <= CR4; place++)
    if ((fields2 >>> 5 - (place - CR2) & 1) === 1 && state.places[place] === entry(place))
      mask2 |= 1 << place - CR2;
  return saved(mask2);
}
function moveToFields(state, value, fields2) {
  const kept = kindOf2(value) === SAVED ? payloadOf(value) : 0;
  for (let place = CR2; place <= CR4; place++) {
    if ((fields2 >>> 5 - (place - CR2) & 1) === 0) continue;
    state.places[place] = (kept >>> place - CR2 & 1) === 1 ? entry(place) : UNKNOWN;
  }
}
function transfer(around, state, word2, next, pc) {
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  switch (word2 >>> 26) {
    case 14:
    // addi
    case 15: {
      const wrong = rt2 !== 2 && usesToc(around, state, word2) ? TOC_USE : FINE;
      const immediate = word2 >>> 26 === 14 ? signed16(word2) : signed16(word2) * 65536;
      return setGeneral(state, rt2, ra2 === 0 ? number(immediate) : plus(state.places[ra2], immediate)) || wrong;
    }
    case 24:
    // ori
    case 25: {
      if ((word2 & 65535) === 0) {
        if (ra2 !== rt2) moveGeneral(state, ra2, rt2);
        return ra2 === 13 && rt2 !== 13 ? R13_WRITTEN : FINE;
      }
      const value = state.places[rt2];
      const bits2 = word2 >>> 26 === 24 ? word2 & 65535 : (word2 & 65535) * 65536;
      const result = isNumber(value) && numberOf(value) % (word2 >>> 26 === 24 ? 65536 : 2 ** 32) === 0 ? plus(value, bits2) : UNKNOWN;
      return setGeneral(state, ra2, result);
    }
    case 32:
    // lwz
    case 33: {
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const at = effective(state, word2, signed16(word2));
      const bad2 = setGeneral(state, rt2, loaded(around, state, at, 4));
      return (word2 >>> 26 === 33 ? putBack(state, word2, at) : FINE) || wrong || bad2;
    }
    case 58: {
      const form = word2 & 3;
      if (form === 3) return UNKNOWN_INSTRUCTION;
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const displacement2 = signed16(word2 & 65532);
      const at = effective(state, word2, displacement2);
      let value = form === 2 ? loadedPart(around, at, 4) : loaded(around, state, at, 8);
      if (rt2 === 2 && ra2 === 13 && displacement2 === around.pacaToc) value = around.home;
      const bad2 = setGeneral(state, rt2, value);
      return (form === 1 ? putBack(state, word2, at) : FINE) || wrong || bad2;
    }
    case 62: {
      const form = word2 & 3;
      if (form === 3) return UNKNOWN_INSTRUCTION;
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const at = effective(state, word2, signed16(word2 & 65532));
      const hit = form === 2 ? stored(around, state, at, 16, UNKNOWN) : stored(around, state, at, 8, state.places[rt2]);
      if (form === 1 && rt2 === 1 && ra2 === 1) chain(state, at);
      return wrong || hit || (form === 1 ? putBack(state, word2, at) : FINE);
    }
    case 36:
    // stw
    case 37: {
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const at = effective(state, word2, signed16(word2));
      const hit = stored(around, state, at, 4, lowWord(state.places[rt2]));
      return wrong || hit || (word2 >>> 26 === 37 ? putBack(state, word2, at) : FINE);
    }
    case 38:
    // stb
    case 39:
    case 44:
    // sth
    case 45:
    case 52:
    // stfs
    case 53:
    case 54:
    // stfd
    case 55: {
      const opcode = word2 >>> 26;
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const at = effective(state, word2, signed16(word2));
      const width = opcode < 40 ? 1 : opcode < 46 ? 2 : opcode < 54 ? 4 : 8;
      const hit = stored(around, state, at, width, UNKNOWN);
      return wrong || hit || ((opcode & 1) === 1 ? putBack(state, word2, at) : FINE);
    }
    case 61: {
      const form = word2 & 7;
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      const at = effective(state, word2, signed16(form === 5 || form === 1 ? word2 & 65520 : word2 & 65532));
      if (form === 1) {
        loadedPart(around, at, 16);
        return wrong;
      }
      return wrong || stored(around, state, at, form === 5 ? 16 : 8, UNKNOWN);
    }
    case 31:
      return transfer31(around, state, word2, next);
    case 1:
      return transferPrefixed(around, state, word2, next, pc);
    case 34:
    // lbz
    case 40:
    // lhz
    case 42:
    // lha
    case 48:
    // lfs
    case 50:
    // lfd
    case 57: {
      const wrong = usesToc(around, state, word2) ? TOC_USE : FINE;
      if (isStack(state.places[ra2])) loadedPart(around, effective(state, word2, signed16(word2)), 1);
      return finish(state, word2, next) || wrong;
    }
    default:
      return finish(state, word2, next);
  }
}
function moveGeneral(state, to, from) {
  if (to === 1) state.moveStack(state.places[from]);
  else state.move(to, from);
}
function finish(state, word2, next) {
  const r13 = state.places[13];
  if (!forgetWritten(state, word2, next)) return UNKNOWN_INSTRUCTION;
  return state.places[13] === r13 ? FINE : R13_WRITTEN;
}
function storeWidth(extended) {
  switch (extended) {
    case 149:
    // stdx
    case 181:
    // stdux
    case 727:
    // stfdx
    case 759:
    case 214:
    // stdcx.
    case 660:
    // stdbrx
    case 716:
      return 8;
    case 151:
    // stwx
    case 183:
    case 150:
    // stwcx.
    case 662:
    // stwbrx
    case 663:
    // stfsx
    case 695:
    case 983:
    // stfiwx
    case 140:
    // stxsiwx
    case 652:
    // stxsspx
    case 199:
      return 4;
    case 407:
    // sthx
    case 439:
    case 918:
    // sthbrx
    case 726:
    // sthcx.
    case 941:
    // stxsihx
    case 167:
      return 2;
    case 215:
    // stbx
    case 247:
    case 694:
    // stbcx.
    case 909:
    // stxsibx
    case 135:
      return 1;
    case 231:
    // stvx
    case 487:
    // stvxl
    case 972:
    // stxvd2x
    case 908:
    // stxvw4x
    case 396:
    // stxvx
    case 940:
    // stxvh8x
    case 1004:
    // stxvb16x
    case 397:
    // stxvl: at most
    case 429:
    // stxvll
    case 182:
      return 16;
    default:
      return 0;
  }
}
function transfer31(around, state, word2, next) {
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const rb2 = word2 >>> 11 & 31;
  const extended = word2 >>> 1 & 1023;
  switch (extended) {
    case 444:
      if (rt2 === rb2) {
        if (ra2 !== rt2) moveGeneral(state, ra2, rt2);
        return ra2 === 13 && rt2 !== 13 ? R13_WRITTEN : FINE;
      }
      return setGeneral(state, ra2, UNKNOWN);
    case 266:
    // add
    case 778:
      return setGeneral(state, rt2, sum(state.places[ra2], state.places[rb2]));
    case 40:
      return setGeneral(state, rt2, difference(state.places[ra2], state.places[rb2]));
    case 986: {
      const value = state.places[rt2];
      const kind = kindOf2(value);
      return setGeneral(state, ra2, kind === TABLE ? value : kind === RAW ? table(payloadOf(value)) : UNKNOWN);
    }
    case 341:
    // lwax
    case 23: {
      const base = state.places[ra2];
      const index2 = state.places[rb2];
      const word3 = extended === 341 ? table : raw;
      const value = kindOf2(base) === ADDRESS2 && ra2 !== 0 ? word3(payloadOf(base)) : kindOf2(index2) === ADDRESS2 ? word3(payloadOf(index2)) : UNKNOWN;
      return setGeneral(state, rt2, value);
    }
    case 21:
      return setGeneral(state, rt2, loaded(around, state, indexed2(state, word2), 8));
    case 339: {
      const wrong = setGeneral(state, rt2, fromSpecial(state, word2));
      if (specialNumber(word2) === 9) state.copiedCtr(rt2);
      return wrong;
    }
    case 467:
      toSpecial(state, word2, rt2);
      return FINE;
    case 19:
      return setGeneral(state, rt2, conditionRegister(state, (word2 >>> 20 & 1) === 1 ? word2 >>> 12 & 255 : 255));
    case 144:
      moveToFields(state, state.places[rt2], word2 >>> 12 & 255);
      return FINE;
  }
  const width = storeWidth(extended);
  if (width === 0) return finish(state, word2, next);
  const at = indexed2(state, word2);
  const general = extended === 149 || extended === 181;
  const hit = stored(around, state, at, width, general ? state.places[rt2] : UNKNOWN);
  if (extended === 181 && rt2 === 1 && ra2 === 1) chain(state, at);
  const updates = extended === 181 || extended === 183 || extended === 439 || extended === 247 || extended === 759 || extended === 695;
  return (updates ? putBack(state, word2, at) : FINE) || hit;
}
function specialNumber(word2) {
  return word2 >>> 16 & 31 | word2 >>> 6 & 992;
}
function fromSpecial(state, word2) {
  const special2 = specialNumber(word2);
  return special2 === 8 ? state.places[LR] : special2 === 9 ? state.places[CTR] : UNKNOWN;
}
function toSpecial(state, word2, from) {
  const special2 = specialNumber(word2);
  if (special2 === 8) state.places[LR] = state.places[from];
  else if (special2 === 9) state.setCtr(from);
}
function transferPrefixed(around, state, word2, next, pc) {
  const type = word2 >>> 24 & 3;
  const relative2 = (word2 >>> 20 & 1) === 1;
  const immediate = ((word2 & 262143) << 14 >> 14) * 65536 + (next & 65535);
  const rt2 = next >>> 21 & 31;
  const ra2 = next >>> 16 & 31;
  const opcode = next >>> 26;
  if (ra2 === 2 && !relative2 && type !== 1 && type !== 3 && rt2 !== 2 && state.places[2] !== around.home) {
    finish(state, word2, next);
    return TOC_USE;
  }
  const at = relative2 ? address(pc + immediate) : ra2 === 0 ? number(immediate) : plus(state.places[ra2], immediate);
  if (type === 2 && opcode === 14) return setGeneral(state, rt2, at);
  if (type === 0 && opcode === 57) return setGeneral(state, rt2, loaded(around, state, at, 8));
  if (type === 0 && opcode === 61) return stored(around, state, at, 8, state.places[rt2]);
  if (type === 2 && opcode === 36) return stored(around, state, at, 4, lowWord(state.places[rt2]));
  if (type === 2 && opcode === 38) return stored(around, state, at, 1, UNKNOWN);
  if (type === 2 && opcode === 44) return stored(around, state, at, 2, UNKNOWN);
  if (type === 2 && (opcode === 52 || opcode === 54)) return stored(around, state, at, opcode === 52 ? 4 : 8, UNKNOWN);
  if (type === 0 && (opcode === 60 || opcode === 62 || opcode >>> 1 === 27 || opcode === 46 || opcode === 47))
    return stored(around, state, at, opcode === 60 ? 16 : opcode === 62 ? 32 : 16, UNKNOWN) || finish(state, word2, next);
  return finish(state, word2, next);
}

// src/prove/stubs.ts
var MOST_STEPS = 24;
var unknownEffect = {
  kind: "unknown",
  target: 0,
  callee: UNKNOWN,
  returns: true,
  needsToc: true,
  savesToc: false
};
var scratch = new State();
function follow(subject, around, start, toc) {
  const state = scratch;
  state.clear();
  for (let i = 0; i < PLACES; i++) state.places[i] = entry(i);
  state.places[1] = stack(0);
  state.places[2] = toc;
  let savesToc = false;
  let pc = start;
  for (let steps2 = 0; steps2 < MOST_STEPS; steps2++) {
    const at = pc >> 2;
    if (pc < 0 || at >= subject.code.length || (subject.marks[at] & CODE) === 0) return unknownEffect;
    const word2 = subject.code[at];
    if (word2 >>> 26 === 18 && (word2 & 3) === 0) {
      if (steps2 > 0) return unknownEffect;
      return { ...unknownEffect, kind: "jump", target: pc + (word2 << 6 >> 8) * 4, needsToc: false };
    }
    if (word2 === 1317012512) {
      const target = state.places[CTR];
      const known3 = kindOf2(target) === EXTERNAL && subject.isImported(target) || isAddress(target);
      if (!known3 || state.places[12] !== target || !untouched(state, toc)) return unknownEffect;
      return {
        kind: "leaves",
        target: isAddress(target) ? addressOffset(target) : 0,
        callee: target,
        returns: !subject.noReturn(target),
        needsToc: false,
        savesToc
      };
    }
    if (!belongs(word2, subject.code[at + 1] ?? 0)) return unknownEffect;
    const wrong = transfer(around, state, word2, subject.code[at + 1] ?? 0, pc);
    if (wrong === TOC_SLOT) {
      if (state.load(24, 8) !== toc) return unknownEffect;
      savesToc = true;
    } else if (wrong !== FINE) return unknownEffect;
    pc += word2 >>> 26 === 1 ? 8 : 4;
  }
  return unknownEffect;
}
function belongs(word2, next) {
  switch (word2 >>> 26) {
    case 14:
    // addi
    case 15:
    // addis
    case 24:
    // ori
    case 25:
    // oris
    case 58:
    // ld
    case 62:
      return word2 >>> 26 !== 62 || word2 === 4165009432;
    case 1:
      return next >>> 26 === 14 || next >>> 26 === 57;
    case 31: {
      const extended = word2 >>> 1 & 1023;
      return extended === 467 || extended === 444 || extended === 266;
    }
  }
  return false;
}
function untouched(state, toc) {
  for (let i = 3; i < PLACES; i++) {
    if (i === 11 || i === 12 || i === CTR) continue;
    if (state.places[i] !== entry(i)) return false;
  }
  return state.places[1] === stack(0) && state.places[2] === toc;
}
function stubEffect(subject, around, start) {
  const anyToc = follow(subject, around, start, entry(2));
  if (anyToc.kind !== "unknown") return anyToc;
  if (subject.toc === void 0) return unknownEffect;
  const home = follow(subject, around, start, address(subject.toc));
  return home.kind === "unknown" ? home : { ...home, needsToc: true };
}

// src/prove/object-code.ts
var HOME = 8;
var HOME_BACK = 9;
var ObjectCode = class {
  subject;
  /** The `address` value of the home's TOC; NaN, which no register holds, where the object has none within reach. */
  home;
  around;
  /** What functions do to their callers' frames, as far as they were followed. */
  areas;
  /** By function: the bits of its symbol, HOME or HOME_BACK. */
  contract;
  /** By function: known by name, or proved, to have no path that returns. */
  neverReturns;
  /** 1 + index of the function whose entry a word is. */
  #functionAt;
  #stubs = /* @__PURE__ */ new Map();
  constructor(subject) {
    this.subject = subject;
    const home = subject.toc === void 0 ? UNKNOWN : address(subject.toc);
    this.home = home === UNKNOWN ? Number.NaN : home;
    const { functions } = subject;
    this.areas = new ParameterAreas(functions.assembly);
    this.around = {
      home: this.home,
      pacaToc: subject.pacaToc,
      constant: (offset) => subject.constant(offset),
      areas: this.areas
    };
    this.contract = functions.entryCode.slice();
    this.neverReturns = new Uint8Array(functions.count);
    for (let i = 0; i < functions.count; i++)
      if (subject.noReturn(address(functions.global[i]))) this.neverReturns[i] = 1;
    this.#functionAt = new Int32Array(subject.code.length);
    for (let i = functions.count - 1; i >= 0; i--) {
      this.#functionAt[functions.local[i] >> 2] = i + 1;
      this.#functionAt[functions.global[i] >> 2] = i + 1;
    }
    this.#markLeaders();
  }
  /** Every target of a branch begins a block. */
  #markLeaders() {
    const { code, marks, edges, functions } = this.subject;
    const words2 = code.length;
    for (let i = 0; i < words2; i++) {
      const word2 = code[i];
      const opcode = word2 >>> 26;
      if (opcode !== 18 && opcode !== 16) continue;
      if ((marks[i] & CODE) === 0 || (word2 & 2) !== 0) continue;
      const target = i + (opcode === 18 ? word2 << 6 >> 8 : (word2 & 65532) << 16 >> 18);
      if (target >= 0 && target < words2) marks[target] |= LEADER;
    }
    for (const list of edges.values())
      for (const { target } of list) if (this.isCode(target)) marks[target >> 2] |= LEADER;
    for (let i = 0; i < functions.count; i++) marks[functions.local[i] >> 2] |= LEADER;
  }
  /** Whether an instruction of the object lies at `offset`, bytes from the origin. */
  isCode(offset) {
    const word2 = offset >> 2;
    return offset >= 0 && offset % 4 === 0 && word2 < this.subject.code.length && (this.subject.marks[word2] & CODE) !== 0;
  }
  /** Index of the function that has an entry there, or -1. Parts that were split off count. */
  functionAt(offset) {
    return this.#functionAt[offset >> 2] - 1;
  }
  /** As `functionAt`, for functions that are called: -1 for parts. */
  calledAt(offset) {
    const index2 = this.functionAt(offset);
    return index2 >= 0 && this.subject.functions.part[index2] === 1 ? -1 : index2;
  }
  /** What the stub or thunk at `offset` does, or `undefined` if none is there. */
  stubAt(offset) {
    if ((this.subject.marks[offset >> 2] & STUB) === 0 || this.functionAt(offset) >= 0) return void 0;
    let stub = this.#stubs.get(offset);
    if (stub === void 0) {
      stub = stubEffect(this.subject, this.around, offset);
      this.#stubs.set(offset, stub);
    }
    return stub;
  }
};

// src/prove/reasons.ts
var NOTHING2 = 0;
var TOC_USED = 1;
var TOC_AT_RETURN = 2;
var TOC_AT_CALL = 3;
var R12_AT_CALL = 4;
var CALLERS_TOC_SLOT = 5;
var LEAVES_BY_SIBLING = 6;
var TOC_AT_STUB = 7;
var R1_AT_RETURN = 8;
var LR_AT_RETURN = 9;
var REGISTER_AT_RETURN = 10;
var CR_AT_RETURN = 11;
var R13_CHANGED = 12;
var CALLERS_BACK_CHAIN = 13;
var CALLERS_LR_SLOT = 14;
var SITE_STATE = 15;
var STACK_ARGUMENTS = 16;
var FRAME_AT_CALL = 17;
var CALLERS_FRAME = 18;
var NO_INSTRUCTION = 19;
var NO_TARGET = 20;
var RUNS_OUT = 21;
var NO_CODE = 22;
var NO_FUNCTION = 23;
var NO_FRAME = 24;
var TOO_LARGE2 = 25;
var SYSTEM_RETURN = 26;

// src/prove/contracts.ts
var LAST_VOLATILE = 12;
var LINK2 = entry(LR);
var Contracts = class {
  #object;
  #judge;
  /** Local-entry bits of the function that is followed. */
  #own = 0;
  constructor(object, judge) {
    this.#object = object;
    this.#judge = judge;
  }
  /** From now on the contract of function `index` is the one to keep. */
  of(index2) {
    this.#own = this.#object.contract[index2];
  }
  /** `blr` */
  returns(state, pc) {
    const { places: places3 } = state;
    this.#judge.comesBack();
    if (places3[LR] !== LINK2) {
      this.#judge.fail(LR_AT_RETURN, pc, places3[LR], LR);
      return;
    }
    if (places3[1] !== stack(0)) this.#judge.fail(R1_AT_RETURN, pc, places3[1], 1);
    this.#tocBack(state, pc);
    for (let i = 14; i < 32; i++) if (places3[i] !== entry(i)) this.#judge.fail(REGISTER_AT_RETURN, pc, places3[i], i);
    for (let i = CR2; i <= CR4; i++) if (places3[i] !== entry(i)) this.#judge.fail(CR_AT_RETURN, pc, places3[i], i);
  }
  #tocBack(state, pc) {
    if (this.#own === 1) return;
    const owed = this.#own === 0 ? entry(2) : this.#object.home;
    if (state.places[2] !== owed) this.#judge.fail(TOC_AT_RETURN, pc, state.get(2), 2);
  }
  /** Whether all is back that a function owes its caller, r2 left aside: then a jump to a function is a sibling call. */
  isBalanced(state) {
    const { places: places3 } = state;
    if (places3[1] !== stack(0) || places3[LR] !== LINK2) return false;
    for (let i = 14; i < 32; i++) if (places3[i] !== entry(i)) return false;
    for (let i = CR2; i <= CR4; i++) if (places3[i] !== entry(i)) return false;
    return true;
  }
  /** A sibling call of a function of the object: it returns to this one's caller, who expects what this one owes. */
  sibling(callee, target, state, pc) {
    this.#owed(callee, target, state, pc);
    this.#judge.relyOn(callee);
    this.#judge.comesBack();
    this.#arguments(this.#object.areas.use(callee), state, pc);
    const theirs = this.#object.contract[callee];
    if (theirs === 0) this.#tocBack(state, pc);
    else if (theirs === 1 && this.#own !== 1) this.#judge.fail(TOC_AT_RETURN, pc, FOREIGN, 2);
    else if (theirs > 1 && this.#own === 0) this.#judge.fail(TOC_AT_RETURN, pc, this.#object.home, 2);
  }
  /** A sibling call that leaves the object: nobody puts r2 back, and a stub would store it in the caller's own slot. */
  siblingOutside(pc) {
    this.#judge.comesBack();
    if (this.#own !== 1) this.#judge.fail(LEAVES_BY_SIBLING, pc, FOREIGN, 2);
  }
  /** What a function of the object is owed at the entry that is taken. */
  #owed(callee, target, state, pc) {
    const { functions } = this.#object.subject;
    const wants = this.#object.contract[callee];
    if (wants < 2 || wants === HOME_BACK) return;
    if (target === functions.local[callee]) {
      if (state.places[2] !== this.#object.home) this.#judge.fail(TOC_AT_CALL, pc, state.get(2), 2);
    } else if (state.places[12] !== address(target)) this.#judge.fail(R12_AT_CALL, pc, state.get(12), 12);
  }
  /**
   * Whether the callee finds its stack arguments. Without a frame of this function in between it looks where this one's own
   * arguments are.
   */
  #arguments(use, state, pc) {
    if (use === void 0) return;
    const { top } = state;
    if (top === 0) this.#object.areas.passOn(use);
    else if (use.writeEnd + top > 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1);
    else if (use.readEnd + top > 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1, !use.isVariadic);
    else if ((use.reads & ~state.arguments) !== 0) this.#judge.fail(STACK_ARGUMENTS, pc, state.get(1), 1, false);
    if (use.writeEnd > 0) state.forget(top + PARAMETERS, top + use.writeEnd);
  }
  /**
   * At a call r1 is not above where it was at entry, and each frame's first doubleword leads to the one before it, down to the
   * caller's: what unwinds the stack meanwhile goes by it (ELF V2 ABI 2.2.2.1, 2.2.3).
   */
  #chained(state, pc) {
    let { top } = state;
    if (!(top <= 0)) this.#judge.fail(FRAME_AT_CALL, pc, state.get(1), 1);
    while (top < 0) {
      const before = state.load(top, 8);
      if (!isStack(before) || stackOffset(before) <= top || stackOffset(before) > 0) {
        this.#judge.fail(FRAME_AT_CALL, pc, before, 1);
        return;
      }
      top = stackOffset(before);
    }
  }
  /**
   * After a callee: the volatile registers are gone, and what lies in the slots that it may write.
   *
   * @param savesLink it is known to put its return address into the LR slot of the frame on top
   */
  #clobber(state, pc, toc, left, savesLink) {
    const { places: places3 } = state;
    places3[0] = left;
    for (let register = 3; register <= LAST_VOLATILE; register++) places3[register] = left;
    places3[CTR] = left;
    places3[LR] = address(pc + 4);
    places3[2] = toc;
    state.sameAsCtr = 0;
    state.sameAsR12 = 0;
    state.arguments = 0;
    const { top } = state;
    if (Number.isNaN(top)) {
      state.slots = 0;
      return;
    }
    const link = state.load(top + 16, 8);
    state.forgetBelow(top);
    state.forget(top + 8, top + 24);
    if (savesLink && link !== UNKNOWN) state.store(top + 16, 8, CLOBBERED);
  }
  /** `bl target`. @returns false if nothing goes on behind it */
  call(target, state, pc) {
    if (!this.#object.isCode(target)) {
      this.#judge.fail(NO_CODE, pc, UNKNOWN, 0);
      return false;
    }
    const callee = this.#object.calledAt(target);
    if (callee < 0) return this.#callStub(target, state, pc);
    this.#owed(callee, target, state, pc);
    this.#judge.relyOn(callee);
    const { areas } = this.#object;
    this.#arguments(areas.use(callee), state, pc);
    this.#chained(state, pc);
    if (this.#object.neverReturns[callee] === 1) return false;
    const theirs = this.#object.contract[callee];
    const toc = theirs === 0 ? state.get(2) : theirs === 1 ? FOREIGN : this.#object.home;
    this.#clobber(state, pc, toc, UNKNOWN, areas.savesLink(callee));
    return true;
  }
  #callStub(target, state, pc) {
    const stub = this.#object.stubAt(target);
    if (stub === void 0 || stub.kind === "unknown") {
      this.#judge.fail(NO_FUNCTION, pc, UNKNOWN, 0);
      return false;
    }
    if (stub.needsToc && state.places[2] !== this.#object.home) this.#judge.fail(TOC_AT_STUB, pc, state.get(2), 2);
    if (stub.kind === "jump") return this.call(stub.target, state, pc);
    if (isAddress(stub.callee) && !stub.savesToc) {
      state.set(12, stub.callee);
      return this.call(addressOffset(stub.callee), state, pc);
    }
    this.#saveToc(stub, state, pc);
    this.#arguments(this.#useOf(stub.callee), state, pc);
    this.#chained(state, pc);
    if (!stub.returns) return false;
    this.#clobber(state, pc, FOREIGN, CLOBBERED, true);
    return true;
  }
  #saveToc(stub, state, pc) {
    if (!stub.savesToc) return;
    const { top } = state;
    if (Number.isNaN(top)) this.#judge.fail(NO_FRAME, pc, UNKNOWN, 1);
    else if (top + 24 >= 0) this.#judge.fail(CALLERS_TOC_SLOT, pc, state.get(1), 1);
    else state.store(top + 24, 8, state.places[2]);
  }
  /** `bctrl`. @returns false if nothing goes on behind it */
  callPointer(state, pc) {
    const target = state.places[CTR];
    const isKnown = kindOf2(target) === ADDRESS2 || kindOf2(target) === EXTERNAL;
    if (!state.r12IsCtr && !(isKnown && state.places[12] === target))
      this.#judge.fail(R12_AT_CALL, pc, state.get(12), 12, false);
    if (isKnown) this.#arguments(this.#useOf(target), state, pc);
    this.#chained(state, pc);
    if (isKnown && this.#object.subject.noReturn(target)) return false;
    this.#clobber(state, pc, FOREIGN, CLOBBERED, true);
    return true;
  }
  /** What a function does to its caller's frame, given its address. */
  #useOf(target) {
    if (kindOf2(target) === EXTERNAL) return this.#object.subject.parameters?.(target);
    const callee = isAddress(target) ? this.#object.calledAt(addressOffset(target)) : -1;
    return callee < 0 ? void 0 : this.#object.areas.use(callee);
  }
  /**
   * The tracer may put a call here. It needs the return address in LR (and in r0, where `mflr r0` stands in front), and no
   * frame yet; it keeps everything but r0, which gets the return address, r11, r12 and CTR.
   */
  tracerSite(state, pc) {
    if (state.places[LR] !== LINK2) this.#judge.fail(SITE_STATE, pc, state.places[LR], LR);
    if (state.places[1] !== stack(0)) this.#judge.fail(SITE_STATE, pc, state.get(1), 1);
    if (this.#object.subject.lrIsSavedAtSite && state.get(0) !== LINK2)
      this.#judge.fail(SITE_STATE, pc, state.get(0), 0);
    if (state.get(0) !== LINK2) state.set(0, UNKNOWN);
    state.set(11, UNKNOWN);
    state.set(12, UNKNOWN);
    state.places[CTR] = UNKNOWN;
    state.sameAsCtr = 0;
  }
};

// src/prove/walker.ts
function isTrap2(word2) {
  return (word2 & 4292872190) >>> 0 === 2145386504;
}
function isAlways(word2) {
  return (word2 & 41943040) === 41943040;
}
var FARTHEST = 16;
var Walker = class {
  #object;
  #guide;
  #contracts;
  #index = 0;
  /** Where subroutines without a symbol return to: places behind a `bl` to one. */
  #subroutineReturns = /* @__PURE__ */ new Set();
  constructor(object, guide) {
    this.#object = object;
    this.#guide = guide;
    this.#contracts = new Contracts(object, guide);
  }
  /** The function whose blocks are executed from now on. */
  follow(index2) {
    this.#index = index2;
    this.#subroutineReturns.clear();
    this.#contracts.of(index2);
  }
  /** Executes from `start` to the end of the block, changing `state`. */
  block(start, state) {
    const { code, marks } = this.#object.subject;
    const { around } = this.#object;
    const guide = this.#guide;
    for (let pc = start; ; pc += 4) {
      const at = pc >> 2;
      const mark = at < marks.length ? marks[at] : 0;
      if (mark !== CODE) {
        if (pc !== start && this.#ends(pc, mark, state)) return;
        if ((mark & CODE) === 0) {
          guide.fail(RUNS_OUT, pc, UNKNOWN, 0);
          return;
        }
      }
      if (guide.isWatched && !guide.step(pc, state)) return;
      if ((mark & SITE) !== 0) this.#contracts.tracerSite(state, pc);
      if ((mark & EXTRA) !== 0 && this.#extra(pc, state)) return;
      const word2 = code[at];
      const opcode = word2 >>> 26;
      if (opcode >= 16 && opcode <= 19) {
        if (!this.#branch(word2, opcode, state, pc)) return;
      } else if (opcode === 31 && isTrap2(word2) && (mark & EXTRA) === 0) {
        return;
      } else if (opcode === 1) {
        this.#judged(transfer(around, state, word2, code[at + 1] ?? 0, pc), state, pc);
        pc += 4;
      } else {
        const wrong = transfer(around, state, word2, 0, pc);
        if (wrong !== FINE) this.#judged(wrong, state, pc);
      }
    }
  }
  /** Whether a block ends where control falls into the word at `pc`. */
  #ends(pc, mark, state) {
    if ((mark & EXTRA) !== 0) {
      const instead = this.#object.subject.edges.get(pc)?.find((e) => e.kind === "instead");
      if (instead !== void 0) {
        this.#guide.reach(instead.target, state, pc - 4);
        return true;
      }
    }
    if ((mark & GLOBAL) !== 0) {
      const other = this.#object.calledAt(pc);
      if (other >= 0 && other !== this.#index) {
        this.#guide.fail(RUNS_OUT, pc, UNKNOWN, 0);
        return true;
      }
    }
    if ((mark & LEADER) === 0 || (mark & CODE) === 0) return false;
    return !this.#guide.fallInto(pc, state, pc - 4);
  }
  #judged(wrong, state, pc) {
    const guide = this.#guide;
    if (wrong === FINE) return;
    if (wrong === TOC_USE) guide.fail(TOC_USED, pc, state.get(2), 2);
    else if (wrong === BACK_CHAIN) guide.fail(CALLERS_BACK_CHAIN, pc, state.get(1), 1);
    else if (wrong === TOC_SLOT) guide.fail(CALLERS_TOC_SLOT, pc, state.get(1), 1);
    else if (wrong === LR_SLOT2) guide.fail(CALLERS_LR_SLOT, pc, UNKNOWN, LR);
    else if (wrong === PARAMETER_AREA) guide.fail(CALLERS_FRAME, pc, state.get(1), 1, false);
    else if (wrong === R13_WRITTEN) guide.fail(R13_CHANGED, pc, UNKNOWN, 13);
    else guide.fail(NO_INSTRUCTION, pc, UNKNOWN, 0);
  }
  /** The tables' own ways on. True if nothing goes on behind the instruction. */
  #extra(pc, state) {
    let ends2 = false;
    for (const { kind, target } of this.#object.subject.edges.get(pc) ?? []) {
      if (kind === "also" || kind === "fixup") this.#jump(target, state, pc);
      else if (kind === "next") this.#guide.reach(pc + 4, state, pc);
      if (kind === "stop" || kind === "fixup") ends2 = true;
    }
    return ends2;
  }
  #jump(target, state, pc) {
    if (this.#object.isCode(target)) this.#guide.reach(target, state, pc);
    else this.#guide.fail(NO_CODE, pc, UNKNOWN, 0);
  }
  /** @returns whether control may go on behind the branch, in `state` */
  #branch(word2, opcode, state, pc) {
    if (opcode === 18) {
      const target = ((word2 & 2) !== 0 ? 0 : pc) + (word2 << 6 >> 8) * 4;
      if ((word2 & 1) === 1) return this.#call(target, state, pc);
      this.#goTo(target, state, pc);
      return false;
    }
    if (opcode === 16) return this.#conditional(word2, state, pc);
    if (opcode === 17) {
      this.#guide.fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
      return false;
    }
    return this.#branchRegister(word2, state, pc);
  }
  /** Opcode 19: bclr, bcctr, bctar, returns from interrupts, and the logic of the condition register. */
  #branchRegister(word2, state, pc) {
    switch (word2 >>> 1 & 1023) {
      case 16:
        if ((word2 & 1) === 1) break;
        this.#countDown(word2, state);
        this.#returns(state, pc);
        return !isAlways(word2);
      case 528:
        if ((word2 & 1) === 1) return this.#contracts.callPointer(state, pc);
        this.#jumpPointer(state, pc);
        return !isAlways(word2);
      case 560:
        break;
      case 18:
      // rfid
      case 82:
      // rfscv
      case 274:
      // hrfid
      case 370:
        this.#guide.fail(SYSTEM_RETURN, pc, UNKNOWN, 0);
        return false;
      default:
        this.#judged(transfer(this.#object.around, state, word2, 0, pc), state, pc);
        return true;
    }
    this.#guide.fail(NO_TARGET, pc, UNKNOWN, LR);
    return false;
  }
  #returns(state, pc) {
    const back = state.places[LR];
    if (isAddress(back) && this.#subroutineReturns.has(addressOffset(back)))
      this.#guide.reach(addressOffset(back), state, pc);
    else this.#contracts.returns(state, pc);
  }
  /**
   * `bl`. What is called without being a function or a stub, as assembly does within one function, has no contract: control is
   * followed into it and, at its `blr`, back.
   */
  #call(target, state, pc) {
    const object = this.#object;
    if (target !== pc + 4) {
      if (!object.isCode(target) || object.calledAt(target) >= 0 || object.stubAt(target) !== void 0)
        return this.#contracts.call(target, state, pc);
      this.#subroutineReturns.add(pc + 4);
      object.subject.marks[pc + 4 >> 2] |= LEADER;
      state.places[LR] = address(pc + 4);
      this.#guide.reach(target, state, pc);
      return false;
    }
    state.places[LR] = address(target);
    return true;
  }
  /** Branches that count CTR down. */
  #countDown(word2, state) {
    if ((word2 >>> 21 & 4) !== 0) return;
    state.places[CTR] = UNKNOWN;
    state.sameAsCtr = 0;
  }
  #conditional(word2, state, pc) {
    const target = ((word2 & 2) !== 0 ? 0 : pc) + ((word2 & 65532) << 16 >> 16);
    const options = word2 >>> 21 & 31;
    this.#countDown(word2, state);
    const always = (options & 20) === 20;
    if ((word2 & 1) === 0) {
      this.#goTo(target, state, pc);
      return !always;
    }
    if (!always) this.#guide.reach(pc + 4, state, pc);
    return this.#call(target, state, pc);
  }
  /**
   * A jump, or a sibling call where it enters a function and all that the caller is owed is back. A jump to a function with
   * something not yet back is followed into it: that is what the machine does.
   */
  #goTo(target, state, pc) {
    if (!this.#object.isCode(target)) {
      this.#guide.fail(NO_CODE, pc, UNKNOWN, 0);
      return;
    }
    if (this.#object.stubAt(target)?.kind === "leaves") {
      this.#contracts.siblingOutside(pc);
      return;
    }
    const callee = this.#object.calledAt(target);
    if (callee >= 0 && this.#contracts.isBalanced(state)) this.#contracts.sibling(callee, target, state, pc);
    else this.#guide.reach(target, state, pc);
  }
  /**
   * How many entries a table has at least, where the words before the `bctr` at `pc` are as compilers write them: the index is
   * compared, `cmplwi rX,N` and `bgt`, and shifted, `rldic rY,rX,2`. 0 where they are not.
   */
  #entriesAt(pc) {
    const { code, functions } = this.#object.subject;
    const first = Math.max(functions.global[this.#index] >> 2, (pc >> 2) - FARTHEST);
    let index2 = -1;
    let field2 = -1;
    for (let at = (pc >> 2) - 1; at > first; at--) {
      const word2 = code[at];
      const opcode = word2 >>> 26;
      if (index2 < 0) {
        if ((opcode === 30 || opcode === 21) && (word2 >>> 11 & 31) === 2) index2 = word2 >>> 21 & 31;
        else if (opcode === 16 && (word2 >>> 16 & 3) === 1) field2 = word2 >>> 18 & 7;
      } else if (opcode === 16) {
        if ((word2 >>> 16 & 3) !== 1 || field2 >= 0) return 0;
        field2 = word2 >>> 18 & 7;
      } else if (opcode === 10 && (word2 >>> 16 & 31) === index2) {
        return (word2 >>> 23 & 7) === field2 ? (word2 & 65535) + 1 : 0;
      } else if ((word2 >>> 21 & 31) === index2 || (word2 >>> 16 & 31) === index2) {
        return 0;
      }
    }
    return 0;
  }
  /** `bctr`: a switch, a jump to a known place, or nobody knows. */
  #jumpPointer(state, pc) {
    const { subject } = this.#object;
    const target = state.places[CTR];
    if (isAddress(target)) {
      this.#goTo(addressOffset(target), state, pc);
      return;
    }
    if (kindOf2(target) === EXTERNAL) {
      this.#contracts.siblingOutside(pc);
      return;
    }
    const labels = kindOf2(target) === LABEL ? subject.labels(payloadOf(target), this.#index, this.#entriesAt(pc)) : void 0;
    if (labels === void 0 || labels.length === 0) {
      this.#guide.fail(NO_TARGET, pc, UNKNOWN, CTR);
      return;
    }
    for (const place of labels) {
      if (this.#object.isCode(place)) subject.marks[place >> 2] |= LEADER;
      this.#jump(place, state, pc);
    }
  }
};

// src/prove/prover.ts
var PROVED = 0;
var UNPROVED = 1;
var REFUTED = 2;
var MOST_BLOCKS = 2e5;
var Prover = class {
  subject;
  /** PROVED, UNPROVED or REFUTED, by function; for parts that were split off it stays PROVED and means nothing. */
  verdict;
  /** Index in REASONS. */
  reason;
  /** Where: bytes from the origin. */
  place;
  found;
  register;
  /** Functions of the object that a function calls or continues in: it relies on their contracts. */
  calls = /* @__PURE__ */ new Map();
  #object;
  #walker;
  #frontier;
  /** By function: whether some path of it returns, or goes on elsewhere. */
  #comesBack;
  /** Functions that were followed again because they lost their return address. */
  #linkLost = /* @__PURE__ */ new Set();
  #state = new State();
  #current = 0;
  /** Blocks that were executed of the current function. */
  #blocks = 0;
  /** Start of the block that is executed. */
  #start = 0;
  #watcher;
  #path;
  constructor(subject) {
    this.subject = subject;
    const { count } = subject.functions;
    this.verdict = new Uint8Array(count);
    this.reason = new Uint8Array(count);
    this.place = new Int32Array(count);
    this.found = new Int32Array(count);
    this.register = new Uint8Array(count);
    this.#comesBack = new Uint8Array(count);
    this.#object = new ObjectCode(subject);
    this.#walker = new Walker(this.#object, this);
    this.#frontier = new Frontier(subject.code.length);
  }
  /**
   * Follows every function. What is found to never return, though no list says so, ends the paths that call it: those that
   * could not be proved are followed again, until nothing more is found.
   */
  proveAll() {
    const { functions } = this.subject;
    for (let i = 0; i < functions.count; i++) if (functions.part[i] === 0) this.prove(i);
    for (let again = this.#homebound(); again.length > 0; again = this.#homebound())
      for (const i of again) this.prove(i);
    for (let again = this.#endless(); again.length > 0; again = this.#endless()) for (const i of again) this.prove(i);
    for (let again = this.#arguing(); again.length > 0; again = this.#arguing()) for (const i of again) this.prove(i);
  }
  /**
   * Functions that were followed before it was known what their callees do to the frames that they are called from: callers of
   * those that look for stack arguments, and whoever may have kept its return address where its callees put their own.
   */
  #arguing() {
    const changed = this.#object.areas.takeChanged();
    const again = [];
    for (const [caller, callees] of this.calls)
      if (callees.some((c) => changed.has(c)) || this.#isLinkLost(caller)) again.push(caller);
    return again;
  }
  #isLinkLost(index2) {
    if (this.verdict[index2] !== UNPROVED || this.reason[index2] !== LR_AT_RETURN || this.#linkLost.has(index2))
      return false;
    this.#linkLost.add(index2);
    return true;
  }
  /** Whose contract a function is held to: see contracts.ts. */
  contract(index2) {
    return this.#object.contract[index2];
  }
  /** What a function does with its caller's parameter save area; `undefined` if it leaves it alone. */
  parameters(index2) {
    return this.#object.areas.use(index2);
  }
  /**
   * Finds functions whose symbol says that they need no r2, though they use it as the TOC, and that nobody but this object can
   * call: from now on their callers owe them the home's TOC. And those that come back with the home's TOC without having been
   * given it: from now on their callers find it there.
   *
   * @returns those functions and their callers
   */
  #homebound() {
    const { functions } = this.subject;
    const { contract } = this.#object;
    const found2 = /* @__PURE__ */ new Set();
    for (let i = 0; i < functions.count; i++) {
      const isOpen = contract[i] === 0 || contract[i] === HOME_BACK;
      if (this.verdict[i] === PROVED || !isOpen || this.register[i] !== 2) continue;
      const comesHome = this.found[i] === this.#object.home && this.reason[i] === TOC_AT_RETURN;
      if (comesHome && contract[i] === 0) contract[i] = HOME_BACK;
      else if (this.found[i] !== entry(2) || this.reason[i] > TOC_AT_STUB) continue;
      else if (this.subject.isExposed(functions.global[i])) continue;
      else contract[i] = HOME;
      found2.add(i);
    }
    const again = [...found2];
    if (found2.size > 0) {
      for (const [caller, callees] of this.calls)
        if (!found2.has(caller) && callees.some((c) => found2.has(c))) again.push(caller);
    }
    return again;
  }
  /** Takes note of functions that never return. @returns those that call one and are not proved */
  #endless() {
    const { functions } = this.subject;
    const { neverReturns: neverReturns2 } = this.#object;
    const found2 = /* @__PURE__ */ new Set();
    for (let i = 0; i < functions.count; i++) {
      if (functions.part[i] === 1 || this.verdict[i] !== PROVED) continue;
      if (this.#comesBack[i] === 1 || neverReturns2[i] === 1) continue;
      neverReturns2[i] = 1;
      found2.add(i);
    }
    const again = [];
    for (const [caller, callees] of this.calls)
      if (this.verdict[caller] !== PROVED && callees.some((c) => found2.has(c))) again.push(caller);
    return again;
  }
  /** Follows one function along all its paths and keeps the verdict; its callees are taken to keep their contracts. */
  prove(index2, watcher) {
    const { functions } = this.subject;
    const global = functions.global[index2];
    const local = functions.local[index2];
    this.#begin(index2, watcher);
    this.verdict[index2] = PROVED;
    this.reason[index2] = NOTHING2;
    this.#comesBack[index2] = 0;
    this.calls.delete(index2);
    this.#follow(global === local ? [global] : [global, local]);
    if (global !== local && this.verdict[index2] === UNPROVED && this.reason[index2] < NO_INSTRUCTION) {
      this.#follow([local]);
      this.#follow([global]);
    }
    this.#watcher = void 0;
  }
  /** Follows the current function from these of its entries. */
  #follow(entries2) {
    const index2 = this.#current;
    const state = this.#state;
    for (const at of entries2) {
      this.#enter(state, at);
      this.reach(at, state, at);
    }
    this.#blocks = 0;
    for (let at = this.#frontier.take(state); at >= 0; at = this.#frontier.take(state)) {
      if (++this.#blocks > MOST_BLOCKS) this.fail(TOO_LARGE2, at, UNKNOWN, 0);
      if (this.#blocks > MOST_BLOCKS || this.verdict[index2] === REFUTED) break;
      this.#start = at;
      this.#walker.block(at, state);
    }
    this.#frontier.clear();
  }
  #begin(index2, watcher) {
    this.#current = index2;
    this.#watcher = watcher;
    this.#walker.follow(index2);
    this.#object.areas.follow(index2);
  }
  /** The state in which a function may count on being entered, at one of its entries. */
  #enter(state, at) {
    const { functions } = this.subject;
    const index2 = this.#current;
    for (let i = 0; i < PLACES; i++) state.places[i] = entry(i);
    state.places[1] = stack(0);
    state.slots = 0;
    state.store(16, 8, CLOBBERED);
    state.sameAsCtr = 0;
    state.sameAsR12 = 0;
    state.arguments = 0;
    const contract = this.#object.contract[index2];
    if (contract === HOME) state.places[2] = this.#object.home;
    if (contract < 2 || contract >= HOME) return;
    const isGlobal = at === functions.global[index2];
    if (isGlobal) state.places[12] = address(at);
    if (!isGlobal || functions.global[index2] === functions.local[index2]) state.places[2] = this.#object.home;
  }
  /**
   * Follows one path alone, without joining states: from an entry of the function through the blocks that the legs begin with,
   * leaving each at its exit. The last one is executed to its end, and what is wrong anywhere is told to the watcher.
   *
   * @returns whether the path exists
   */
  walk(index2, legs, watcher) {
    const { verdict, reason, place, found: found2, register } = this;
    const kept = [verdict[index2], reason[index2], place[index2], found2[index2], register[index2]];
    const state = new State();
    this.#begin(index2, watcher);
    this.#enter(state, legs[0].block);
    let whole2 = true;
    for (let i = 0; i < legs.length && whole2; i++) {
      const { block, exit } = legs[i];
      const path = { exit, target: legs[i + 1]?.block ?? -1, state: new State(), taken: false };
      this.#path = path;
      this.#start = block;
      this.#walker.block(block, state);
      whole2 = i === legs.length - 1 || path.taken;
      if (path.taken) state.copyFrom(path.state);
    }
    this.#path = void 0;
    this.#watcher = void 0;
    [verdict[index2], reason[index2], place[index2], found2[index2], register[index2]] = kept;
    return whole2;
  }
  fallInto(target, state, from) {
    const mayGoOn = !this.isWatched && this.verdict[this.#current] !== REFUTED && ++this.#blocks <= MOST_BLOCKS;
    if (mayGoOn) {
      if (!this.#frontier.fallInto(target, state)) return false;
      this.#start = target;
      return true;
    }
    this.reach(target, state, from);
    return false;
  }
  get isWatched() {
    return this.#watcher !== void 0 || this.#path !== void 0;
  }
  step(pc, state) {
    if (this.#path?.taken === true) return false;
    this.#watcher?.step?.(pc, state);
    return true;
  }
  reach(target, state, from) {
    const path = this.#path;
    if (path === void 0) {
      this.#watcher?.edge?.(this.#start, from, target);
      this.#frontier.reach(target, state);
    } else if (target === path.target && from === path.exit && !path.taken) {
      path.taken = true;
      path.state.copyFrom(state);
    }
  }
  /** Keeps the first thing that is wrong; one that is certain goes before one that is not known. */
  fail(reason, place, found2, register, certain = found2 !== UNKNOWN) {
    const isHomebound = register === 2 && found2 === entry(2) && this.#object.contract[this.#current] === 0;
    const isCertain = certain && reason < NO_INSTRUCTION && !(isHomebound && reason !== TOC_AT_RETURN);
    this.#watcher?.fail?.(this.#start, { reason, place, found: found2, register, certain: isCertain });
    const index2 = this.#current;
    const verdict = isCertain ? REFUTED : UNPROVED;
    if (this.verdict[index2] >= verdict) return;
    this.verdict[index2] = verdict;
    this.reason[index2] = reason;
    this.place[index2] = place;
    this.found[index2] = found2;
    this.register[index2] = register;
  }
  relyOn(callee) {
    const list = this.calls.get(this.#current);
    if (list === void 0) this.calls.set(this.#current, [callee]);
    else if (!list.includes(callee)) list.push(callee);
  }
  comesBack() {
    this.#comesBack[this.#current] = 1;
  }
};

// test/support/interpreter/world.ts
var SHF_WRITE2 = 1;
var SHF_EXECINSTR2 = 4;
var STT_FUNC2 = 2;
function isConstant(section) {
  return (section.flags & SHF_WRITE2) === 0 || /^(\.toc|\.got|\.data\.rel\.ro)/.test(section.name);
}
var World = class {
  image;
  toc;
  functions;
  /** Exception table: from an instruction to its fixup. */
  fixups = /* @__PURE__ */ new Map();
  /** Traps that return. */
  warnings = /* @__PURE__ */ new Set();
  /** Jump labels: from the instruction to where it may lead. */
  labels = /* @__PURE__ */ new Map();
  /** Feature sections by where they begin, and where their alternatives end. */
  features = /* @__PURE__ */ new Map();
  alternativeEnds = /* @__PURE__ */ new Map();
  /** What the tracer's records name. */
  sites = /* @__PURE__ */ new Set();
  /** Addresses that the loader made stubs for. */
  imports;
  #sections;
  #start;
  #end;
  #last;
  #entries = /* @__PURE__ */ new Map();
  constructor(image) {
    this.image = image;
    this.toc = image.toc;
    this.imports = new Map(image.stubs.map((s) => [s.target, s.name]));
    this.#sections = image.sections.filter((s) => s.size > 0 && s.memory !== "percpu").map((section) => ({
      start: section.address,
      end: section.address + BigInt(section.size),
      section,
      view: new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length)
    }));
    this.#start = this.#sections.reduce((least, s) => s.start < least ? s.start : least, image.toc);
    this.#end = this.#sections.reduce((most, s) => s.end > most ? s.end : most, image.toc);
    this.functions = image.symbols.filter((s) => (s.info & 15) === STT_FUNC2 && s.section !== 0 && s.size > 0).map((s) => {
      const bits2 = s.other >>> 5;
      const declared = bits2 === 0 ? "kept" : bits2 === 1 ? "open" : "home";
      return {
        name: s.name,
        global: s.address,
        local: s.address + BigInt(bits2 < 2 ? 0 : 1 << bits2),
        end: s.address + BigInt(s.size),
        declared,
        convention: declared,
        isPart: /\.cold(\.\d+)?$/.test(s.name)
      };
    });
    for (const f of this.functions) {
      this.#entries.set(f.global, f);
      this.#entries.set(f.local, f);
    }
    this.readTables();
  }
  #at(address2) {
    const last = this.#last;
    if (last !== void 0 && address2 >= last.start && address2 < last.end) return last;
    const found2 = this.#sections.find((s) => address2 >= s.start && address2 < s.end);
    if (found2 !== void 0) this.#last = found2;
    return found2;
  }
  /** The instruction at an address, or `undefined` where no code is. */
  word(address2) {
    const found2 = this.#at(address2);
    if (found2 === void 0 || (found2.section.flags & SHF_EXECINSTR2) === 0 && !found2.section.name.startsWith("__ftr_alt"))
      return void 0;
    const at = Number(address2 - found2.start);
    return at % 4 === 0 && at + 4 <= found2.view.byteLength ? found2.view.getUint32(at, true) : void 0;
  }
  /** The doubleword of contents at an address, and whether it stays; `undefined` where nothing of the object lies. */
  contents(address2) {
    const found2 = this.#at(address2) ?? this.#at(address2 + 7n);
    if (found2 === void 0) return void 0;
    let value = 0n;
    for (let i = 7; i >= 0; i--) {
      const at = Number(address2 - found2.start) + i;
      value = value << 8n | BigInt(at >= 0 && at < found2.view.byteLength ? found2.view.getUint8(at) : 0);
    }
    return { value, isConstant: isConstant(found2.section) };
  }
  /** Whether the program changes nothing at an address: code and constants of the object. */
  isFixed(address2) {
    const found2 = address2 >= this.#start && address2 < this.#end ? this.#at(address2) : void 0;
    return found2 !== void 0 && isConstant(found2.section);
  }
  /** Changes four bytes, whatever they are. @returns what was there */
  poke(address2, word2) {
    const found2 = this.#at(address2);
    const at = Number(address2 - found2.start);
    const before = found2.view.getUint32(at, true);
    found2.view.setUint32(at, word2, true);
    return before;
  }
  /** The function that has an entry there. */
  functionAt(address2) {
    return this.#entries.get(address2);
  }
  /** Reads the tables again, after something has been poked. */
  readTables() {
    for (const table2 of [this.fixups, this.warnings, this.labels, this.features, this.alternativeEnds, this.sites])
      table2.clear();
    for (const { section, view, start } of this.#sections) {
      const each = (size, visit) => {
        for (let at = 0; at + size <= view.byteLength; at += size) visit(at);
      };
      const distance = (at) => start + BigInt(at) + BigInt(view.getInt32(at, true));
      if (section.name === "__ex_table") each(8, (at) => this.fixups.set(distance(at), distance(at + 4)));
      else if (section.name === "__bug_table")
        each(12, (at) => {
          if ((view.getUint16(at + 10, true) & 1) !== 0) this.warnings.add(distance(at));
        });
      else if (section.name === "__jump_table") each(16, (at) => this.labels.set(distance(at), distance(at + 4)));
      else if (/^__(mmu_|fw_)?ftr_fixup$/.test(section.name))
        each(48, (at) => {
          const field2 = (offset) => start + BigInt(at) + view.getBigInt64(at + offset, true);
          const [from, end, alternative, alternativeEnd] = [field2(16), field2(24), field2(32), field2(40)];
          if (end <= from) return;
          this.features.set(from, { end, alternative, alternativeEnd });
          if (alternativeEnd > alternative) this.alternativeEnds.set(alternativeEnd, end);
        });
      else if (section.name === "__mcount_loc" || section.name === "__patchable_function_entries")
        each(8, (at) => this.sites.add(view.getBigUint64(at, true)));
    }
  }
};

// test/support/interpreter/contains.ts
function placeOf(run2, place) {
  const { machine: m } = run2;
  if (place === LR) return m.lr;
  if (place === CTR) return m.ctr;
  return place >= CR2 ? BigInt(m.field(place - CR2 + 2)) : m.r[place];
}
function atEntry(run2, place) {
  const { entry: entry2 } = run2;
  if (place === LR) return entry2.lr;
  if (place === CTR) return entry2.ctr;
  return place >= CR2 && place <= CR4 ? BigInt(entry2.cr >>> 28 - 4 * (place - CR2 + 2) & 15) : entry2.r[place];
}
function fits2(run2, subject, origin, value, actual, bits2) {
  const expected = (number2) => actual === BigInt.asUintN(bits2, number2);
  const from = entryOf(value);
  if (from >= 0) return expected(atEntry(run2, from));
  const payload = payloadOf(value);
  switch (kindOf2(value)) {
    case STACK:
      return expected(run2.entry.r[1] + BigInt(payload));
    case ADDRESS2:
      return expected(origin + BigInt(payload));
    case NUMBER:
      return expected(BigInt(payload));
    case EXTERNAL: {
      const name = subject.nameOf(value);
      return name.startsWith("0x") ? expected(BigInt(name)) : run2.world.imports.get(actual) === name;
    }
    case SAVED:
      for (let i = 0; i < 3; i++) {
        const shift = 28 - 4 * (i + 2);
        const differs = (Number(BigInt.asUintN(32, actual)) ^ run2.entry.cr) >>> shift & 15;
        if ((payload >>> i & 1) === 1 && differs !== 0) return false;
      }
      return true;
  }
  return true;
}
function outside2(run2, subject, origin, state) {
  const wrong = [];
  const { machine: m } = run2;
  for (let place = 0; place < PLACES; place++) {
    const actual = placeOf(run2, place);
    if (!fits2(run2, subject, origin, state.places[place], actual, 64))
      wrong.push(`${placeName(place)} is 0x${actual.toString(16)}, not ${describe(state.places[place])}`);
    if (place >= 32) continue;
    if ((state.sameAsCtr >>> place & 1) === 1 && actual !== m.ctr) wrong.push(`r${place} is not CTR`);
    if ((state.sameAsR12 >>> place & 1) === 1 && actual !== m.r[12]) wrong.push(`r${place} is not r12`);
  }
  const top = run2.entry.r[1];
  for (let i = 0; i < state.slots; i++) {
    const width = state.slotWidth[i];
    const actual = m.memory.read(BigInt.asUintN(64, top + BigInt(state.slotOffset[i])), width);
    if (!fits2(run2, subject, origin, state.slotValue[i], actual, width * 8))
      wrong.push(
        `the slot at ${state.slotOffset[i]} holds 0x${actual.toString(16)}, not ${describe(state.slotValue[i])}`
      );
  }
  return wrong;
}
function describe(value) {
  const from = entryOf(value);
  return from >= 0 ? `entry(${placeName(from)})` : `${["", "stack", "address", "number", "external", "table", "label", "saved"][kindOf2(value)]}(${payloadOf(value)})`;
}

// test/support/interpreter/conditions.ts
function isTaken(run2, { isForced, leading }, pc, word2) {
  const m = run2.machine;
  const options = word2 >>> 21 & 31;
  let taken = true;
  if ((options & 4) === 0) {
    m.ctr = BigInt.asUintN(64, m.ctr - 1n);
    taken = m.ctr === 0n === ((options & 2) !== 0);
  }
  if ((options & 16) === 0) taken &&= m.bit(word2 >>> 16 & 31) === 1 === ((options & 8) !== 0);
  const isConditional = (options & 20) !== 20;
  if (!isConditional || !isForced || isBound(run2, pc, word2)) return taken;
  run2.forced++;
  if (leading !== void 0 && word2 >>> 26 === 16 && !m.random.oneIn(8)) {
    const target = pc + BigInt((word2 & 65532) << 16 >> 16);
    if (leading.has(target) !== leading.has(pc + 4n)) return leading.has(target);
  }
  return m.random.oneIn(2);
}
function isBound(run2, pc, word2) {
  const bit = word2 >>> 16 & 31;
  if ((bit & 3) !== 1) return false;
  for (let back = 1n; back <= 24n; back++) {
    const before = run2.world.word(pc - 4n * back) ?? 0;
    if (before >>> 26 === 10 && (before >>> 23 & 7) === bit >> 2) return true;
  }
  return false;
}

// test/support/interpreter/machine.ts
var ALL = (1n << 64n) - 1n;
var Random = class {
  #state;
  constructor(seed) {
    this.#state = (seed ^ 2654435769) >>> 0 || 1;
    for (let i = 0; i < 4; i++) this.next();
  }
  next() {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s >>> 0;
    return this.#state;
  }
  below(limit) {
    return this.next() % limit;
  }
  /** True once in `times`. */
  oneIn(times) {
    return this.next() % times === 0;
  }
  wide() {
    return BigInt(this.next()) << 32n | BigInt(this.next());
  }
  /** What a variable of a program might hold: small numbers, errors, pointers, anything. */
  value() {
    switch (this.below(8)) {
      case 0:
        return 0n;
      case 1:
        return BigInt(this.below(8));
      case 2:
        return BigInt(this.below(200));
      case 3:
        return BigInt.asUintN(64, -BigInt(this.below(140)));
      case 4:
      case 5:
        return 0xc000000100000000n + BigInt(this.below(1 << 24) * 16);
      default:
        return this.wide();
    }
  }
};
var Memory2 = class {
  #words = /* @__PURE__ */ new Map();
  #origin;
  #isFixed;
  /** Doublewords, by address / 8, in which calling conventions have put something. */
  guarded = /* @__PURE__ */ new Set();
  /** A store has hit one of them, or what is fixed. */
  isHit = false;
  /**
   * @param origin the doubleword at an address (a multiple of 8) that nobody has written
   * @param isFixed whether nothing may be written there: code and constants
   */
  constructor(origin, isFixed = () => false) {
    this.#origin = origin;
    this.#isFixed = isFixed;
  }
  #doubleword(at) {
    let value = this.#words.get(at);
    if (value === void 0) {
      value = this.#origin(BigInt.asUintN(64, at << 3n));
      this.#words.set(at, value);
    }
    return value;
  }
  /** `width` bytes from `address` on, least significant first. */
  read(address2, width) {
    const at = address2 >> 3n;
    const skip = Number(address2 & 7n);
    if (skip + width <= 8) {
      const word2 = this.#doubleword(at);
      return width === 8 ? word2 : BigInt.asUintN(width * 8, word2 >> BigInt(skip * 8));
    }
    const low = 8 - skip;
    return this.read(address2, low) | this.read(BigInt.asUintN(64, address2 + BigInt(low)), width - low) << BigInt(low * 8);
  }
  write(address2, width, value) {
    const at = address2 >> 3n;
    const skip = Number(address2 & 7n);
    if (this.guarded.has(at) || this.#isFixed(address2)) this.isHit = true;
    if (width === 8 && skip === 0) {
      this.#words.set(at, value);
      return;
    }
    if (skip + width > 8) {
      const low = 8 - skip;
      this.write(address2, low, BigInt.asUintN(low * 8, value));
      this.write(BigInt.asUintN(64, address2 + BigInt(low)), width - low, value >> BigInt(low * 8));
      return;
    }
    const bits2 = BigInt(skip * 8);
    const mask2 = (1n << BigInt(width * 8)) - 1n << bits2;
    this.#words.set(at, this.#doubleword(at) & (ALL ^ mask2) | value << bits2 & mask2);
  }
  /** What lies in [from, to) becomes anything. Both are multiples of 8. */
  spoil(from, to) {
    const [first, last] = [from >> 3n, to >> 3n];
    for (const at of this.#words.keys()) if (at >= first && at < last) this.#words.delete(at);
    for (const at of this.guarded) if (at >= first && at < last) this.guarded.delete(at);
  }
};
var Machine = class {
  /** General registers. */
  r;
  lr;
  ctr;
  /** The condition register; CR0 is in the four highest bits. */
  cr;
  /** XER's carry. */
  carry;
  memory;
  random;
  constructor(memory, random) {
    this.memory = memory;
    this.random = random;
    this.r = Array.from({ length: 32 }, () => random.value());
    this.lr = random.wide() & ~3n & ALL;
    this.ctr = random.wide();
    this.cr = random.next();
    this.carry = BigInt(random.below(2));
  }
  /** The four bits of CR field `field`. */
  field(field2) {
    return this.cr >>> 28 - 4 * field2 & 15;
  }
  setField(field2, bits2) {
    const shift = 28 - 4 * field2;
    this.cr = (this.cr & ~(15 << shift) | bits2 << shift) >>> 0;
  }
  /** Bit 0 is the most significant one. */
  bit(bit) {
    return this.cr >>> 31 - bit & 1;
  }
  setBit(bit, value) {
    const mask2 = 1 << 31 - bit;
    this.cr = (value === 1 ? this.cr | mask2 : this.cr & ~mask2) >>> 0;
  }
  /** LT, GT, EQ and no summary overflow. */
  compare(field2, a, b) {
    this.setField(field2, a < b ? 8 : a > b ? 4 : 2);
  }
  /** What a dot at the end of a mnemonic asks for. */
  record(result) {
    this.compare(0, BigInt.asIntN(64, result), 0n);
  }
};

// test/support/interpreter/compute.ts
var s64 = (value) => BigInt.asIntN(64, value);
var s32 = (value) => BigInt.asIntN(32, value);
var u64 = (value) => BigInt.asUintN(64, value);
function ones(value) {
  let count = 0n;
  for (let rest = value; rest !== 0n; rest &= rest - 1n) count++;
  return count;
}
function leadingZeros(value, bits2) {
  return BigInt(value === 0n ? bits2 : bits2 - value.toString(2).length);
}
function trailingZeros(value, bits2) {
  return value === 0n ? BigInt(bits2) : ones((value & -value) - 1n);
}
function quotient(a, b) {
  return b === 0n ? 0n : a / b;
}
function remainder(a, b) {
  return b === 0n ? 0n : a % b;
}
function arithmetic2(m, extended, a, b) {
  const sum2 = (x, y, carry) => {
    const total = x + y + carry;
    m.carry = total >> 64n;
    return total;
  };
  switch (extended) {
    case 8:
      return sum2(ALL ^ a, b, 1n);
    case 9:
      return a * b >> 64n;
    case 10:
      return sum2(a, b, 0n);
    case 11:
      return asWord(a) * asWord(b) >> 32n;
    case 40:
      return b - a;
    case 73:
      return s64(a) * s64(b) >> 64n;
    case 75:
      return asWord(s32(a) * s32(b) >> 32n);
    case 104:
      return -a;
    case 136:
      return sum2(ALL ^ a, b, m.carry);
    case 138:
      return sum2(a, b, m.carry);
    case 200:
      return sum2(ALL ^ a, 0n, m.carry);
    case 202:
      return sum2(a, 0n, m.carry);
    case 232:
      return sum2(ALL ^ a, ALL, m.carry);
    case 234:
      return sum2(a, ALL, m.carry);
    case 233:
      return a * b;
    case 235:
      return s32(a) * s32(b);
    case 265:
      return remainder(a, b);
    case 266:
      return a + b;
    case 267:
      return remainder(asWord(a), asWord(b));
    case 393:
      return quotient(a << 64n, b);
    case 395:
      return quotient(asWord(a) << 32n, asWord(b));
    case 425:
      return quotient(s64(a) << 64n, s64(b));
    case 427:
      return quotient(s32(a) << 32n, s32(b));
    case 457:
      return quotient(a, b);
    case 459:
      return quotient(asWord(a), asWord(b));
    case 489:
      return quotient(s64(a), s64(b));
    case 491:
      return quotient(s32(a), s32(b));
    case 777:
      return remainder(s64(a), s64(b));
    case 779:
      return remainder(s32(a), s32(b));
  }
  return void 0;
}
function logic2(m, extended, s, b, field2) {
  const shift = Number(b & 127n);
  switch (extended) {
    case 24:
      return shift & 32 ? 0n : asWord(s << BigInt(shift & 31));
    case 26:
      return leadingZeros(asWord(s), 32);
    case 27:
      return shift & 64 ? 0n : s << BigInt(shift);
    case 28:
      return s & b;
    case 58:
      return leadingZeros(s, 64);
    case 60:
      return s & (ALL ^ b);
    case 124:
      return ALL ^ (s | b);
    case 284:
      return ALL ^ (s ^ b);
    case 316:
      return s ^ b;
    case 412:
      return s | ALL ^ b;
    case 444:
      return s | b;
    case 476:
      return ALL ^ s & b;
    case 378:
      return ones(asWord(s)) | ones(s >> 32n) << 32n;
    case 506:
      return ones(s);
    case 508: {
      let result = 0n;
      for (let i = 0n; i < 64n; i += 8n) if ((s >> i & 255n) === (b >> i & 255n)) result |= 255n << i;
      return result;
    }
    case 536:
      return shift & 32 ? 0n : asWord(s) >> BigInt(shift & 31);
    case 538:
      return trailingZeros(asWord(s), 32);
    case 539:
      return shift & 64 ? 0n : s >> BigInt(shift);
    case 570:
      return trailingZeros(s, 64);
    case 792:
      return shiftRight(m, s32(s), shift & 63);
    case 824:
      return shiftRight(m, s32(s), field2);
    case 794:
      return shiftRight(m, s64(s), shift);
    case 922:
      return BigInt.asIntN(16, s);
    case 954:
      return BigInt.asIntN(8, s);
    case 986:
      return s32(s);
  }
  return void 0;
}
function shiftRight(m, value, by) {
  const result = value >> BigInt(by);
  m.carry = value < 0n && result << BigInt(by) !== value ? 1n : 0n;
  return result;
}

// test/support/interpreter/execute-31.ts
var INDEXED = /* @__PURE__ */ new Map([
  [20, ["load", 4]],
  [21, ["load", 8]],
  [23, ["load", 4]],
  [52, ["load", 1]],
  [53, ["load", 8, true]],
  [55, ["load", 4, true]],
  [84, ["load", 8]],
  [87, ["load", 1]],
  [116, ["load", 2]],
  [119, ["load", 1, true]],
  [149, ["store", 8]],
  [150, ["conditional", 4]],
  [151, ["store", 4]],
  [181, ["store", 8, true]],
  [183, ["store", 4, true]],
  [214, ["conditional", 8]],
  [215, ["store", 1]],
  [247, ["store", 1, true]],
  [279, ["load", 2]],
  [311, ["load", 2, true]],
  [341, ["signed", 4]],
  [343, ["signed", 2]],
  [373, ["signed", 4, true]],
  [375, ["signed", 2, true]],
  [407, ["store", 2]],
  [439, ["store", 2, true]],
  [532, ["reversed", 8]],
  [534, ["reversed", 4]],
  [535, ["float", 4]],
  [599, ["float", 8]],
  [660, ["put reversed", 8]],
  [662, ["put reversed", 4]],
  [663, ["spill", 4]],
  [694, ["conditional", 1]],
  [726, ["conditional", 2]],
  [727, ["spill", 8]],
  [790, ["reversed", 2]],
  [918, ["put reversed", 2]],
  [983, ["spill", 4]],
  // Vector loads and stores.
  [103, ["float", 16]],
  [332, ["float", 8]],
  [588, ["float", 8]],
  [780, ["float", 16]],
  [844, ["float", 16]],
  [231, ["spill", 16]],
  [396, ["spill", 16]],
  [716, ["spill", 8]],
  [908, ["spill", 16]],
  [972, ["spill", 16]]
]);
var NOTHING3 = /* @__PURE__ */ new Set([
  22,
  54,
  86,
  146,
  178,
  179,
  198,
  246,
  278,
  435,
  598,
  854,
  982,
  30,
  62,
  434,
  498,
  402,
  470,
  774,
  838,
  128 + 51,
  211,
  243,
  403
]);
function reversed(value, width) {
  let result = 0n;
  for (let i = 0; i < width; i++) result = result << 8n | value >> BigInt(8 * i) & 255n;
  return result;
}
function executeExtended(m, word2) {
  const { r } = m;
  const extended = word2 >>> 1 & 1023;
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const rb2 = word2 >>> 11 & 31;
  const access = INDEXED.get(extended);
  if (access !== void 0) {
    const at = u64((ra2 === 0 ? 0n : r[ra2]) + r[rb2]);
    indexed3(m, access[0], access[1], rt2, at);
    if (access[2] === true) r[ra2] = at;
    return true;
  }
  const computed = arithmetic2(m, extended, r[ra2], r[rb2]);
  if (computed !== void 0) {
    r[rt2] = u64(computed);
    if ((word2 & 1) === 1) m.record(r[rt2]);
    return true;
  }
  const result = logic2(m, extended, r[rt2], r[rb2], rb2) ?? shiftedByImmediate(m, word2, r[rt2]);
  if (result !== void 0) {
    r[ra2] = u64(result);
    if ((word2 & 1) === 1) m.record(r[ra2]);
    return true;
  }
  return NOTHING3.has(extended) || special(m, word2, extended);
}
function shiftedByImmediate(m, word2, s) {
  const by = word2 >>> 11 & 31 | (word2 & 2) << 4;
  const form = word2 >>> 2 & 511;
  if (form === 413) return shiftRight(m, s64(s), by);
  return form === 445 ? s32(s) << BigInt(by) : void 0;
}
function indexed3(m, kind, width, rt2, at) {
  if (kind === "reversed") m.r[rt2] = reversed(m.memory.read(at, width), width);
  else if (kind === "put reversed") m.memory.write(at, width, reversed(BigInt.asUintN(8 * width, m.r[rt2]), width));
  else if (kind === "conditional") {
    const succeeds = !m.random.oneIn(4);
    if (succeeds) m.memory.write(at, width, BigInt.asUintN(8 * width, m.r[rt2]));
    m.setField(0, succeeds ? 2 : 0);
  } else move(m, kind, width, rt2, at);
}
function special(m, word2, extended) {
  const { r } = m;
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const rb2 = word2 >>> 11 & 31;
  const field2 = word2 >>> 23 & 7;
  if ((extended & 31) === 15) {
    r[rt2] = m.bit(word2 >>> 6 & 31) === 1 ? ra2 === 0 ? 0n : r[ra2] : r[rb2];
    return true;
  }
  switch (extended) {
    case 0: {
      const bits2 = (word2 >>> 21 & 1) === 1 ? 64 : 32;
      m.compare(field2, BigInt.asIntN(bits2, r[ra2]), BigInt.asIntN(bits2, r[rb2]));
      return true;
    }
    case 32: {
      const bits2 = (word2 >>> 21 & 1) === 1 ? 64 : 32;
      m.compare(field2, BigInt.asUintN(bits2, r[ra2]), BigInt.asUintN(bits2, r[rb2]));
      return true;
    }
    case 19: {
      const fields2 = (word2 >>> 20 & 1) === 1 ? word2 >>> 12 & 255 : 255;
      const known3 = fieldMask(fields2);
      r[rt2] = BigInt((m.cr & known3 | m.random.next() & ~known3) >>> 0);
      return true;
    }
    case 144: {
      const changed = fieldMask(word2 >>> 12 & 255);
      m.cr = (m.cr & ~changed | Number(asWord(r[rt2])) & changed) >>> 0;
      return true;
    }
    case 339:
      r[rt2] = fromSpecial2(m, ra2 | rb2 << 5);
      return true;
    case 467:
      if ((ra2 | rb2 << 5) === 8) m.lr = r[rt2];
      else if ((ra2 | rb2 << 5) === 9) m.ctr = r[rt2];
      else if ((ra2 | rb2 << 5) === 1) m.carry = r[rt2] >> 29n & 1n;
      return true;
    case 83:
    // mfmsr
    case 371:
    // mftb
    case 755:
      r[rt2] = m.random.wide();
      return true;
    case 51:
    // mfvsrd
    case 115:
    // mfvsrwz
    case 307:
      r[ra2] = m.random.wide();
      return true;
    case 128:
      r[rt2] = (m.field(word2 >>> 18 & 7) & 8) !== 0 ? ALL : (m.field(word2 >>> 18 & 7) & 4) !== 0 ? 1n : 0n;
      return true;
    case 384:
    // setbc, setbcr, setnbc, setnbcr
    case 416:
    case 448:
    case 480: {
      const isSet = m.bit(ra2) === 1 !== ((extended & 32) !== 0);
      r[rt2] = isSet ? extended < 448 ? 1n : ALL : 0n;
      return true;
    }
    case 1014:
      for (let i = 0n; i < 128n; i += 8n) m.memory.write((u64((ra2 === 0 ? 0n : r[ra2]) + r[rb2]) & ~127n) + i, 8, 0n);
      return true;
  }
  return false;
}
function fieldMask(fields2) {
  let bits2 = 0;
  for (let i = 0; i < 8; i++) if ((fields2 >>> 7 - i & 1) === 1) bits2 |= 15 << 28 - 4 * i;
  return bits2;
}
function fromSpecial2(m, number2) {
  if (number2 === 8) return m.lr;
  if (number2 === 9) return m.ctr;
  if (number2 === 1) return m.carry << 29n;
  return m.random.wide();
}
function executeConditionLogic(m, word2) {
  const extended = word2 >>> 1 & 1023;
  const target = word2 >>> 21 & 31;
  const a = m.bit(word2 >>> 16 & 31);
  const b = m.bit(word2 >>> 11 & 31);
  switch (extended) {
    case 0:
      m.setField(word2 >>> 23 & 7, m.field(word2 >>> 18 & 7));
      return true;
    case 33:
      m.setBit(target, 1 - (a | b));
      return true;
    case 129:
      m.setBit(target, a & 1 - b);
      return true;
    case 150:
      return true;
    case 193:
      m.setBit(target, a ^ b);
      return true;
    case 225:
      m.setBit(target, 1 - (a & b));
      return true;
    case 257:
      m.setBit(target, a & b);
      return true;
    case 289:
      m.setBit(target, 1 - (a ^ b));
      return true;
    case 417:
      m.setBit(target, a | 1 - b);
      return true;
    case 449:
      m.setBit(target, a | b);
      return true;
  }
  return false;
}

// test/support/interpreter/execute.ts
var signed162 = (word2) => BigInt(word2 << 16 >> 16);
var asWord = (value) => BigInt.asUintN(32, value);
function rotate64(value, by) {
  const n = BigInt(by & 63);
  return BigInt.asUintN(64, value << n | value >> 64n - n);
}
function rotate32(value, by) {
  const low = asWord(value);
  return rotate64(low << 32n | low, by);
}
function mask(first, last) {
  const from = ALL >> BigInt(first);
  const to = BigInt.asUintN(64, ALL << BigInt(63 - last));
  return first <= last ? from & to : from | to;
}
var DISPLACED = {
  32: ["load", 4],
  34: ["load", 1],
  36: ["store", 4],
  38: ["store", 1],
  40: ["load", 2],
  42: ["signed", 2],
  44: ["store", 2],
  48: ["float", 4],
  50: ["float", 8],
  52: ["spill", 4],
  54: ["spill", 8]
};
function effective2(m, word2, displacement2) {
  const ra2 = word2 >>> 16 & 31;
  return BigInt.asUintN(64, (ra2 === 0 ? 0n : m.r[ra2]) + displacement2);
}
function displaced(m, word2, opcode) {
  const [kind, width] = DISPLACED[opcode & ~1];
  const rt2 = word2 >>> 21 & 31;
  const at = effective2(m, word2, signed162(word2));
  move(m, kind, width, rt2, at);
  if ((opcode & 1) === 1) m.r[word2 >>> 16 & 31] = at;
}
function move(m, kind, width, rt2, at) {
  if (kind === "load") m.r[rt2] = m.memory.read(at, width);
  else if (kind === "signed") m.r[rt2] = BigInt.asUintN(64, BigInt.asIntN(width * 8, m.memory.read(at, width)));
  else if (kind === "store") m.memory.write(at, width, BigInt.asUintN(width * 8, m.r[rt2]));
  else if (kind === "spill") spill(m, at, width);
}
function spill(m, at, width) {
  for (let i = 0; i < width; i += 8)
    m.memory.write(
      BigInt.asUintN(64, at + BigInt(i)),
      Math.min(8, width - i),
      BigInt.asUintN(Math.min(8, width - i) * 8, m.random.wide())
    );
}
function execute(m, word2, next, pc) {
  const { r } = m;
  const opcode = word2 >>> 26;
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const immediate = signed162(word2);
  const unsigned4 = BigInt(word2 & 65535);
  switch (opcode) {
    case 1:
      return prefixed(m, word2, next, pc);
    case 4:
      return multiplyAdd(m, word2);
    case 7:
      r[rt2] = BigInt.asUintN(64, BigInt.asIntN(64, r[ra2]) * immediate);
      return true;
    case 8: {
      const total = (ALL ^ r[ra2]) + BigInt.asUintN(64, immediate) + 1n;
      r[rt2] = BigInt.asUintN(64, total);
      m.carry = total >> 64n;
      return true;
    }
    case 10:
    case 11: {
      const wide2 = (word2 >>> 21 & 1) === 1;
      const a = opcode === 10 ? wide2 ? r[ra2] : asWord(r[ra2]) : BigInt.asIntN(wide2 ? 64 : 32, r[ra2]);
      m.compare(word2 >>> 23 & 7, a, opcode === 10 ? unsigned4 : immediate);
      return true;
    }
    case 12:
    case 13: {
      const total = r[ra2] + BigInt.asUintN(64, immediate);
      r[rt2] = BigInt.asUintN(64, total);
      m.carry = total >> 64n;
      if (opcode === 13) m.record(r[rt2]);
      return true;
    }
    case 14:
    case 15:
      r[rt2] = BigInt.asUintN(64, (ra2 === 0 ? 0n : r[ra2]) + (opcode === 14 ? immediate : immediate << 16n));
      return true;
    case 20:
    case 21:
    case 23: {
      const by = opcode === 23 ? Number(r[word2 >>> 11 & 31] & 31n) : word2 >>> 11 & 31;
      const ones2 = mask((word2 >>> 6 & 31) + 32, (word2 >>> 1 & 31) + 32);
      const rotated = rotate32(r[rt2], by) & ones2;
      r[ra2] = opcode === 20 ? rotated | r[ra2] & (ALL ^ ones2) : rotated;
      if ((word2 & 1) === 1) m.record(r[ra2]);
      return true;
    }
    case 24:
      r[ra2] = r[rt2] | unsigned4;
      return true;
    case 25:
      r[ra2] = r[rt2] | unsigned4 << 16n;
      return true;
    case 26:
      r[ra2] = r[rt2] ^ unsigned4;
      return true;
    case 27:
      r[ra2] = r[rt2] ^ unsigned4 << 16n;
      return true;
    case 28:
    case 29:
      r[ra2] = r[rt2] & (opcode === 28 ? unsigned4 : unsigned4 << 16n);
      m.record(r[ra2]);
      return true;
    case 30:
      return rotateDoubleword(m, word2);
    case 31:
      return executeExtended(m, word2);
    case 57:
      return (word2 & 3) >= 2;
    case 58: {
      const at = effective2(m, word2, signed162(word2 & 65532));
      const form = word2 & 3;
      if (form === 3) return false;
      r[rt2] = form === 2 ? BigInt.asUintN(64, BigInt.asIntN(32, m.memory.read(at, 4))) : m.memory.read(at, 8);
      if (form === 1) r[ra2] = at;
      return true;
    }
    case 59:
      return true;
    case 61: {
      const form = word2 & 7;
      if (form === 1) return true;
      spill(
        m,
        effective2(m, word2, signed162(word2 & (form === 5 ? 65520 : 65532))),
        form === 5 ? 16 : form === 3 || form === 7 ? 4 : 8
      );
      return true;
    }
    case 62: {
      const form = word2 & 3;
      if (form > 1) return false;
      const at = effective2(m, word2, signed162(word2 & 65532));
      m.memory.write(at, 8, r[rt2]);
      if (form === 1) r[ra2] = at;
      return true;
    }
    case 63:
      if ((word2 & 1982) === 0) m.setField(word2 >>> 23 & 7, m.random.below(16));
      return true;
  }
  if (opcode < 32 || opcode > 55 || opcode === 46 || opcode === 47) return false;
  displaced(m, word2, opcode);
  return true;
}
function multiplyAdd(m, word2) {
  const form = word2 & 63;
  if (form === 48 || form === 49 || form === 51) {
    const [a, b, c] = [m.r[word2 >>> 16 & 31], m.r[word2 >>> 11 & 31], m.r[word2 >>> 6 & 31]];
    const s = (x) => BigInt.asIntN(64, x);
    const total = form === 49 ? a * b + c : s(a) * s(b) + s(c);
    m.r[word2 >>> 21 & 31] = BigInt.asUintN(64, form === 51 ? total : total >> 64n);
    return true;
  }
  if ((form & 62) === 6 || form === 13 || form === 2) return false;
  return true;
}
function rotateDoubleword(m, word2) {
  const { r } = m;
  const rs = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const bits2 = word2 >>> 6 & 31 | word2 & 32;
  const form = word2 >>> 2 & 7;
  const isByRegister = form === 4;
  const by = isByRegister ? Number(r[word2 >>> 11 & 31] & 63n) : word2 >>> 11 & 31 | (word2 & 2) << 4;
  const rotated = rotate64(r[rs], by);
  if (isByRegister) r[ra2] = rotated & ((word2 >>> 1 & 1) === 0 ? mask(bits2, 63) : mask(0, bits2));
  else if (form === 0) r[ra2] = rotated & mask(bits2, 63);
  else if (form === 1) r[ra2] = rotated & mask(0, bits2);
  else if (form === 2) r[ra2] = rotated & mask(bits2, 63 - by);
  else if (form === 3) {
    const ones2 = mask(bits2, 63 - by);
    r[ra2] = rotated & ones2 | r[ra2] & (ALL ^ ones2);
  } else return false;
  if ((word2 & 1) === 1) m.record(r[ra2]);
  return true;
}
function prefixed(m, prefix, word2, pc) {
  const type = prefix >>> 24 & 3;
  const displacement2 = (BigInt((prefix & 262143) << 14 >> 14) << 16n) + BigInt(word2 & 65535);
  const rt2 = word2 >>> 21 & 31;
  const ra2 = word2 >>> 16 & 31;
  const base = (prefix >>> 20 & 1) === 1 ? pc : ra2 === 0 ? 0n : m.r[ra2];
  const at = BigInt.asUintN(64, base + displacement2);
  const opcode = word2 >>> 26;
  if (type === 2 && opcode === 14) m.r[rt2] = at;
  else if (type === 0 && opcode === 57) m.r[rt2] = m.memory.read(at, 8);
  else if (type === 0 && opcode === 41) move(m, "signed", 4, rt2, at);
  else if (type === 0 && opcode === 61) m.memory.write(at, 8, m.r[rt2]);
  else if (type === 2 && DISPLACED[opcode] !== void 0) move(m, ...DISPLACED[opcode], rt2, at);
  else return false;
  return true;
}

// test/support/interpreter/traps.ts
function isTrap3(word2) {
  const opcode = word2 >>> 26;
  return opcode === 2 || opcode === 3 || opcode === 31 && ((word2 & 2046) === 8 || (word2 & 2046) === 136);
}
function doesTrap(m, word2) {
  const conditions2 = word2 >>> 21 & 31;
  const opcode = word2 >>> 26;
  const bits2 = opcode === 2 || opcode === 31 && (word2 & 2046) === 136 ? 64 : 32;
  const a = m.r[word2 >>> 16 & 31];
  const b = opcode === 31 ? m.r[word2 >>> 11 & 31] : BigInt(word2 << 16 >> 16);
  const [x, y] = [BigInt.asIntN(bits2, a), BigInt.asIntN(bits2, b)];
  const [u, v] = [BigInt.asUintN(bits2, a), BigInt.asUintN(bits2, b)];
  return (conditions2 & 16) !== 0 && x < y || (conditions2 & 8) !== 0 && x > y || (conditions2 & 4) !== 0 && x === y || (conditions2 & 2) !== 0 && u < v || (conditions2 & 1) !== 0 && u > v;
}

// test/support/interpreter/unpaid.ts
function unpaid(run2, hasLeft) {
  const broken = [];
  const { machine: m, entry: entry2, function: f } = run2;
  for (const i of [1, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31])
    if (m.r[i] !== entry2.r[i]) broken.push(`r${i} is not as it was`);
  for (let i = 2; i < 5; i++)
    if (m.field(i) !== (entry2.cr >>> 28 - 4 * i & 15)) broken.push(`CR${i} is not as it was`);
  if (hasLeft && f.convention !== "open") broken.push("nobody restores r2");
  else if (f.convention === "kept" && m.r[2] !== entry2.r[2]) broken.push("r2 is not as it was");
  else if (f.convention !== "kept" && f.convention !== "open" && m.r[2] !== run2.world.toc)
    broken.push("r2 is not the TOC");
  const top = entry2.r[1];
  const { chain: chain2, link, toc } = run2.caller;
  if (m.memory.read(top, 8) !== chain2) broken.push("the caller's back chain is overwritten");
  if (m.memory.read(top + 24n, 8) !== toc) broken.push("the caller's TOC slot is overwritten");
  const saved2 = m.memory.read(top + 16n, 8);
  if (saved2 !== link && saved2 !== entry2.lr && !run2.slotIsShared) broken.push("the caller's LR slot is overwritten");
  return broken;
}

// test/support/interpreter/run.ts
var STACK2 = 0xc000000050000000n;
var REACH2 = 0x100000n;
function isFramed(word2) {
  return word2 >>> 26 !== 31 && (word2 >>> 16 & 31) === 1;
}
var Run = class {
  machine;
  world;
  function;
  /** What the registers held at entry. */
  entry;
  /** Broken rules, in the order in which they were broken. */
  broken = [];
  outcome = "limit";
  steps = 0;
  /** Conditions that were not looked at. */
  forced = 0;
  /** A call was made without a frame of one's own: the callee has its return address in the caller's slot. */
  slotIsShared = false;
  #options;
  /** What lay in the caller's frame: its back chain, and its slots for LR and the TOC. */
  caller;
  constructor(world, f, options) {
    this.world = world;
    this.function = f;
    this.#options = options;
    const random = new Random(options.seed);
    const memory = new Memory2(
      (address2) => {
        const own = world.contents(address2);
        return own === void 0 || !own.isConstant ? random.value() : own.value;
      },
      (address2) => world.isFixed(address2)
    );
    const machine = new Machine(memory, random);
    this.machine = machine;
    machine.r[1] = STACK2 + BigInt(random.below(1 << 12) * 16);
    machine.r[13] = 0xc000000070000000n;
    machine.lr = 0xc000000000800000n + BigInt(random.below(1 << 12) * 4);
    machine.r[2] = f.convention === "bound" || f.convention === "home" && options.isLocal ? world.toc : 0xc000000002008000n + BigInt(random.below(1 << 8) << 16);
    if (f.convention === "home" && !options.isLocal) machine.r[12] = f.global;
    this.entry = { r: [...machine.r], lr: machine.lr, ctr: machine.ctr, cr: machine.cr };
    const top = machine.r[1];
    for (const slot of [0n, 16n, 24n]) memory.guarded.add(top + slot >> 3n);
    this.caller = { chain: memory.read(top, 8), link: memory.read(top + 16n, 8), toc: memory.read(top + 24n, 8) };
  }
  go() {
    const { world, function: f } = this;
    let pc = this.#options.isLocal ? f.local : f.global;
    while (this.steps < this.#options.limit) {
      const word2 = world.word(pc);
      if (word2 === void 0) {
        this.outcome = "wild";
        return this;
      }
      this.#options.step?.(pc, this);
      this.steps++;
      if (world.sites.has(pc)) this.#trace(pc);
      const to = this.#next(pc, word2);
      if (typeof to !== "bigint") {
        this.outcome = to;
        if (to === "returned" || to === "left" || to === "sibling") this.#settle(pc, to);
        return this;
      }
      pc = (to === pc + 4n ? world.alternativeEnds.get(to) : void 0) ?? to;
    }
    return this;
  }
  #break(pc, what) {
    this.broken.push(`+0x${(pc - this.function.global).toString(16)}: ${what}`);
  }
  /** The tracer's call: it keeps all but r0 (which it leaves as it should be), r11, r12 and CTR. */
  #trace(pc) {
    const m = this.machine;
    if (m.lr !== this.entry.lr) this.#break(pc, "tracer site without the return address in LR");
    if (m.r[1] !== this.entry.r[1]) this.#break(pc, "tracer site behind the frame");
    if (m.random.oneIn(2)) return;
    m.r[0] = m.lr;
    m.r[11] = m.random.wide();
    m.r[12] = m.random.wide();
    m.ctr = m.random.wide();
  }
  /** Executes `word`. @returns where to go on, or how it ends */
  #next(pc, word2) {
    const { world, machine: m } = this;
    const opcode = word2 >>> 26;
    const fixup = world.fixups.get(pc);
    if (isTrap3(word2)) return this.#trap(pc, word2, fixup);
    if (fixup !== void 0 && m.random.oneIn(5)) return fixup;
    const label2 = world.labels.get(pc);
    if (label2 !== void 0) return m.random.oneIn(2) ? label2 : opcode === 18 ? pc + 4n : this.#plain(pc, word2);
    const feature = world.features.get(pc);
    if (feature !== void 0 && m.random.oneIn(2))
      return feature.alternativeEnd > feature.alternative ? feature.alternative : feature.end;
    return this.#plain(pc, word2);
  }
  #plain(pc, word2) {
    const m = this.machine;
    const opcode = word2 >>> 26;
    switch (opcode) {
      case 16:
        return this.#conditional(pc, word2);
      case 18: {
        const target = BigInt.asUintN(64, ((word2 & 2) !== 0 ? 0n : pc) + BigInt(word2 << 6 >> 6 & ~3));
        if ((word2 & 1) === 1) {
          m.lr = pc + 4n;
          return this.#enter(pc, target, pc + 4n);
        }
        return this.#jump(pc, target);
      }
      case 17:
        return "unsupported";
      case 19: {
        const extended = word2 >>> 1 & 1023;
        if (extended === 16 || extended === 528) return this.#register(pc, word2, extended === 528);
        return executeConditionLogic(m, word2) ? pc + 4n : "unsupported";
      }
    }
    if (!this.#isTocRight(word2) && this.function.convention !== "kept" && this.function.convention !== "open")
      this.#break(pc, "r2 is used and does not hold the TOC");
    const r13 = m.r[13];
    const next = opcode === 1 ? this.world.word(pc + 4n) ?? 0 : 0;
    m.memory.isHit = false;
    if (!execute(m, word2, next, pc)) return "unsupported";
    if (m.memory.isHit && !isFramed(word2)) return "overrun";
    if (isFramed(word2) && opcode === 62) this.#guard(word2);
    if (m.r[13] !== r13) this.#break(pc, "r13 is changed");
    return pc + (opcode === 1 ? 8n : 4n);
  }
  /** What is put into the frame by its own register is kept an eye on: what callers and callees count on. */
  #guard(word2) {
    const m = this.machine;
    const source = word2 >>> 21 & 31;
    if (source > 2 && source < 12) return;
    const isUpdate = (word2 & 3) === 1;
    const at = m.r[1] + (isUpdate ? 0n : BigInt((word2 & 65532) << 16 >> 16));
    m.memory.guarded.add(BigInt.asUintN(64, at) >> 3n);
  }
  /** Whether r2 is no base of this instruction, or holds what it should. */
  #isTocRight(word2) {
    const opcode = word2 >>> 26;
    const isBased = opcode === 14 || opcode === 15 ? (word2 >>> 21 & 31) !== 2 : opcode >= 32 && opcode !== 59 && opcode !== 60 && opcode !== 63;
    return !isBased || (word2 >>> 16 & 31) !== 2 || this.machine.r[2] === this.world.toc;
  }
  #conditional(pc, word2) {
    const taken = isTaken(this, this.#options, pc, word2);
    const target = BigInt.asUintN(64, ((word2 & 2) !== 0 ? 0n : pc) + BigInt((word2 & 65532) << 16 >> 16));
    if ((word2 & 1) === 0) return taken ? this.#jump(pc, target) : pc + 4n;
    this.machine.lr = pc + 4n;
    return taken ? this.#enter(pc, target, pc + 4n) : pc + 4n;
  }
  #register(pc, word2, isCtr) {
    const m = this.machine;
    if (!isTaken(this, this.#options, pc, word2)) return pc + 4n;
    const target = (isCtr ? m.ctr : m.lr) & (ALL ^ 3n);
    if ((word2 & 1) === 1) {
      m.lr = pc + 4n;
      if (isCtr && m.r[12] !== m.ctr) this.#break(pc, "r12 does not hold the address that is called");
      return isCtr ? this.#called(pc, target, true, pc + 4n) : "unsupported";
    }
    if (!isCtr) return target === this.entry.lr ? "returned" : this.#isOwn(target) ? target : this.#astray(pc);
    if (this.#isOwn(target)) return this.#isEntry(target) ? this.#jump(pc, target) : target;
    if (this.world.word(target) !== void 0) {
      const f = this.world.functionAt(target);
      if (f !== void 0) return this.#jump(pc, target);
      if (this.#isPart(target)) return target;
      if (!this.#options.isForced) this.#break(pc, "a jump into the middle of another function");
      return "wild";
    }
    if (this.world.imports.has(target)) {
      if (m.r[12] !== target) this.#break(pc, "r12 does not hold the address that is called");
      return m.lr === this.entry.lr ? "left" : this.#called(pc, target, true, m.lr);
    }
    if (!this.#isOwn(pc)) this.#break(pc, "a stub leads to nothing that is imported");
    return "wild";
  }
  #astray(pc) {
    this.#break(pc, "LR does not hold the return address");
    return "wild";
  }
  #isOwn(target) {
    return target >= this.function.global && target < this.function.end;
  }
  #isEntry(target) {
    return this.world.functionAt(target) !== void 0;
  }
  #isPart(target) {
    return this.world.functions.some((f) => f.isPart && target >= f.global && target < f.end);
  }
  /** A jump without LR: on in the code, or a sibling call where everything is as the caller left it. */
  #jump(pc, target) {
    const callee = this.world.functionAt(target);
    if (callee === void 0 || callee.isPart || !this.isBalanced()) return target;
    this.#owed(pc, callee, target);
    const m = this.machine;
    if (callee.convention === "open") m.r[2] = m.random.wide();
    else if (callee.convention !== "kept") m.r[2] = this.world.toc;
    return "sibling";
  }
  /** Whether r1, LR, the non-volatile registers and CR fields are as at entry. */
  isBalanced() {
    const { machine: m, entry: entry2 } = this;
    if (m.r[1] !== entry2.r[1] || m.lr !== entry2.lr || (m.cr & 16773120) !== (entry2.cr & 16773120)) return false;
    for (let i = 14; i < 32; i++) if (m.r[i] !== entry2.r[i]) return false;
    return true;
  }
  #owed(pc, callee, target) {
    if (callee.convention !== "home" && callee.convention !== "bound") return;
    if (target === callee.local) {
      if (this.machine.r[2] !== this.world.toc) this.#break(pc, `${callee.name} is entered with a wrong r2`);
    } else if (this.machine.r[12] !== target) this.#break(pc, `${callee.name} is entered with a wrong r12`);
  }
  /** `bl`: a function is called; anything else is gone through. */
  #enter(pc, target, back) {
    const callee = this.world.functionAt(target);
    if (callee === void 0 || callee.isPart)
      return target === pc + 4n || this.world.word(target) !== void 0 ? target : "wild";
    this.#owed(pc, callee, target);
    return this.#called(pc, target, false, back);
  }
  /** The callee does what it may: volatile registers and everything below r1 are spoiled. */
  #called(pc, target, isOutside, back) {
    if (this.#options.noReturn(target)) return "stopped";
    const { machine: m, world } = this;
    const { random, memory } = m;
    const convention = isOutside ? "open" : world.functionAt(target).convention;
    const top = m.r[1];
    const chain2 = memory.read(top, 8);
    if (top === this.entry.r[1]) this.slotIsShared = true;
    if (top > this.entry.r[1] && top < this.entry.r[1] + REACH2) this.#break(pc, "a call over the caller's frame");
    if (top !== this.entry.r[1] && !(chain2 > top && chain2 <= this.entry.r[1]))
      this.#break(pc, "a call with a broken back chain");
    for (const i of [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) m.r[i] = random.value();
    if (convention === "open") m.r[2] = 0xc000000003008000n + BigInt(random.below(1 << 8) << 16);
    else if (convention !== "kept") m.r[2] = world.toc;
    m.ctr = random.wide();
    m.cr = (m.cr & 16773120 | random.next() & 4278194175) >>> 0;
    m.carry = BigInt(random.below(2));
    m.lr = back;
    memory.spoil(top - REACH2, top);
    memory.spoil(top + 8n, top + 24n);
    return back;
  }
  #trap(pc, word2, fixup) {
    const m = this.machine;
    const isConditional = (word2 >>> 21 & 31) !== 31;
    const traps2 = isConditional && this.#options.isForced ? m.random.oneIn(2) : doesTrap(m, word2);
    if (!traps2) return pc + 4n;
    if (fixup !== void 0) return fixup;
    return this.world.warnings.has(pc) ? pc + 4n : "stopped";
  }
  /** What is owed at the end. */
  #settle(pc, how) {
    for (const what of unpaid(this, how === "left")) this.#break(pc, what);
  }
};

// test/support/interpreter/opinion.ts
function adopt2(world, prover, origin) {
  const { count, global } = prover.subject.functions;
  for (let i = 0; i < count; i++) {
    const contract = prover.contract(i);
    const f = world.functionAt(origin + BigInt(global[i]));
    if (f !== void 0) f.convention = contract === HOME ? "bound" : contract === HOME_BACK ? "back" : f.declared;
  }
}
function statesOf(prover, index2) {
  const states = /* @__PURE__ */ new Map();
  const keep3 = (pc, state) => {
    const copy = new State();
    copy.copyFrom(state);
    const list = states.get(pc);
    if (list === void 0) states.set(pc, [copy]);
    else list.push(copy);
  };
  prover.prove(index2, { step: keep3 });
  return states;
}
function opinionOf(prover, index2, world, f, origin, trials) {
  const { subject } = prover;
  const states = statesOf(prover, index2);
  const seen = /* @__PURE__ */ new Set();
  const result = {
    outcomes: /* @__PURE__ */ new Map(),
    steps: 0,
    places: states.size,
    visited: 0,
    wrong: [],
    endless: /* @__PURE__ */ new Set(),
    broken: 0
  };
  const isProved = prover.verdict[index2] === PROVED;
  for (let i = 0; i < trials.runs && result.wrong.length === 0; i++) {
    let isOver = false;
    let last = 0;
    const run2 = new Run(world, f, {
      seed: trials.seed + i * 7919,
      isForced: i % 4 !== 0,
      isLocal: i % 8 !== 1,
      limit: trials.limit,
      noReturn: (target) => neverReturns(world.imports.get(target) ?? world.functionAt(target)?.name ?? ""),
      step: (address2, running) => {
        if (result.wrong.length > 0 || isOver) return;
        const pc = Number(address2 - origin);
        const known3 = states.get(pc);
        if (known3 === void 0 && !isJudged(subject, index2, pc)) return;
        const callee = known3 === void 0 ? calleeBefore(subject, world, origin, pc) : void 0;
        if (callee !== void 0) {
          result.endless.add(callee);
          isOver = true;
          return;
        }
        if (known3 === void 0 && running.forced > 0 && last >>> 26 === 19) {
          result.outcomes.set("wild", (result.outcomes.get("wild") ?? 0) + 1);
          isOver = true;
          return;
        }
        last = subject.code[pc >> 2];
        seen.add(pc);
        const best = closest(running, subject, origin, known3 ?? []);
        if (best.length > 0)
          result.wrong.push(`+0x${(pc - subject.functions.global[index2]).toString(16)}: ${best.join("; ")}`);
      }
    }).go();
    result.steps += run2.steps;
    result.outcomes.set(run2.outcome, (result.outcomes.get(run2.outcome) ?? 0) + 1);
    if (run2.broken.length > 0 && isProved && !isOver)
      result.wrong.push(`seed ${trials.seed + i * 7919}: ${run2.broken.join("; ")}`);
    else result.broken += run2.broken.length;
  }
  result.visited = seen.size;
  return result;
}
function isJudged(subject, index2, pc) {
  const { global, end } = subject.functions;
  return pc >= global[index2] && pc < end[index2];
}
function closest(run2, subject, origin, states) {
  let best = ["the proof never gets here"];
  for (let i = states.length - 1; i >= 0; i--) {
    const wrong = outside2(run2, subject, origin, states[i]);
    if (wrong.length === 0) return wrong;
    if (i === states.length - 1) best = wrong;
  }
  return best;
}
function calleeBefore(subject, world, origin, pc) {
  const word2 = subject.code[pc - 4 >> 2] ?? 0;
  return word2 >>> 26 === 18 && (word2 & 1) === 1 ? world.functionAt(origin + BigInt(pc - 4 + (word2 << 6 >> 8) * 4)) : void 0;
}

// ../../tmp/op.ts
var [index, dir, every = "1", per = "5", want = "", only = ""] = process.argv.slice(2);
var kernel = await openKernel(index);
var files = readdirSync4(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile() && e.name.endsWith(".ko")).map((e) => join4(e.parentPath, e.name)).sort();
var ex = [];
for (const f of files) {
  const e = moduleExports(readFileSync2(f));
  if (e) ex.push({ file: f, exports: e });
}
var exporters = new Exporters(ex);
var k = 0;
var fns = 0;
var steps = 0;
var places2 = 0;
var visited = 0;
var bad = 0;
var outs = /* @__PURE__ */ new Map();
var t = 0;
var spreadFiles = want ? files : Array.from({ length: 500 }, (_, at) => files[Math.floor(at * files.length / 500)]);
for (const file of spreadFiles) {
  if (want ? !file.includes(want) : k++ % Number(every)) continue;
  const out = loadModule({ bytes: new Uint8Array(readFileSync2(file)), kernel, modules: /* @__PURE__ */ new Map(), exporter: (s) => exporters.of(s, (f) => f !== file), placement: { kind: "base", base: 0xc008000001000000n } });
  if (!out.image) {
    continue;
  }
  const image = out.image;
  if (image.sections.every((s) => !(s.flags & 4) || !s.size)) continue;
  const { subject } = moduleSubject(image);
  const p = new Prover(subject);
  p.proveAll();
  const code = image.sections.filter((s) => s.size > 0 && s.memory !== "percpu" && (s.flags & 4 || s.name.startsWith("__ftr_alt")));
  const origin = code.reduce((a, s) => s.address < a ? s.address : a, code[0].address);
  const world = new World(image);
  adopt2(world, p, origin);
  const byGlobal = new Map(world.functions.map((f) => [Number(f.global - origin), f]));
  const n = subject.functions.count;
  for (let j = 0; j < Math.min(Number(per), n); j++) {
    const i = only ? Array.from({ length: n }, (_, x) => x).find((x) => subject.functions.name(x) === only) : Math.floor((j + 0.5) * n / Math.min(Number(per), n));
    const f = byGlobal.get(subject.functions.global[i]);
    if (!f || f.isPart || p.verdict[i] !== 0) continue;
    const t0 = performance.now();
    const o = opinionOf(p, i, world, f, origin, { runs: 48, limit: 500, seed: fns + 1 });
    t += performance.now() - t0;
    fns++;
    steps += o.steps;
    places2 += o.places;
    visited += o.visited;
    for (const [a, b] of o.outcomes) outs.set(a, (outs.get(a) ?? 0) + b);
    if (o.wrong.length) {
      bad++;
      if (bad < 30) console.log(file.split("/").at(-1), f.name, o.wrong[0]);
    }
    if (only) {
      console.log(o);
      break;
    }
  }
}
console.log({ fns, steps, places: places2, visited, bad, t: t | 0 }, outs);
