/** The part of the elf-tools package (1.1.2, which has no types) that tocsin uses. Fields are named as the package names them. */
declare module 'elf-tools' {
  interface ParsedSection {
    readonly header: {
      readonly name: string;
      /** The package's word for `sh_type`; undefined for a type that it has no word for. */
      readonly type: string | undefined;
      readonly addr: number;
      readonly offset: number;
      readonly size: number;
      readonly link: number;
      readonly info: number;
      readonly addralign: number;
      readonly entsize: number;
    };
    readonly data: Buffer;
  }

  interface ParsedImage {
    readonly header: {
      readonly class: string;
      readonly endian: string;
      readonly type: string;
      readonly machine: string;
      readonly flags: number;
      readonly shoff: number;
      readonly shnum: number;
      readonly shstrndx: number;
    };
    readonly sections: readonly ParsedSection[];
  }

  const elfTools: {
    /** Reverses 8-byte fields of the headers in `image` itself, and gives views of it as contents. */
    parse(image: Buffer): ParsedImage;
  };
  export default elfTools;
}
