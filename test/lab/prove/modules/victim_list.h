/* SPDX-License-Identifier: GPL-2.0-only */
	canary_entry canary_add, local, victim_add
	canary_entry canary_leaf, local, victim_leaf
	canary_entry canary_ten, local, victim_ten
	canary_entry canary_recurse, local, victim_recurse
	canary_entry canary_sibling, local, victim_sibling
	canary_entry canary_twice, local, victim_twice
	canary_entry canary_outside, local, victim_outside
	canary_entry canary_busy, local, victim_busy
	canary_entry canary_fields, local, victim_fields
	canary_entry canary_through, local, victim_through
	canary_entry canary_branches, local, victim_branches
	canary_entry canary_framed, local, victim_framed
	canary_entry canary_saved, local, victim_saved
	canary_entry canary_recomputed, local, victim_recomputed
	canary_entry canary_deep, local, victim_deep

	.macro	begin_with_toc name
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	.localentry \name, . - \name
	.endm

	.macro	end name
	.size	\name, . - \name
	.endm

/* A trampoline with a frame; the loader makes the restore. */
	begin_with_toc victim_framed
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	bl	fix_add
	nop
	addi	%r1, %r1, 32
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	end	victim_framed

/* The same through a pointer: save, call and restore are words of its own. */
	begin_with_toc victim_saved
	mflr	%r0
	std	%r0, 16(%r1)
	std	%r31, -8(%r1)
	mfcr	%r0
	stw	%r0, 8(%r1)
	stdu	%r1, -48(%r1)
	std	%r2, 24(%r1)
	addis	%r31, %r2, victim_target@toc@ha
	addi	%r31, %r31, victim_target@toc@l
	cmpdi	%cr3, %r31, 0
	ld	%r12, 0(%r31)
	mtctr	%r12
	bctrl
	ld	%r2, 24(%r1)
	addi	%r1, %r1, 48
	lwz	%r0, 8(%r1)
	mtcrf	0x10, %r0
	ld	%r31, -8(%r1)
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	end	victim_saved

/* And with r2 computed from the return address in place of saved. */
	begin_with_toc victim_recomputed
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	addis	%r12, %r2, victim_target@toc@ha
	ld	%r12, victim_target@toc@l(%r12)
	mtctr	%r12
	bctrl
1:	mflr	%r12
	addis	%r2, %r12, (.TOC. - 1b)@ha
	addi	%r2, %r2, (.TOC. - 1b)@l
	addi	%r1, %r1, 32
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	end	victim_recomputed

/* Three local calls in a row, and its own non-volatile registers. */
	begin_with_toc victim_deep
	mflr	%r0
	std	%r30, -16(%r1)
	std	%r31, -8(%r1)
	std	%r0, 16(%r1)
	stdu	%r1, -64(%r1)
	mr	%r31, %r3
	mr	%r30, %r4
	bl	victim_add
	mr	%r4, %r31
	bl	victim_sibling
	mr	%r4, %r31
	addi	%r4, %r4, -5
	bl	victim_add
	addi	%r1, %r1, 64
	ld	%r0, 16(%r1)
	ld	%r30, -16(%r1)
	mtlr	%r0
	ld	%r31, -8(%r1)
	blr
	end	victim_deep
