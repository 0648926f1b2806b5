/** Names that new sections and symbols get, so that backtraces, `/proc/kallsyms` and `readelf` tell whose code it is. */

export function trampolineSymbol(
  strategy: 'direct' | 'frame' | 'hook' | 'body' | 'shadow' | 'custom' | 'continue' | 'enter' | 'island',
  from: string,
): string {
  return `__tocsin_${strategy}_${from}`;
}

/**
 * Where code that stands in for a function of section `home` goes: init code with the init part, which the kernel frees
 * after loading, all else with the text that stays. The kernel sorts sections by the beginning of their names.
 */
export function codeSection(home: string): string {
  return home.startsWith('.init') ? '.init.text.tocsin' : '.text.tocsin';
}
