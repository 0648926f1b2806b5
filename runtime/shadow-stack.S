/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `tocsin patch --strategy shadow` merges into a module that uses the second stack of its tasks (src/trampoline/shadow-stack.ts):
 * no table, only counters. Assembled by runtime/build.sh; the object is the same for all kernels.
 */
/* Something of no size may stand where the module's own section ends: its address is not to be the counters'. */
	.data
	.skip	8
	.balign	8
	.globl	__tocsin_shadow_stack_state
	.type	__tocsin_shadow_stack_state, @object
__tocsin_shadow_stack_state:
calls:		.quad	0	/* entries */
live:		.quad	0	/* activations now */
high:		.quad	0	/* most at one time */
overflows:	.quad	0	/* entries for which the original function ran */
limit:		.quad	1016	/* bytes of the stack; 8 are always in use, and 24 for each entry */
	.size	__tocsin_shadow_stack_state, . - __tocsin_shadow_stack_state

/* struct kernel_param (include/linux/moduleparam.h): name, module, operations, permissions, level, flags, argument. */
	.macro	parameter counter, permissions
	.section .rodata
name_\counter: .string "tocsin_shadow_stack_\counter"
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
