// SPDX-License-Identifier: GPL-2.0-only
// The witness of the loader's tests: for every module that is loaded after it, it writes down what the kernel's memory
// holds when the loader is done with the module and none of the module's own code has run yet, and then takes the
// module's init and exit functions away, so that thousands of modules can be loaded on a machine without their hardware.
//
// It hears of a module twice, as the first and as the last of the kernel's module notifiers. What the notifiers between
// (jump labels, trace events, BTF, ...) changed is in records of its own, so that one can tell their work from the rest.
//
// The records go to the file or block device that parameter `output` names; until it does, they are kept in memory.
// ../dumps.ts reads them. All numbers are little-endian. A record is { magic, kind: u32, length: u64 }, then the payload,
// padded to 8 bytes:
//   1 begin    name (64 bytes), then u64: struct module, percpu pointer, percpu bytes, processor 0's per-cpu offset,
//              address of the symbol table, number of symbols, address of the string table, address of the type letters
//   2 area     name (16 bytes), u64 base, then the bytes
//   3 changed  u64 base of the area, u64 offset in it, then the bytes as they were before the notifiers
//   4 percpu   the bytes of processor 0's copy
//   5 end      nothing; without it, the machine went down meanwhile
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#define MAGIC 0x70616374 /* "tcap" */
#define AREAS 8

enum { BEGIN = 1, AREA, CHANGED, PERCPU, END };

struct area {
	const char *name;
	void *base;
	size_t size;
	void *before;
};

struct pending {
	struct list_head list;
	size_t size;
	char bytes[];
};

static DEFINE_MUTEX(lock);
static LIST_HEAD(kept);
static struct file *output;
static loff_t position;
static struct module *current_module;
static struct area areas[AREAS];
static int area_count;

static bool record = true;
module_param(record, bool, 0644);
MODULE_PARM_DESC(record, "write down what comes; without it, only init and exit are taken away");

static char *keep = "";
module_param(keep, charp, 0444);
MODULE_PARM_DESC(keep, "comma-separated names of modules that keep their init function");

/* A write error ends the recording, and the log says so. */
static void emit(const void *bytes, size_t size)
{
	struct pending *block;

	if (!size)
		return;
	if (output) {
		while (size) {
			ssize_t done = kernel_write(output, bytes, size, &position);

			if (done <= 0) {
				pr_err("capture: write failed at %lld: %zd\n", position, done);
				record = false;
				return;
			}
			bytes += done;
			size -= done;
		}
		return;
	}
	block = vmalloc(sizeof(*block) + size);
	if (!block) {
		pr_err("capture: no memory\n");
		record = false;
		return;
	}
	block->size = size;
	memcpy(block->bytes, bytes, size);
	list_add_tail(&block->list, &kept);
}

static void emit_head(u32 kind, u64 length)
{
	struct {
		u32 magic, kind;
		u64 length;
	} head = { MAGIC, kind, length };

	emit(&head, sizeof(head));
}

static void emit_tail(u64 length)
{
	static const char zeros[8];

	emit(zeros, -length & 7);
}

static int set_output(const char *value, const struct kernel_param *parameter)
{
	struct pending *block, *next;
	char path[64];
	struct file *file;

	strscpy(path, value, sizeof(path));
	file = filp_open(strim(path), O_WRONLY | O_CREAT | O_LARGEFILE, 0600);
	if (IS_ERR(file))
		return PTR_ERR(file);
	mutex_lock(&lock);
	if (output)
		filp_close(output, NULL);
	output = file;
	list_for_each_entry_safe(block, next, &kept, list) {
		emit(block->bytes, block->size);
		list_del(&block->list);
		vfree(block);
	}
	mutex_unlock(&lock);
	return 0;
}

static int get_output(char *buffer, const struct kernel_param *parameter)
{
	return sprintf(buffer, "%lld\n", position);
}

static const struct kernel_param_ops output_ops = { .set = set_output, .get = get_output };
module_param_cb(output, &output_ops, NULL, 0600);
MODULE_PARM_DESC(output, "where the records go; reads as the number of bytes written");

/*
 * The kernel says some things once, and not again when it is tainted already; a tracer that failed is off for good.
 * Writing START,BYTES,TAINT,TRACER here makes it forget: the flags of what was said are zeroed (BYTES from START), and so
 * are the taint mask and the tracer's ftrace_disabled at these addresses.
 */
static int set_forget(const char *value, const struct kernel_param *parameter)
{
	unsigned long start, bytes, taint, tracer;

	if (sscanf(value, "%lx,%lx,%lx,%lx", &start, &bytes, &taint, &tracer) != 4)
		return -EINVAL;
	memset((void *)start, 0, bytes);
	*(unsigned long *)taint = 0;
	*(int *)tracer = 0;
	return 0;
}

static const struct kernel_param_ops forget_ops = { .set = set_forget };
module_param_cb(forget, &forget_ops, NULL, 0200);
MODULE_PARM_DESC(forget, "makes the kernel forget what it said once");

static void add_area(const char *name, void *base, size_t size)
{
	if (base && size)
		areas[area_count++] = (struct area){ name, base, size, NULL };
}

static void find_areas(struct module *mod)
{
	area_count = 0;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	static const char *const names[] = {
		[MOD_TEXT] = "text",
		[MOD_DATA] = "data",
		[MOD_RODATA] = "rodata",
		[MOD_RO_AFTER_INIT] = "ro_after_init",
		[MOD_INIT_TEXT] = "init_text",
		[MOD_INIT_DATA] = "init_data",
		[MOD_INIT_RODATA] = "init_rodata",
	};
	int at;

	for (at = 0; at < ARRAY_SIZE(names); at++)
		add_area(names[at], mod->mem[at].base, mod->mem[at].size);
#else
	add_area("core", mod->core_layout.base, mod->core_layout.size);
	add_area("init", mod->init_layout.base, mod->init_layout.size);
#endif
}

static void forget(void)
{
	while (area_count)
		vfree(areas[--area_count].before);
	current_module = NULL;
}

/*
 * Where the loader put the module that it relocated last: what a refused module would have been is nowhere else to see.
 * Reads as `NAME KIND=ADDRESS ...`, and is empty afterwards.
 */
static char placement[512];

static int sees_relocation(struct kprobe *probe, struct pt_regs *regs)
{
	const struct module *mod = (const void *)regs->gpr[7];
	int at, used;

	/* Its caller holds no lock of ours, but only one module is loaded at a time. */
	find_areas((struct module *)mod);
	used = scnprintf(placement, sizeof(placement), "%s", mod->name);
	for (at = 0; at < area_count; at++)
		used += scnprintf(placement + used, sizeof(placement) - used, " %s=%lx", areas[at].name,
				  (unsigned long)areas[at].base);
	area_count = 0;
	if (mod->percpu)
		scnprintf(placement + used, sizeof(placement) - used, " percpu=%lx", (unsigned long)mod->percpu);
	return 0;
}

/*
 * Not at the function's entry: a probe there rides on the tracer, which some modules turn off for good. In the lab's three
 * kernels, this far into the function its arguments are still in their registers.
 */
static struct kprobe relocation = {
	.symbol_name = "apply_relocate_add",
	.offset = 24,
	.pre_handler = sees_relocation,
};

static int get_placement(char *buffer, const struct kernel_param *parameter)
{
	int size = sprintf(buffer, "%s\n", placement);

	placement[0] = 0;
	return size;
}

static const struct kernel_param_ops placement_ops = { .get = get_placement };
module_param_cb(placement, &placement_ops, NULL, 0400);

static bool place;
module_param(place, bool, 0444);
MODULE_PARM_DESC(place, "note where the loader puts modules, refused ones too");

static int comes_first(struct notifier_block *self, unsigned long state, void *data)
{
	struct module *mod = data;
	int at;

	if (state != MODULE_STATE_COMING || !record)
		return NOTIFY_DONE;
	mutex_lock(&lock);
	forget();
	find_areas(mod);
	for (at = 0; at < area_count; at++) {
		areas[at].before = vmalloc(areas[at].size);
		if (areas[at].before)
			memcpy(areas[at].before, areas[at].base, areas[at].size);
	}
	current_module = mod;
	mutex_unlock(&lock);
	return NOTIFY_OK;
}

/* Runs of 8-byte words that the notifiers changed, as they were. */
static void emit_changes(const struct area *area)
{
	const u64 *now = area->base, *before = area->before;
	size_t words = area->size / sizeof(u64), at = 0;

	while (before && at < words) {
		size_t start;
		u64 head[2];

		if (now[at] == before[at]) {
			at++;
			continue;
		}
		for (start = at; at < words && now[at] != before[at]; at++)
			;
		head[0] = (u64)area->base;
		head[1] = start * sizeof(u64);
		emit_head(CHANGED, sizeof(head) + (at - start) * sizeof(u64));
		emit(head, sizeof(head));
		emit(before + start, (at - start) * sizeof(u64));
	}
}

static void emit_module(struct module *mod)
{
	struct {
		char name[64];
		u64 module, percpu, percpu_size, percpu_offset, symtab, symbols, strtab, types;
	} begin = { };
	char name[16] = { };
	int at;

	strscpy(begin.name, mod->name, sizeof(begin.name));
	begin.module = (u64)mod;
	begin.percpu = (u64)(__force void *)mod->percpu;
	begin.percpu_size = mod->percpu_size;
	begin.percpu_offset = per_cpu_offset(0);
	if (mod->kallsyms) {
		begin.symtab = (u64)mod->kallsyms->symtab;
		begin.symbols = mod->kallsyms->num_symtab;
		begin.strtab = (u64)mod->kallsyms->strtab;
		begin.types = (u64)mod->kallsyms->typetab;
	}
	emit_head(BEGIN, sizeof(begin));
	emit(&begin, sizeof(begin));
	for (at = 0; at < area_count; at++) {
		const struct area *area = &areas[at];
		u64 length = sizeof(name) + sizeof(u64) + area->size, base = (u64)area->base;

		strscpy_pad(name, area->name, sizeof(name));
		emit_head(AREA, length);
		emit(name, sizeof(name));
		emit(&base, sizeof(base));
		emit(area->base, area->size);
		emit_tail(length);
		emit_changes(area);
	}
	if (mod->percpu_size) {
		emit_head(PERCPU, mod->percpu_size);
		emit(per_cpu_ptr(mod->percpu, 0), mod->percpu_size);
		emit_tail(mod->percpu_size);
	}
	emit_head(END, 0);
}

static bool keeps(const char *name)
{
	const char *at = keep;
	size_t length = strlen(name);

	while (length && (at = strstr(at, name))) {
		if ((at == keep || at[-1] == ',') && (at[length] == ',' || !at[length]))
			return true;
		at += length;
	}
	return false;
}

static int comes_last(struct notifier_block *self, unsigned long state, void *data)
{
	struct module *mod = data;

	if (state != MODULE_STATE_COMING)
		return NOTIFY_DONE;
	mutex_lock(&lock);
	if (record && current_module == mod)
		emit_module(mod);
	forget();
	mutex_unlock(&lock);
	if (!keeps(mod->name)) {
		mod->init = NULL;
		mod->exit = NULL;
	}
	return NOTIFY_OK;
}

static struct notifier_block first = { .notifier_call = comes_first, .priority = INT_MAX };
static struct notifier_block last = { .notifier_call = comes_last, .priority = INT_MIN };

static int __init capture_init(void)
{
	int error = register_module_notifier(&last);

	if (!error)
		error = register_module_notifier(&first);
	if (!error && place)
		error = register_kprobe(&relocation);
	return error;
}

module_init(capture_init);
MODULE_DESCRIPTION("Records modules as the loader left them");
MODULE_LICENSE("GPL");
