/* SPDX-License-Identifier: GPL-2.0-only */
/* What tocsin_demo calls through the canary as a local caller does. Included by canary_entries.S. */
	canary_entry canary_in_range, local, demo_in_range
	canary_entry canary_sibling, local, demo_sibling
	canary_entry canary_parity, local, demo_parity
	canary_entry canary_sum_ten, local, demo_sum_ten
	canary_entry canary_sum_variadic, local, demo_sum_variadic
