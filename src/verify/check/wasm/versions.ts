/** The checksums that the module was built with; `loader/versions.ts` is the model. */
import { sectionOfKind, VERSIONS } from './known';
import { crcOf, hasVersion, numberOf, setVersion, versionOf } from './names';
import { contentsOf, sizeOf } from './sections';
import { hasVersions, moduleLayout } from './settings';

const ENTRY: u32 = 64;
const NAME: u32 = 8;
const DOT: u32 = 0x2e;

/** Notes the checksum of each name, and compares that of `module_layout`. */
export function readVersions(serial: u32): bool {
  if (!hasVersions()) return true;
  const section = sectionOfKind(VERSIONS);
  const size = sizeOf(section);
  if (size % ENTRY !== 0) return false;
  const first = contentsOf(section);
  for (let at = first; at < first + size; at += ENTRY) {
    // Every name ends in its entry; the kernel takes a leading dot off.
    if (load<u8>(at, ENTRY - 1) !== 0 || load<u32>(at, 4) !== 0 || load<u8>(at, NAME) === DOT) return false;
    const number = numberOf(at + NAME);
    if (number < 0 || !setVersion(number, serial, load<u32>(at))) return false;
  }
  return isVersion(moduleLayout(), serial);
}

/** Whether the module was built with the kernel's own checksum of an export. */
export function isVersion(number: i32, serial: u32): bool {
  return hasVersion(number, serial) && versionOf(number) === crcOf(number);
}
