/* SPDX-License-Identifier: GPL-2.0-only */
/* A trampoline of the user's own for a function of a kernel image: counts its calls, then the function goes on. */
	.text
	.balign	16
	.globl	__tocsin_trampoline
__tocsin_trampoline:
	mflr	0
	bcl	20, 31, 1f
1:	mflr	11
	mtlr	0
	addis	11, 11, (image_custom_calls - 1b)@ha
	addi	11, 11, (image_custom_calls - 1b)@l
2:	ldarx	12, 0, 11
	addi	12, 12, 1
	stdcx.	12, 0, 11
	bne-	2b
	b	__tocsin_continue

	.globl	image_custom_calls
	.type	image_custom_calls, @object
	.size	image_custom_calls, 8
	.section .bss
	.balign	8
image_custom_calls:
	.skip	8

	.section .modinfo, "a"
	.string	"license=GPL"
