/** The part of the Capstone port that is used here; the package ships no types. */
declare module '@alexaltea/capstone-js' {
  interface CapstoneInstruction {
    /** A signed 64-bit number, also for addresses of the kernel. */
    readonly address: bigint;
    readonly size: number;
    readonly mnemonic: string;
    readonly op_str: string;
  }

  interface CapstoneHandle {
    /** Throws when not even the first word is an instruction. */
    disasm(bytes: readonly number[], address: number | bigint): readonly CapstoneInstruction[];
    close(): void;
  }

  interface CapstoneModule {
    readonly ARCH_PPC: number;
    readonly MODE_64: number;
    readonly MODE_LITTLE_ENDIAN: number;
    readonly Capstone: new (architecture: number, mode: number) => CapstoneHandle;
  }

  export default function load(): Promise<CapstoneModule>;
}
