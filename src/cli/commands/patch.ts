export async function patchCommand(_request: unknown): Promise<number> { return 2; }
