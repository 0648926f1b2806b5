/* SPDX-License-Identifier: GPL-2.0-only */
/* What module `canary` calls as a local caller does. */
	canary_entry canary_add, local, home_add
	canary_entry canary_leaf, local, home_leaf
	canary_entry canary_eight, local, home_eight
	canary_entry canary_ten, local, home_ten
	canary_entry canary_variadic, local, home_variadic
	canary_entry canary_pair, local, home_pair_sum
	canary_entry canary_recurse, local, home_recurse
	canary_entry canary_mutual, local, home_ping
	canary_entry canary_yield, local, home_yield
	canary_entry canary_sibling, local, home_sibling
	canary_entry canary_twice, local, home_twice
	canary_entry canary_bare, local, home_bare
	canary_entry canary_framed, local, home_framed
	canary_entry canary_careless, local, home_careless

/*
 * The proof that the canary can fail: a plain branch to another module's function. The kernel loads it without a word.
 * fix_add() sets r2 to its own TOC, and nobody puts it back for a local caller. The loader's stub also stores r2 in the
 * frame on top, which an external caller (canary_ext) had already used for its own r2.
 */
	.globl	home_bare
	.type	home_bare, @function
	.balign	16
home_bare:
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	.localentry home_bare, . - home_bare
	b	fix_add
	.size	home_bare, . - home_bare

/* The same function reached as it must be: the call has a frame, and so a save slot, of its own. */
	.globl	home_framed
	.type	home_framed, @function
	.balign	16
home_framed:
0:	addis	%r2, %r12, (.TOC. - 0b)@ha
	addi	%r2, %r2, (.TOC. - 0b)@l
	.localentry home_framed, . - home_framed
	mflr	%r0
	std	%r0, 16(%r1)
	stdu	%r1, -32(%r1)
	bl	fix_add
	nop
	addi	%r1, %r1, 32
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr
	.size	home_framed, . - home_framed

/*
 * The same proof of failure for the other counters: returns home_add()'s result with r1, r20, CR3 and LR changed, and r2 kept.
 * r1 goes down, so that an interrupt just after the return still finds free stack.
 */
	.globl	home_careless
	.type	home_careless, @function
	.balign	16
home_careless:
	mflr	%r0
	mtctr	%r0
	li	%r0, 0
	mtlr	%r0
	not	%r20, %r20
	crnot	12, 12
	addi	%r1, %r1, -32
	add	%r3, %r3, %r4
	addi	%r3, %r3, 5
	bctr
	.size	home_careless, . - home_careless
