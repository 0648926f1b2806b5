/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `tocsin patch --strategy shadow` merges into a module: counters and the table of slots. src/trampoline/shadow.ts has the code
 * that uses them, and says how. Assembled by runtime/build.sh; the object is the same for all kernels.
 *
 * The counters are parameters of the module. `tocsin_shadow_limit` may be written: no more activations than that are let in.
 */
/* In front of each: something of no size may stand where the module's own section ends, and its address is not to be the counters'. */
	.data
	.skip	8
	.balign	8
	.globl	__tocsin_shadow_state
	.type	__tocsin_shadow_state, @object
__tocsin_shadow_state:
calls:		.quad	0	/* entries */
live:		.quad	0	/* activations now */
high:		.quad	0	/* most at one time */
overflows:	.quad	0	/* entries for which the original function ran */
limit:		.quad	512
	.size	__tocsin_shadow_state, . - __tocsin_shadow_state

/* A hash of 10 bits says where a window of 32 slots begins. */
	.bss
	.skip	8
	.balign	32
	.globl	__tocsin_shadow_table
	.type	__tocsin_shadow_table, @object
__tocsin_shadow_table:
	.skip	32 * (1024 + 31)
	.size	__tocsin_shadow_table, . - __tocsin_shadow_table

/* struct kernel_param (include/linux/moduleparam.h): name, module, operations, permissions, level, flags, argument. */
	.macro	parameter counter, permissions
	.section .rodata
name_\counter: .string "tocsin_shadow_\counter"
	.section __param, "a"
	.balign	8
	.quad	name_\counter, __this_module, param_ops_ulong
	.short	\permissions
	.byte	-1, 0
	.long	0
	.quad	\counter
	.endm

	parameter calls, 0444
	parameter live, 0444
	parameter high, 0444
	parameter overflows, 0444
	parameter limit, 0644
