// Assembly for the red team: functions that count and go on in another one, and trampolines that count.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** Where a counting function goes on: by a branch to the local entry, or through a pointer to the global one. */
export type GoingOn = 'branch' | 'pointer';

export interface Counter {
  /** Its slot in the module `redteam`. */
  readonly number: number;
  /** A function of the module that the object is merged into. */
  readonly goesTo: string;
}

/** An object with `redteam_count_NUMBER` for each counter: two entries, no frame. */
export function countingObject(counters: readonly Counter[], going: GoingOn, path: string): string {
  const functions = counters.map(({ number, goesTo }) => {
    const goOn =
      going === 'branch'
        ? `b "${goesTo}"`
        : `addis 12,2,.Lto_${number}@toc@ha; ld 12,.Lto_${number}@toc@l(12); mtctr 12; bctr`;
    return `
	.section .toc,"aw"
.Lto_${number}: .quad ${going === 'branch' ? '0' : `"${goesTo}"`}
	.text
	.globl redteam_count_${number}
	.type redteam_count_${number}, @function
redteam_count_${number}:
0:	addis 2,12,.TOC.-0b@ha; addi 2,2,.TOC.-0b@l
	.localentry redteam_count_${number}, 8
	addis 11,2,.Lslots@toc@ha; ld 11,.Lslots@toc@l(11)
	addis 11,11,(${number}*16)@ha; addi 11,11,(${number}*16)@l
1:	ldarx 12,0,11; addi 12,12,1; stdcx. 12,0,11; bne- 1b
	${goOn}
	.size redteam_count_${number}, .-redteam_count_${number}
`;
  });
  return assemble(`	.section .toc,"aw"\n.Lslots: .quad redteam_slots\n${functions.join('')}`, path);
}

/** Makes r2 the module's, and calls redteam_pass(address of F). */
const PASS = `bcl 20,31,1f
1:	mflr 12
	addis 2,12,(__tocsin_toc-1b)@ha
	addi 2,2,(__tocsin_toc-1b)@l
	addis 3,2,.Lself@toc@ha
	ld 3,.Lself@toc@l(3)
	bl redteam_pass
	nop`;

const saved = Array.from({ length: 8 }, (_, i) => 14 + i);

/** Calls redteam_pass(address of F), then F goes on; the second kind calls F itself in its frame, and redteam_pass when it has returned. */
export function countingTrampoline(kind: 'go on' | 'call', path: string): string {
  const before = `
	mflr 0
	std 0,16(1)
	stdu 1,-192(1)
	${saved.map(r => `std ${r},${96 + 8 * (r - 14)}(1)`).join('\n\t')}
	std 2,160(1)
	${saved.map(r => `mr ${r},${r - 11}`).join('\n\t')}
	${PASS}
	${saved.map(r => `mr ${r - 11},${r}`).join('\n\t')}
	${saved.map(r => `ld ${r},${96 + 8 * (r - 14)}(1)`).join('\n\t')}
	ld 2,160(1)
	addi 1,1,192
	ld 0,16(1)
	mtlr 0
	b __tocsin_continue`;
  const call = `
	mflr 0
	std 0,16(1)
	stdu 1,-128(1)
	std 31,120(1)
	std 30,112(1)
	std 2,104(1)
	bl __tocsin_original
	mr 31,3
	mr 30,4
	std 2,96(1)
	${PASS}
	mr 3,31
	mr 4,30
	ld 2,96(1)
	ld 31,120(1)
	ld 30,112(1)
	addi 1,1,128
	ld 0,16(1)
	mtlr 0
	blr
	.size __tocsin_trampoline, .-__tocsin_trampoline`;
  const type = kind === 'call' ? '	.type __tocsin_trampoline, @function\n' : '';
  return assemble(
    `	.section .toc,"aw"
.Lself: .quad __tocsin_original
	.text
	.globl __tocsin_trampoline
${type}	.balign 16
__tocsin_trampoline:${kind === 'call' ? call : before}
`,
    path,
  );
}

/** Assembles `text` beside the object. @returns `path` */
export function assemble(text: string, path: string): string {
  const source = path.replace(/\.o$/, '.s');
  writeFileSync(source, `	.abiversion 2\n${text}`);
  execFileSync('powerpc64le-linux-gnu-as', ['-mpower8', '-o', path, source]);
  return path;
}
