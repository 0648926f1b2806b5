/**
 * What the module says of itself: .modinfo and its own `struct module`. `loader/modinfo.ts`, `loader/modinfo-checks.ts` and
 * `checkStructModule` of `loader/validity.ts` are the model.
 */
import { isText, startsWith } from '../../../util/wasm/bytes';
import { MODINFO, sectionOfKind, THIS_MODULE } from './known';
import { isSame, VERMAGIC } from './memory';
import { importNamespace, numberOf } from './names';
import { addNamespace } from './records';
import { contentsOf, sizeOf } from './sections';
import { moduleName, moduleSize } from './settings';

const NAME_LENGTH: u32 = 56;

/** Where the module's name stands, in its `struct module`, and how many bytes it has. */
export let name: u32 = 0;
export let nameLength: u32 = 0;
export let isStaging: bool = false;
export let isTest: bool = false;

export function readInformation(serial: u32): bool {
  const section = sectionOfKind(MODINFO);
  const first = contentsOf(section);
  const end = first + sizeOf(section);
  if (sizeOf(section) === 0 || load<u8>(end - 1) !== 0) return false;
  let infoName: u32 = 0;
  let vermagic: u32 = 0;
  let license: u32 = 0;
  let isInTree = false;
  isStaging = isTest = false;
  for (let at = first; at < end; ) {
    // The first of each counts.
    switch (load<u8>(at)) {
      case 0x6e:
        if (infoName === 0 && startsWith(at, 'name=')) infoName = at + 5;
        break;
      case 0x76:
        if (vermagic === 0 && startsWith(at, 'vermagic=')) vermagic = at + 9;
        break;
      case 0x69:
        if (startsWith(at, 'intree=')) isInTree = true;
        else if (startsWith(at, 'import_ns=') && !readNamespace(at + 10, serial)) return false;
        break;
      case 0x73:
        if (startsWith(at, 'staging=')) isStaging = true;
        break;
      case 0x74:
        if (startsWith(at, 'test=')) isTest = true;
        break;
      case 0x6c:
        if (license === 0 && startsWith(at, 'license=')) license = at + 8;
        else if (startsWith(at, 'livepatch=')) return false;
        break;
    }
    while (load<u8>(at) !== 0) at++;
    while (at < end && load<u8>(at) === 0) at++;
  }
  if (infoName === 0 || vermagic === 0 || license === 0 || !isInTree) return false;
  return (
    isSame(vermagic, VERMAGIC) &&
    isGplCompatible(license) &&
    readStructure() &&
    isSame(infoName, name) &&
    isOrdinary(name)
  );
}

/** Namespaces that begin with `module:` nobody may import (6.16). */
function readNamespace(at: u32, serial: u32): bool {
  if (startsWith(at, 'module:')) return false;
  const number = numberOf(at);
  if (number < 0) return false;
  importNamespace(number, serial);
  return addNamespace(number);
}

/** `license_is_gpl_compatible` */
function isGplCompatible(at: u32): bool {
  if (load<u8>(at) === 0x47)
    return isText(at, 'GPL') || isText(at, 'GPL v2') || isText(at, 'GPL and additional rights');
  return isText(at, 'Dual BSD/GPL') || isText(at, 'Dual MIT/GPL') || isText(at, 'Dual MPL/GPL');
}

/** A build leaves only the name in it, and relocations. */
function readStructure(): bool {
  const first = contentsOf(sectionOfKind(THIS_MODULE));
  name = first + moduleName();
  let end: u32 = 0;
  while (end < NAME_LENGTH && load<u8>(name + end) !== 0) end++;
  if (end === 0 || end === NAME_LENGTH) return false;
  nameLength = end;
  for (let at = first; at < name; at++) if (load<u8>(at) !== 0) return false;
  for (let at = name + end; at < first + moduleSize(); at++) if (load<u8>(at) !== 0) return false;
  return true;
}

/** Names that taint the kernel, or that /sys/module has already. */
function isOrdinary(at: u32): bool {
  return !isText(at, 'kernel') && !isText(at, 'ndiswrapper') && !isText(at, 'driverloader') && !isText(at, 'lve');
}
