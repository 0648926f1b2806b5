// SPDX-License-Identifier: GPL-2.0-only
// What the fixed functions do, seen from a program. Runs in the lab's kernel, linked statically.
//
//	probe getsockopt	asks pn_pep for one byte of an option and prints what is in the buffer of eight after it
//	probe message		sends a message to a new device-mapper device that has no table yet, prints the result
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/dm-ioctl.h>
#include <linux/phonet.h>

#ifndef SOL_PNPIPE
#define SOL_PNPIPE 275
#endif

static int getsockopt_of_pipe(void) {
  unsigned char buffer[8];
  socklen_t length = 1;
  int pipe = socket(AF_PHONET, SOCK_SEQPACKET, PN_PROTO_PIPE);
  if (pipe < 0) return perror("socket"), 1;
  memset(buffer, 0xaa, sizeof buffer);
  if (getsockopt(pipe, SOL_PNPIPE, PNPIPE_ENCAP, buffer, &length) != 0) return perror("getsockopt"), 1;
  printf("length=%u bytes=", (unsigned)length);
  for (unsigned at = 0; at < sizeof buffer; at++) printf("%02x", buffer[at]);
  puts("");
  return 0;
}

static struct {
  struct dm_ioctl head;
  struct dm_target_msg target;
  char text[64];
} request;

static int call(int control, unsigned long command) {
  memset(&request.head, 0, sizeof request.head);
  request.head.version[0] = DM_VERSION_MAJOR;
  request.head.data_size = sizeof request;
  request.head.data_start = sizeof request.head;
  strcpy(request.head.name, "walkthrough");
  return ioctl(control, command, &request);
}

static int message_to_device(void) {
  int control = open("/dev/mapper/control", O_RDWR);
  if (control < 0) return perror("/dev/mapper/control"), 1;
  if (call(control, DM_DEV_CREATE) != 0) return perror("DM_DEV_CREATE"), 1;
  strcpy(request.target.message, "hello");
  int result = call(control, DM_TARGET_MSG), error = errno;
  printf("result=%d error=%s\n", result, result < 0 ? strerror(error) : "none");
  if (call(control, DM_DEV_REMOVE) != 0) return perror("DM_DEV_REMOVE"), 1;
  return close(control);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "getsockopt") == 0) return getsockopt_of_pipe();
  if (argc == 2 && strcmp(argv[1], "message") == 0) return message_to_device();
  fputs("usage: probe getsockopt|message\n", stderr);
  return 2;
}
