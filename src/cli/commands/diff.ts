export async function diffCommand(_request: unknown): Promise<number> { return 2; }
