// SPDX-License-Identifier: GPL-2.0-only
// Module `poke`: changes words of another module's code while it is loaded, so that what the loader itself wrote (stubs, TOC
// restores) can be spoiled too. Code is mapped read-only where it runs, and writable where the kernel maps all of its memory.
#include <asm/cacheflush.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

/* "BASE OFFSET OLD NEW": the word at BASE + OFFSET (hexadecimal, decimal) must be OLD and becomes NEW. */
static int poke_set(const char *value, const struct kernel_param *param)
{
	unsigned long long base;
	long long offset;
	u32 old, new, *at, *alias;
	struct page *page;

	if (sscanf(value, "%llx %lld %x %x", &base, &offset, &old, &new) != 4)
		return -EINVAL;
	at = (u32 *)(base + offset);
	page = vmalloc_to_page(at);
	if (!page)
		return -EFAULT;
	if (READ_ONCE(*at) != old)
		return -ESTALE;
	alias = page_address(page) + offset_in_page(at);
	WRITE_ONCE(*alias, new);
	flush_icache_range((unsigned long)at, (unsigned long)at + 4);
	return READ_ONCE(*at) == new ? 0 : -EIO;
}

static const struct kernel_param_ops poke_ops = {
	.set = poke_set,
};
module_param_cb(word, &poke_ops, NULL, 0200);

static int __init poke_init(void)
{
	return 0;
}

static void __exit poke_exit(void)
{
}

module_init(poke_init);
module_exit(poke_exit);
MODULE_DESCRIPTION("Changes code of loaded modules, for the lab's prover tests");
MODULE_LICENSE("GPL");
