/**
 * Functions of the kernel that never come back: those it declares `__noreturn` and exports, or calls from code that
 * may be inlined anywhere. What stands behind a call of one is not reached from there.
 */
export const noReturnNames: ReadonlySet<string> = new Set([
  '__stack_chk_fail',
  '__fortify_panic',
  'fortify_panic',
  'usercopy_abort',
  'panic',
  'vpanic',
  'nmi_panic',
  'do_exit',
  'do_group_exit',
  'do_task_dead',
  'make_task_dead',
  'rewind_stack_and_make_dead',
  'kthread_exit',
  'kthread_complete_and_exit',
  '__module_put_and_kthread_exit',
  '__kunit_abort',
  '__ubsan_handle_builtin_unreachable',
  '__reiserfs_panic',
  'arch_cpu_idle_dead',
  'cpu_startup_entry',
  'start_secondary_resume',
  'vfs_panic',
  'abort',
  'longjmp',
  'hmt_exit',
  'machine_real_restart',
  'mpt_halt_firmware',
  'panic_smp_self_stop',
  'nmi_panic_self_stop',
  'rest_init',
  'start_kernel',
  'prom_exit',
  'prom_panic',
  'enter_rtas_loop',
  'unrecoverable_exception',
  'rtas_os_term_panic',
  'opal_shutdown_loop',
  '__noreturn_panic',
]);

export function neverReturns(name: string): boolean {
  return noReturnNames.has(name);
}
