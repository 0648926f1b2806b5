/* SPDX-License-Identifier: GPL-2.0-only */
/* What module `canary_ext` calls as an external caller does: through the loader's stubs. */
	canary_entry canary_add, external, home_add
	canary_entry canary_leaf, external, home_leaf
	canary_entry canary_eight, external, home_eight
	canary_entry canary_ten, external, home_ten
	canary_entry canary_variadic, external, home_variadic
	canary_entry canary_pair, external, home_pair_sum
	canary_entry canary_recurse, external, home_recurse
	canary_entry canary_mutual, external, home_ping
	canary_entry canary_yield, external, home_yield
	canary_entry canary_sibling, external, home_sibling
	canary_entry canary_twice, external, home_twice
	canary_entry canary_bare, external, home_bare
	canary_entry canary_framed, external, home_framed
