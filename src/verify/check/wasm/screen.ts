/**
 * Looks a module through for everything that the loader twin or an audit could say something about. It answers "the kernel
 * takes the module and there is nothing to tell" where that is certain from the file alone, or from the file and what others
 * export (`records.ts`), and nothing at all for any other file: the twin alone refuses, warns and remarks.
 *
 * The steps are the twin's, but not in its order, which matters only for what is said first.
 */
import { checkExports, checkParameters } from './exports';
import { isStaging, isTest, name, nameLength, readInformation } from './information';
import { ASKED, FILE, RECORDS, RESULT, SETTINGS, VERMAGIC } from './memory';
import {
  crcAt,
  KERNEL_SLOTS,
  KERNEL_STRINGS,
  nameCount,
  numberOf,
  otherBytes,
  otherStarts,
  otherStrings,
  setClassOfName,
  setNamespace,
  startsAt,
  takeKernelNames,
} from './names';
import { isNearEnough } from './near';
import { keepRecords, recordCount, startRecords } from './records';
import { checkRelocations, setActions } from './relocations';
import { readHeader, readSections } from './sections';
import { unsignedSize } from './signature';
import { functions, readSymbols } from './symbols';
import { checkTables } from './tables';
import { checkRecords } from './tracer';
import { readVersions } from './versions';

export { keepRecords, nameCount, numberOf, otherBytes, recordCount, setClassOfName, setNamespace, takeKernelNames };

/** Addresses in bytes, by number: see `PLACES` in `plain-kernel.ts`. */
export function place(which: u32): u32 {
  switch (which) {
    case 0:
      return FILE;
    case 1:
      return RESULT;
    case 2:
      return SETTINGS;
    case 3:
      return VERMAGIC;
    case 4:
      return ASKED;
    case 5:
      return KERNEL_STRINGS;
    case 6:
      return KERNEL_SLOTS;
    case 7:
      return startsAt();
    case 8:
      return crcAt();
    case 9:
      return RECORDS;
    case 10:
      return otherStrings();
    case 11:
      return otherStarts();
  }
  return 0;
}

/** Files that were screened: what was noted of a name belongs to the file that has this number. */
let serial: u32 = 0;

/**
 * @param size bytes of the file
 * @param file number that its records have
 * @returns whether it is plain, apart from what it imports from other modules and exports
 */
export function screen(size: u32, file: u32): bool {
  serial++;
  setActions();
  startRecords(file);
  const length = unsignedSize(size);
  if (length === 0 || !readHeader(length) || !readSections() || !isNearEnough()) return false;
  if (!readInformation(serial) || !readVersions(serial) || !readSymbols(serial)) return false;
  if (!checkRelocations() || !checkTables() || !checkRecords() || !checkExports() || !checkParameters()) return false;
  store<u32>(RESULT, functions);
  store<u32>(RESULT, name, 4);
  store<u32>(RESULT, nameLength, 8);
  store<u32>(RESULT, u32(isStaging), 12);
  store<u32>(RESULT, u32(isTest), 16);
  return true;
}
