/**
 * Structures of kernels without BTF, measured with their own headers and compiler (test/lab/loader/structures). A row is
 * found by the checksum of `module_layout`: genksyms computes it over the full types of `struct module`, `kernel_param`,
 * `kernel_symbol` and `tracepoint`, so another layout has another checksum.
 */
interface MeasuredStructures {
  readonly sizes: Readonly<Record<string, number>>;
  /** Offsets in `struct module`. */
  readonly moduleFields: Readonly<Record<string, number>>;
}

const ROWS: ReadonlyMap<number, MeasuredStructures> = new Map([
  [
    // Debian 12: 6.1.0-50-powerpc64le
    0xd82c4d06,
    {
      sizes: {
        module: 1024,
        mod_arch_specific: 80,
        module_layout: 80,
        mod_kallsyms: 32,
        kernel_param: 40,
        kernel_symbol: 24,
        modversion_info: 64,
        module_version_attribute: 72,
        exception_table_entry: 8,
        bug_entry: 12,
        jump_entry: 16,
        bpf_raw_event_map: 32,
        error_injection_entry: 16,
        _ddebug: 56,
        ddebug_class_map: 56,
        tracepoint: 72,
        trace_event_call: 144,
        trace_eval_map: 24,
        srcu_struct: 392,
        // These two are private to a source file: counted from module_64.c and feature-fixups.c.
        ppc64_stub_entry: 40,
        fixup_entry: 48,
      },
      moduleFields: {
        state: 0,
        list: 8,
        name: 24,
        mkobj: 80,
        modinfo_attrs: 176,
        version: 184,
        srcversion: 192,
        holders_dir: 200,
        syms: 208,
        crcs: 216,
        num_syms: 224,
        param_lock: 232,
        kp: 264,
        num_kp: 272,
        num_gpl_syms: 276,
        gpl_syms: 280,
        gpl_crcs: 288,
        using_gplonly_symbols: 296,
        sig_ok: 297,
        async_probe_requested: 298,
        num_exentries: 300,
        extable: 304,
        init: 312,
        core_layout: 384,
        init_layout: 464,
        arch: 544,
        'arch.stubs_section': 544,
        'arch.toc_section': 548,
        'arch.toc_fixed': 552,
        'arch.start_opd': 560,
        'arch.end_opd': 568,
        'arch.tramp': 576,
        'arch.tramp_regs': 584,
        'arch.bug_list': 592,
        'arch.bug_table': 608,
        'arch.num_bugs': 616,
        taints: 624,
        num_bugs: 632,
        bug_list: 640,
        bug_table: 656,
        kallsyms: 664,
        core_kallsyms: 672,
        sect_attrs: 704,
        notes_attrs: 712,
        args: 720,
        percpu: 728,
        percpu_size: 736,
        noinstr_text_start: 744,
        noinstr_text_size: 752,
        num_tracepoints: 756,
        tracepoints_ptrs: 760,
        num_bpf_raw_events: 784,
        bpf_raw_events: 792,
        jump_entries: 816,
        num_jump_entries: 824,
        trace_events: 840,
        num_trace_events: 848,
        trace_evals: 856,
        num_trace_evals: 864,
        num_ftrace_callsites: 868,
        ftrace_callsites: 872,
        source_list: 912,
        target_list: 928,
        exit: 944,
        refcnt: 952,
      },
    },
  ],
]);

/** @param layoutCrc checksum of the export `module_layout` */
export function measuredStructures(layoutCrc: number | undefined): MeasuredStructures | undefined {
  return layoutCrc === undefined ? undefined : ROWS.get(layoutCrc);
}
