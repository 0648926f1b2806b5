import { it } from 'vitest';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { loadModule } from '../../../src/loader/load.ts';
import { Exporters } from '../../../src/verify/check/exporters.ts';
import { kernel } from '../harness/harness.ts';
import { knowledge } from '../loader/twin.ts';
import { plainModulesOf } from '../support/plain.ts';
import { Prover } from '../../../src/prove/prover.ts';
import { moduleSubject } from '../../../src/verify/proof/module-image.ts';
import { World } from '../../support/interpreter/world.ts';
import { originOf } from '../../support/interpreter/opinion.ts';
const cases = [
 ['adt7462.ko','volt_min_store',0x5c,0x4bffee59,true],
 ['hid-sensor-gyro-3d.ko','gyro_3d_read_raw',0x2c,0x40810070,true],
 ['cec.ko','cec_transmit_attempt_done_ts',0x18,0x60000000,true],
 ['xt_recent.ko','recent_mt_check.isra.0',0x20004,0xfffe07f0,false],
 ['snd-firewire-motu.ko','snd_motu_register_dsp_message_parser_parse',0x138,0xffffa798,true],
] as const;
it('dbg', () => {
  for (const g of ['6.1','6.12','7.2'] as const) {
    const files = plainModulesOf(kernel(g)).map(m => m.plain);
    const known = files.flatMap(file => { const exports = moduleExports(readFileSync(file)); return exports === undefined ? [] : [{ file, exports }]; });
    const exporters = new Exporters(known);
    for (const [mod, fn, off, word, inside] of cases.slice(3,4)) {
      const file = files.find(f => basename(f) === mod); if (!file) continue;
      const { image } = loadModule({ bytes: new Uint8Array(readFileSync(file)), kernel: knowledge(g), modules: new Map(), exporter: s => exporters.of(s, o => o !== file), placement: { kind: 'base', base: 0xc008_0000_0100_0000n } });
      const world = new World(image!); const origin = originOf(image!);
      const { subject } = moduleSubject(image!);
      const f = subject.functions; let i = -1; for (let k = 0; k < f.count; k++) if (f.name(k) === fn && f.part[k] === 0) i = k;
      if (i < 0) { console.log(g, mod, 'no function'); continue; }
      const js = image!.sections.find(x => x.name === '__jump_table'); console.log(g, 'jump table', js && (js.address - origin).toString(16), js?.size);
      const at = inside ? f.global[i]! + off : off;
      const old = at >> 2 < subject.code.length ? subject.code[at >> 2]! : 0;
      if (!inside && (!js || off < Number(js.address - origin) || off >= Number(js.address - origin) + js.size)) continue;
      { const v = new DataView(js!.bytes.buffer, js!.bytes.byteOffset, js!.bytes.length); const base = Number(js!.address - origin); for (let e = 0; e < js!.size; e += 16) console.log('entry', (base+e).toString(16), 'code', (base + e + v.getInt32(e, true)).toString(16), 'target', (base + e + 4 + v.getInt32(e + 4, true)).toString(16)); }
      world.poke(origin + BigInt(at), word);
      const s2 = moduleSubject(image!).subject;
      console.log('edges', [...s2.edges].filter(([a]) => a >= f.global[i]! && a < f.end[i]!).map(([a, l]) => a.toString(16) + ' ' + JSON.stringify(l)).join('; '));
      const p = new Prover(s2); p.prove(i);
      console.log(g, mod, fn, 'at', at.toString(16), 'old', old.toString(16), 'verdict', p.verdict[i], 'global', f.global[i]!.toString(16), 'end', f.end[i]!.toString(16), 'entryCode', f.entryCode[i]);
      if (mod === 'adt7462.ko') { const t = 0x43c; let k = 0; for (let j = 0; j < f.count; j++) if (f.global[j]! <= t && t < f.end[j]!) k = j; console.log('target in', f.name(k), f.global[k]!.toString(16), f.local[k]!.toString(16), f.end[k]!.toString(16)); const w=[]; for (let a = f.global[k]!; a < f.end[k]! && w.length < 120; a += 4) w.push((a).toString(16)+':'+s2.code[a>>2]!.toString(16).padStart(8,'0')); console.log(w.join(' ')); }
      const words = []; for (let a = f.global[i]!; a < Math.min(f.end[i]!, f.global[i]! + 0x170); a += 4) words.push((a - f.global[i]!).toString(16) + ':' + s2.code[a >> 2]!.toString(16).padStart(8,'0'));
      console.log(words.join(' '));
    }
  }
}, 600000);
