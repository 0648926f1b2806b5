/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each function stands for a redirect, or a piece of one, that once was in use or was proposed. All of them are wrong, and the
 * loader takes every one without a word. The same code is in test/unit/prove/historical.test.ts, in the tests' own assembler.
 */
	.macro	begin name
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
	.endm

	.macro	begin_with_toc name
	begin	\name
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	.localentry \name, . - \name
	.endm

	.macro	frame
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	.endm

	.macro	return_from_frame
	addi	%r1, %r1, 32
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	.endm

	.macro	end name
	.size	\name, . - \name
	.endm

	.section ".data"
	.balign	8
historical_shadow:		/* bytes in use, and return addresses */
	.quad	0
	.space	16384
historical_return:
	.quad	0
	.text

/* The far caller, and what keeps it far from everything else in the module. */
	canary_entry canary_far, local, historical_distance
	.fill	0x8000, 4, 0x60000000

	canary_entry canary_plain, local, historical_plain
	canary_entry canary_ten, local, historical_ten
	canary_entry canary_slot, local, historical_slot
	canary_entry canary_slot_sibling, local, historical_slot_sibling
	canary_entry canary_near, local, historical_distance
	canary_entry canary_by_toc, local, historical_compare
	canary_entry canary_frameless, local, historical_frameless
	canary_entry canary_callee, local, historical_callee
	canary_entry canary_prepared, local, historical_prepared
	canary_entry canary_oldest, local, historical_oldest
	canary_entry canary_middle, local, historical_middle

/* 1. A plain branch to another module's function. */
	begin_with_toc historical_plain
	b	fix_add
	end	historical_plain

/* 2. A trampoline with a frame under a function of ten arguments: two of them lie above the frame of the one who calls F. */
	begin_with_toc historical_ten
	frame
	bl	fix_ten
	nop
	return_from_frame
	end	historical_ten

/* 3. The TOC saved in the slot of the caller's frame: it may hold the TOC of whoever called the caller's caller. */
	begin_with_toc historical_slot
	mflr	%r0
	std	%r0, 16(%r1)
	std	%r2, 24(%r1)
	stdu	%r1, -32(%r1)
	bl	fix_add
	nop
	addi	%r1, %r1, 32
	ld	%r2, 24(%r1)
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	end	historical_slot

	begin_with_toc historical_slot_sibling
	b	historical_slot
	end	historical_slot_sibling

/* 4a. Local callers are near, others are far: a return address within 64 KB is taken for a local one, which needs r2 back. */
	begin_with_toc historical_distance
	mflr	%r0
	bcl	20, 31, 1f
1:	mflr	%r11
	mtlr	%r0
	subf	%r11, %r11, %r0
	sradi	%r12, %r11, 63
	xor	%r11, %r11, %r12
	lis	%r12, 1
	cmpld	%r11, %r12
	bgt	2f
	frame
	bl	fix_add
	nop
	return_from_frame
2:	b	fix_add
	end	historical_distance

/* 4b. Local callers have the home's TOC in r2 already: restore it for those, and leave the others to their own restore. */
	begin	historical_compare
0:	addis	%r11, %r12, (.TOC. - 0b)@ha
	addi	%r11, %r11, (.TOC. - 0b)@l
	cmpd	%r2, %r11
	mr	%r2, %r11
	bne	1f
	nop
	nop
	nop
	.localentry historical_compare, . - historical_compare
	frame
	bl	fix_add
	nop
	return_from_frame
1:	b	fix_add
	end	historical_compare

/* 5. No frame, and the return address kept elsewhere: the stub stores r2 in the slot of the caller's frame. */
	begin_with_toc historical_frameless
	mflr	%r0
	addis	%r11, %r2, historical_return@toc@ha
	std	%r0, historical_return@toc@l(%r11)
	bl	fix_add
	nop
	addis	%r11, %r2, historical_return@toc@ha
	ld	%r0, historical_return@toc@l(%r11)
	mtlr	%r0
	blr
	end	historical_frameless

/*
 * 6. No frame, and the return address in the caller's LR slot, where the callee puts its own. It would return to itself for
 * ever; the third time the return address is taken from elsewhere, and the result tells.
 */
	begin_with_toc historical_callee
	mflr	%r0
	std	%r0, 16(%r1)
	addis	%r11, %r2, historical_return@toc@ha
	std	%r0, historical_return@toc@l(%r11)
	li	%r9, 3
	bl	historical_keeper
	addi	%r9, %r9, -1
	cmpdi	%r9, 0
	beq	1f
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
1:	addis	%r11, %r2, historical_return@toc@ha
	ld	%r0, historical_return@toc@l(%r11)
	mtlr	%r0
	li	%r3, -1
	blr
	end	historical_callee

/* A correct function with one entry: saves its return address in its caller's LR slot, as all do. Keeps r9. */
	begin	historical_keeper
	mflr	%r0
historical_keeper_body:
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	add	%r3, %r3, %r4
	addi	%r3, %r3, 5
	return_from_frame
	end	historical_keeper

/* 7. The local entry lies behind the save of the return address, and the tail restores it all the same. */
	begin	historical_skipped
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	mflr	%r0
	std	%r0, 16(%r1)
	.localentry historical_skipped, . - historical_skipped
	stdu	%r1, -32(%r1)
	add	%r3, %r3, %r4
	addi	%r3, %r3, 5
	return_from_frame
	end	historical_skipped

/* A caller of 7 that left a known address in its own LR slot, which is nobody's but its callees'. */
	begin_with_toc historical_prepared
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	bcl	20, 31, 1f
1:	mflr	%r11
	addi	%r11, %r11, 2f - 1b
	std	%r11, 16(%r1)
	bl	historical_skipped
	b	3f
2:	li	%r3, -1
3:	return_from_frame
	end	historical_prepared

/* 8. A stack of return addresses beside the real one, of which the oldest is taken each time. */
	begin_with_toc historical_oldest
	mflr	%r0
	addis	%r11, %r2, historical_shadow@toc@ha
	addi	%r11, %r11, historical_shadow@toc@l
	ld	%r12, 0(%r11)
	addi	%r12, %r12, 8
	stdx	%r0, %r11, %r12
	std	%r12, 0(%r11)
	bl	historical_descend
	addis	%r11, %r2, historical_shadow@toc@ha
	addi	%r11, %r11, historical_shadow@toc@l
	ld	%r12, 0(%r11)
	addi	%r12, %r12, -8
	std	%r12, 0(%r11)
	ld	%r0, 8(%r11)
	mtlr	%r0
	blr
	end	historical_oldest

/* 9. A branch behind the first instruction of a prologue: the callee saves whatever is in r0, which is its caller's. */
	begin	historical_middle
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -48(%r1)
	bl	historical_keeper_body
	addi	%r1, %r1, 48
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	end	historical_middle
