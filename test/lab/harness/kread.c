// SPDX-License-Identifier: GPL-2.0-only
// kread ADDRESS LENGTH [ADDRESS LENGTH]...: kernel memory as it is now, one line of hex for each range, "?" for one that
// cannot be read. Runs in the lab's kernel, linked statically. /proc/kcore is an ELF file with one segment for each
// range of kernel addresses that exist.
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static Elf64_Ehdr header;
static Elf64_Phdr *segments;

static int open_core(void) {
  int core = open("/proc/kcore", O_RDONLY);
  if (core < 0 || pread(core, &header, sizeof header, 0) != sizeof header) return -1;
  size_t size = (size_t)header.e_phnum * sizeof *segments;
  segments = malloc(size);
  if (!segments || pread(core, segments, size, header.e_phoff) != (ssize_t)size) return -1;
  return core;
}

static int print_range(int core, uint64_t address, uint64_t length) {
  for (int i = 0; i < header.e_phnum; i++) {
    const Elf64_Phdr *segment = &segments[i];
    if (segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
    uint64_t start = address - segment->p_vaddr;
    if (start > segment->p_memsz || length > segment->p_memsz - start) continue;
    unsigned char *bytes = malloc(length ? length : 1);
    if (!bytes || pread(core, bytes, length, segment->p_offset + start) != (ssize_t)length) return 0;
    for (uint64_t k = 0; k < length; k++) printf("%02x", bytes[k]);
    putchar('\n');
    free(bytes);
    return 1;
  }
  return 0;
}

int main(int count, char **arguments) {
  int core = open_core(), failed = 0;
  if (core < 0 || count < 3 || count % 2 == 0) {
    fputs("kread: usage: kread ADDRESS LENGTH [ADDRESS LENGTH]...; needs /proc/kcore\n", stderr);
    return 2;
  }
  for (int i = 1; i + 1 < count; i += 2) {
    if (print_range(core, strtoull(arguments[i], 0, 16), strtoull(arguments[i + 1], 0, 0))) continue;
    puts("?");
    failed = 1;
  }
  return failed;
}
