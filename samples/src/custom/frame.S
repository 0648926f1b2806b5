/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trampoline for `tocsin patch --strategy custom:frame.o --redirect F=G`: calls G in a frame of its own, and brings r2 back, as
 * tocsin's own `frame` does. If G says -1, F has the last word: its original is called with the first argument again.
 *
 * It stands in for F, so it is a function. r2 may be anybody's where F uses no TOC: the home's is computed first.
 */
	.text
	.balign	16
	.globl	__tocsin_trampoline
	.type	__tocsin_trampoline, @function
__tocsin_trampoline:
	mflr	0
	std	0, 16(1)
	stdu	1, -112(1)
	std	31, 104(1)
	mr	31, 3
	bcl	20, 31, 1f
1:	mflr	12
	addis	2, 12, (__tocsin_toc - 1b)@ha
	addi	2, 2, (__tocsin_toc - 1b)@l
	bl	__tocsin_target
2:	nop
	mflr	12
	addis	2, 12, (__tocsin_toc - 2b)@ha
	addi	2, 2, (__tocsin_toc - 2b)@l
	cmpdi	3, -1
	bne	3f
	mr	3, 31
	bl	__tocsin_original
3:	ld	31, 104(1)
	addi	1, 1, 112
	ld	0, 16(1)
	mtlr	0
	blr
	.size	__tocsin_trampoline, . - __tocsin_trampoline
