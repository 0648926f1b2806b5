/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of the canary (see canary.h). canary_list.h, or the file that CANARY_LIST names, says which ones a module
 * wants:
 *
 *   canary_entry NAME, local, FUNCTION      bl FUNCTION         as a caller of the same object: r2 is not restored
 *   canary_entry NAME, external, FUNCTION   bl FUNCTION; nop    the loader turns the nop into ld r2,24(r1)
 *
 * and `canary_pointer`, which is always there, does std r2,24(r1); bctrl; ld r2,24(r1), as compiled code does.
 *
 * A call that comes back with another r1 traps, because no proof can follow a stack pointer that is loaded from memory.
 * With CANARY_RECOVERS_R1 it is counted like the rest.
 *
 * The frame, from r1 up: 32 bytes of header, 80 of parameter save area (ten arguments), r14 to r31, r2, 8 to spare.
 */
#include "canary.h"

#ifndef CANARY_LIST
#define CANARY_LIST "canary_list.h"
#endif

	.set	PARAMETERS, 32
	.set	NONVOLATILES, 112
	.set	SAVED_R2, 256
	.set	FRAME, 272

	.section ".data"
	.balign	8
	.local	canary_state
canary_state:			/* only one call is under way: canary.c holds a mutex */
	.quad	0		/* r1 before the call */
	.quad	0		/* the record */

	.text

	.macro	each_nonvolatile instruction, offset, base
	.irp	n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\instruction	%r\n, (\offset + (\n - 14) * 8)(\base)
	.endr
	.endm

	.macro	canary_entry name, kind, target
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	.localentry \name, . - \name
	mflr	%r0
	std	%r0, 16(%r1)
	mfcr	%r0
	stw	%r0, 8(%r1)
	stdu	%r1, -FRAME(%r1)
	each_nonvolatile std, NONVOLATILES, %r1
	std	%r2, SAVED_R2(%r1)

	bcl	20, 31, 1f
1:	mflr	%r12
	addis	%r11, %r12, (canary_state - 1b)@ha
	addi	%r11, %r11, (canary_state - 1b)@l
	std	%r1, 0(%r11)
	std	%r3, 8(%r11)
	std	%r1, CANARY_R1_IN(%r3)
	std	%r2, CANARY_R2_IN(%r3)
	addi	%r12, %r12, 2f - 1b
	std	%r12, CANARY_LR_IN(%r3)

	.ifc	\kind, pointer
	std	%r2, 24(%r1)
	mr	%r12, %r4
	mtctr	%r12
	.endif
	ld	%r0, CANARY_CR_IN(%r3)
	mtcrf	0x38, %r0
	each_nonvolatile ld, CANARY_NONVOLATILE_IN, %r3
	ld	%r0, (CANARY_ARGUMENTS + 64)(%r3)
	std	%r0, (PARAMETERS + 64)(%r1)
	ld	%r0, (CANARY_ARGUMENTS + 72)(%r3)
	std	%r0, (PARAMETERS + 72)(%r1)
	ld	%r4, (CANARY_ARGUMENTS + 8)(%r3)
	ld	%r5, (CANARY_ARGUMENTS + 16)(%r3)
	ld	%r6, (CANARY_ARGUMENTS + 24)(%r3)
	ld	%r7, (CANARY_ARGUMENTS + 32)(%r3)
	ld	%r8, (CANARY_ARGUMENTS + 40)(%r3)
	ld	%r9, (CANARY_ARGUMENTS + 48)(%r3)
	ld	%r10, (CANARY_ARGUMENTS + 56)(%r3)
	ld	%r3, CANARY_ARGUMENTS(%r3)

	.ifc	\kind, pointer
	bctrl
2:	ld	%r2, 24(%r1)
	.endif
	.ifc	\kind, local
	bl	\target
2:
	.endif
	.ifc	\kind, external
	bl	\target
2:	nop
	.endif

	mflr	%r11
	bcl	20, 31, 3f
3:	mflr	%r12
	addis	%r12, %r12, (canary_state - 3b)@ha
	addi	%r12, %r12, (canary_state - 3b)@l
	ld	%r10, 8(%r12)
	std	%r3, CANARY_RESULT(%r10)
	std	%r11, CANARY_LR_OUT(%r10)
	std	%r1, CANARY_R1_OUT(%r10)
	std	%r2, CANARY_R2_OUT(%r10)
	mtcrf	0xc7, %r11		/* nothing here counts on the fields that a function may change */
	mfcr	%r0
	std	%r0, CANARY_CR_OUT(%r10)
	each_nonvolatile std, CANARY_NONVOLATILE_OUT, %r10

#ifdef CANARY_RECOVERS_R1
	ld	%r1, 0(%r12)
#else
	ld	%r0, 0(%r12)
	cmpd	%r0, %r1
	beq	4f
	trap
4:
#endif
	ld	%r2, SAVED_R2(%r1)
	each_nonvolatile ld, NONVOLATILES, %r1
	addi	%r1, %r1, FRAME
	lwz	%r0, 8(%r1)
	mtcrf	0x38, %r0
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	.size	\name, . - \name
	.endm

	canary_entry canary_pointer, pointer
#include CANARY_LIST

	.section .note.GNU-stack, "", @progbits
