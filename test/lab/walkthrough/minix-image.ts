// A Minix file system of version 3 whose superblock says that its blocks have 1,000 bytes. No block device can have such
// blocks: sb_set_blocksize() fails. Everything else is right for blocks of 1,024 bytes.

const BLOCK = 1024;
const INODE = 64;
const ENTRY = 64;
const DIRECTORY = 0o040755;
const FILE = 0o100644;

/** Blocks: boot, superblock, inode bitmap, zone bitmap, inodes (4 to 7), root directory, the file. */
const FIRST_ZONE = 8;
const ZONES = 64;

/** The image, 64 KiB. It has one file, `hello`, with the given text. */
export function minixImage(text: string): Uint8Array {
  const image = new Uint8Array(ZONES * BLOCK);
  const view = new DataView(image.buffer);
  const encoder = new TextEncoder();

  // struct minix3_super_block
  view.setUint32(BLOCK, 64, true); // s_ninodes
  view.setUint16(BLOCK + 6, 1, true); // s_imap_blocks
  view.setUint16(BLOCK + 8, 1, true); // s_zmap_blocks
  view.setUint16(BLOCK + 10, FIRST_ZONE, true); // s_firstdatazone
  view.setUint32(BLOCK + 16, 0x7fffffff, true); // s_max_size
  view.setUint32(BLOCK + 20, ZONES, true); // s_zones
  view.setUint16(BLOCK + 24, 0x4d5a, true); // s_magic
  view.setUint16(BLOCK + 28, 1000, true); // s_blocksize

  image[2 * BLOCK] = 0b111; // inodes 1 and 2; 0 does not exist
  image[3 * BLOCK] = 0b111; // zones 8 and 9

  const inode = (number: number, mode: number, links: number, size: number, zone: number) => {
    const at = 4 * BLOCK + (number - 1) * INODE; // struct minix2_inode
    view.setUint16(at, mode, true);
    view.setUint16(at + 2, links, true);
    view.setUint32(at + 8, size, true);
    view.setUint32(at + 24, zone, true);
  };
  inode(1, DIRECTORY, 2, 3 * ENTRY, FIRST_ZONE);
  inode(2, FILE, 1, text.length, FIRST_ZONE + 1);
  for (const [at, [number, name]] of (
    [
      [1, '.'],
      [1, '..'],
      [2, 'hello'],
    ] as const
  ).entries()) {
    view.setUint32(FIRST_ZONE * BLOCK + at * ENTRY, number, true);
    image.set(encoder.encode(name), FIRST_ZONE * BLOCK + at * ENTRY + 4);
  }
  image.set(encoder.encode(text), (FIRST_ZONE + 1) * BLOCK);
  return image;
}
