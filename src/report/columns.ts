/**
 * Plain columns, two blanks apart, each as wide as its widest cell.
 *
 * @param right numbers of the columns that are aligned to the right
 */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) for (let i = 0; i < row.length; i++) widths[i] = Math.max(widths[i] ?? 0, row[i]!.length);
  const last = widths.length - 1;
  const isRight = widths.map((_, i) => right.includes(i));
  // A table may have thousands of rows: nothing is made for a cell but the cell.
  const lines: string[] = [];
  for (const row of rows) {
    let line = '';
    for (let i = 0; i < row.length; i++) {
      const cell = row[i]!;
      if (i > 0) line += '  ';
      if (isRight[i]) line += cell.padStart(widths[i]!);
      else line += i === last ? cell : cell.padEnd(widths[i]!);
    }
    lines.push(line.trimEnd());
  }
  return lines.join('\n');
}
