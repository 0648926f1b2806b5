#!/usr/bin/env bash
# kernel-pieces.sh GENERATION MODULE...
#
# What of Debian's kernel the sample modules need to be checked against it, in files of the forms that a kernel build leaves: a
# System.map with the symbols that they import and a few hundred more, the lines of Module.symvers for them, and the options of the
# configuration that decide how modules are loaded. Written to GENERATION/kernel beside this script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
harness=$here/../test/lab/harness
. "$harness/lib.sh"
generation=$1
shift
kernel=$(kernel_folder "$generation")
out=$here/$generation/kernel
nm=powerpc64le-linux-gnu-nm
image=$(find "$kernel" \( -name 'vmlinux-*' -o -name vmlinuz \) -type f -print -quit)
symvers=$(find "$kernel/usr/src" -name Module.symvers -type f -print -quit)
config=$(find "$kernel" \( -path '*/boot/config-*' -o -path '*/modules/*/config' \) -type f -print -quit)
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

$nm -n "$image" | grep -E '^[0-9a-f]{16} ' >"$scratch/map"
{
  $nm -u "$@" | awk 'NF == 2 { print $2 }'
  # What the tracer's stubs lead to, and what shows which options the kernel was built with.
  printf '%s\n' _stext _text _etext _end _sinittext _einittext linux_banner module_layout ftrace_caller ftrace_regs_caller \
    __dynamic_pr_debug arch_jump_label_transform bpf_get_raw_tracepoint btf_module_notify ftrace_nop_ops \
    ftrace_ool_stub_text_end ftrace_release_mod kallsyms_num_syms klp_module_coming module_bug_finalize module_sig_check \
    register_tracepoint_module_notifier sig_enforce trace_event_raw_init
  awk -F'\t' '$3 == "vmlinux" { print $2 }' "$symvers" | LC_ALL=C sort | awk 'NR % 40 == 0'
} | LC_ALL=C sort -u >"$scratch/names"
awk 'NR == FNR { wanted[$1] = 1; next } $3 in wanted' "$scratch/names" "$scratch/map" >"$out/System.map"
awk -F'\t' 'NR == FNR { wanted[$1] = 1; next } $3 == "vmlinux" && $2 in wanted' "$scratch/names" "$symvers" >"$out/Module.symvers"
grep -E -e '^# Linux/' -e '^(# )?CONFIG_(SMP|ARCH_USING_PATCHABLE|PREEMPT|MODULE|MODVERSIONS|LIVEPATCH|DYNAMIC_FTRACE|MPROFILE|PPC_FTRACE|PPC_KERNEL_PCREL|KALLSYMS|JUMP_LABEL|GENERIC_BUG|STRICT_MODULE|DYNAMIC_DEBUG|TRACEPOINTS|EVENT_TRACING|BPF_EVENTS|DEBUG_INFO_BTF|RELOCATABLE|PPC_4K|PPC_64K|PPC64|CPU_LITTLE|FUNCTION_TRACER|EXTENDED_MODVERSIONS|BASIC_MODVERSIONS)' "$config" >"$out/config"
