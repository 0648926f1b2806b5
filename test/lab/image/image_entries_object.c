// SPDX-License-Identifier: GPL-2.0-only
// Replacements of seq_put_decimal_ull(): one for callers from outside and through pointers, one for those of the kernel itself. What the
// object calls by that name is what it was.
#include <linux/module.h>
#include <linux/seq_file.h>

void image_outside(struct seq_file *m, const char *delimiter, unsigned long long number);
void image_outside(struct seq_file *m, const char *delimiter, unsigned long long number)
{
	seq_write(m, "outside", 7);
	seq_put_decimal_ull(m, delimiter, number);
}

void image_inside(struct seq_file *m, const char *delimiter, unsigned long long number);
void image_inside(struct seq_file *m, const char *delimiter, unsigned long long number)
{
	seq_write(m, "inside", 6);
	seq_put_decimal_ull(m, delimiter, number);
}

MODULE_DESCRIPTION("Replacements for some callers to merge into a kernel image");
MODULE_LICENSE("GPL");
