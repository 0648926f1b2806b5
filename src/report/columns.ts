/**
 * Plain columns, two blanks apart, each as wide as its widest cell.
 *
 * @param right numbers of the columns that are aligned to the right
 */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  const last = widths.length - 1;
  const pad = (cell: string, i: number) => {
    if (right.includes(i)) return cell.padStart(widths[i]!);
    return i === last ? cell : cell.padEnd(widths[i]!);
  };
  return rows.map(row => row.map(pad).join('  ').trimEnd()).join('\n');
}
