// SPDX-License-Identifier: GPL-2.0-only
// load FILE [PARAMETERS]: has the kernel load a module and prints its error, 0 where there was none. Runs in the lab's
// kernel, linked statically.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2) return 2;
  int file = open(arguments[1], O_RDONLY);
  if (file < 0) {
    perror(arguments[1]);
    return 2;
  }
  printf("%d\n", syscall(SYS_finit_module, file, count > 2 ? arguments[2] : "", 0) ? errno : 0);
  return 0;
}
