// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the compiler says of the structures that tocsin knows without the kernel's types: each value is a variable that the
 * test reads from the object, `size__STRUCT` and `offset__MEMBER` (of struct module).
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/bug.h>
#include <linux/dynamic_debug.h>
#include <linux/error-injection.h>
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/trace_events.h>
#include <linux/tracepoint.h>
#include <linux/version.h>
#include <asm/extable.h>

#define SIZE(structure) const unsigned long size__##structure __used = sizeof(struct structure)
#define OFFSET(member) const unsigned long offset__##member __used = offsetof(struct module, member)
#define ARCH_OFFSET(member) const unsigned long offset__arch__##member __used = offsetof(struct module, arch.member)

SIZE(module);
SIZE(mod_arch_specific);
SIZE(mod_kallsyms);
SIZE(kernel_param);
SIZE(modversion_info);
SIZE(module_version_attribute);
SIZE(exception_table_entry);
SIZE(bug_entry);
SIZE(jump_entry);
SIZE(bpf_raw_event_map);
SIZE(_ddebug);
SIZE(ddebug_class_map);
SIZE(tracepoint);
SIZE(trace_event_call);
SIZE(trace_eval_map);

OFFSET(state);
OFFSET(list);
OFFSET(name);
OFFSET(mkobj);
OFFSET(modinfo_attrs);
OFFSET(version);
OFFSET(srcversion);
OFFSET(holders_dir);
OFFSET(syms);
OFFSET(crcs);
OFFSET(num_syms);
OFFSET(param_lock);
OFFSET(kp);
OFFSET(num_kp);
OFFSET(using_gplonly_symbols);
OFFSET(sig_ok);
OFFSET(async_probe_requested);
OFFSET(num_exentries);
OFFSET(extable);
OFFSET(init);
OFFSET(arch);
ARCH_OFFSET(stubs_section);
OFFSET(taints);
OFFSET(num_bugs);
OFFSET(bug_list);
OFFSET(bug_table);
OFFSET(kallsyms);
OFFSET(core_kallsyms);
OFFSET(sect_attrs);
OFFSET(notes_attrs);
OFFSET(args);
OFFSET(percpu);
OFFSET(percpu_size);
OFFSET(noinstr_text_start);
OFFSET(noinstr_text_size);
OFFSET(num_tracepoints);
OFFSET(tracepoints_ptrs);
OFFSET(num_bpf_raw_events);
OFFSET(bpf_raw_events);
OFFSET(jump_entries);
OFFSET(num_jump_entries);
OFFSET(trace_events);
OFFSET(num_trace_events);
OFFSET(trace_evals);
OFFSET(num_trace_evals);
OFFSET(num_ftrace_callsites);
OFFSET(ftrace_callsites);
OFFSET(source_list);
OFFSET(target_list);
OFFSET(exit);
OFFSET(refcnt);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
SIZE(module_layout);
SIZE(kernel_symbol);
OFFSET(core_layout);
OFFSET(init_layout);
OFFSET(num_gpl_syms);
OFFSET(gpl_syms);
OFFSET(gpl_crcs);
ARCH_OFFSET(toc_section);
ARCH_OFFSET(toc_fixed);
ARCH_OFFSET(start_opd);
ARCH_OFFSET(end_opd);
ARCH_OFFSET(tramp);
ARCH_OFFSET(tramp_regs);
ARCH_OFFSET(bug_list);
ARCH_OFFSET(bug_table);
ARCH_OFFSET(num_bugs);
#else
SIZE(module_memory);
OFFSET(mem);
#endif

#ifdef CONFIG_PPC_FTRACE_OUT_OF_LINE
SIZE(ftrace_ool_stub);
#endif

MODULE_DESCRIPTION("Sizes and offsets of the kernel's structures");
MODULE_LICENSE("GPL");
