/* SPDX-License-Identifier: GPL-2.0-only */
/* Room for relocations that the operators add: no tracer, no code that runs. */
#include <linux/linkage.h>
	.text
	.balign 8
	.globl lab_playground
	.type lab_playground, @function
lab_playground:
	.rept 32
	nop
	.endr
	blr
	.size lab_playground, . - lab_playground

	.globl lab_calls
	.type lab_calls, @function
lab_calls:
	.rept 8
	bl lab_playground
	nop
	.endr
	b lab_playground
	nop
	blr
	.size lab_calls, . - lab_calls

	/* The large code model's entry, for R_PPC64_ENTRY. */
	.globl lab_entry
	.type lab_entry, @function
lab_entry:
	.reloc ., R_PPC64_ENTRY
	ld 2, -8(12)
	add 2, 2, 12
	.localentry lab_entry, . - lab_entry
	blr
	.size lab_entry, . - lab_entry

	.data
	.balign 8
	.globl lab_words
	.type lab_words, @object
lab_words:
	.rept 32
	.quad 0
	.endr
	.size lab_words, . - lab_words

	.section .note.GNU-stack, "", @progbits
