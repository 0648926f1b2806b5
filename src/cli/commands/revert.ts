export async function revertCommand(_request: unknown): Promise<number> { return 2; }
