/* Functions that no branch of the canary reaches: 40 MB lie between, which take no room in the file. */
	.section .gap, "ax", @nobits
	.space 40 << 20

	.section .text.far, "ax", @progbits
	.macro	entry name
	.globl \name
	.type \name, @function
	.balign 16
\name:
0:	addis 2, 12, (.TOC. - 0b)@ha
	addi 2, 2, (.TOC. - 0b)@l
	.localentry \name, . - \name
	.endm

/* For home_add(). */
	entry far_add
	add 3, 3, 4
	addi 3, 3, 1005
	blr
	.size far_add, . - far_add

/* For home_leaf(), and with one entry. */
	.globl far_leaf
	.type far_leaf, @function
	.balign 16
far_leaf:
	mulli 3, 3, 3
	addi 3, 3, 1001
	blr
	.size far_leaf, . - far_leaf

/* A hook: counts, and leaves nothing in the registers that it may use. */
	entry far_hook
	addis 9, 2, far_hits@toc@ha
	ld 10, far_hits@toc@l(9)
	addi 10, 10, 1
	std 10, far_hits@toc@l(9)
	.irp r, 0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
	li \r, -1
	.endr
	mtctr 12
	mtcrf 0xc7, 12
	blr
	.size far_hook, . - far_hook

	.section .data.far, "aw", @progbits
	.globl far_hits
	.type far_hits, @object
	.balign 8
far_hits:
	.quad 0
	.size far_hits, 8
