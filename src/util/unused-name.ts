/** `base` if it is free, else `base` with the first number from 2 that makes it so. */
export function unusedName(base: string, separator: string, taken: (name: string) => boolean): string {
  if (!taken(base)) return base;
  for (let n = 2; ; n++) if (!taken(`${base}${separator}${n}`)) return `${base}${separator}${n}`;
}
