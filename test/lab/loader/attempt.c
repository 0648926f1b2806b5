// SPDX-License-Identifier: GPL-2.0-only
// attempt LIST INPUT REPORT [unload] [FORGET]: loads modules one after the other and reports on each. Runs in the lab's
// kernel, linked statically.
//
// LIST has a line for each module: INDEX OFFSET BYTES NAME [PARAMETERS]; its bytes lie at that offset of INPUT, a block
// device. The report goes to REPORT, another one, as text that ends with a zero byte, and is on the disk before the
// kernel is asked, so that the host knows what was tried last when the machine goes down:
//   @try INDEX NAME
//   @log PRIORITY TEXT         what the kernel logged meanwhile; continuation lines follow as `@more TEXT`
//   @done INDEX ERRNO MICROSECONDS
//   @place NAME KIND=ADDRESS ...  where the loader put what it relocated, with capture.ko's parameter `place`
//   @section NAME ADDRESS      of a module that was loaded
//   @unload ERRNO              with `unload`, after which its log lines follow as `@bye PRIORITY TEXT`
//   @end                       all were tried
//   @hang                      in place of @done: it did not come back in time
//   @warned INDEX              the kernel warned of itself meanwhile
// With `unload`, a kernel that is wounded, when a module is loaded or unloaded, ends the session: what follows wants a fresh
// machine.
// FORGET is written to the parameter of that name of capture.ko before each attempt.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char report[1 << 22];
static size_t used, written;
static int report_fd, log_fd, troubled;

static void say(const char *format, ...) {
  va_list list;
  __builtin_va_start(list, format);
  int size = vsnprintf(report + used, sizeof report - used, format, list);
  __builtin_va_end(list);
  if (size > 0 && used + size < sizeof report - 1) used += size;
}

static void flush(void) {
  // One zero more each time: where the text ends, for now.
  report[used] = 0;
  if (pwrite(report_fd, report, used + 1, written) != (ssize_t)used + 1 || fdatasync(report_fd)) {
    perror("attempt: report");
    exit(1);
  }
  written += used;
  used = 0;
}

/* A warning, and what leaves a kernel that answers differently from then on. */
static const char *const warnings[] = {"WARNING:", "------------[ cut here"};
static const char *const wounds[] = {"Oops", "BUG", "Unable to handle"};
enum { WARNED = 1, WOUNDED = 2 };

static int has_any(const char *text, const char *const *list, size_t size) {
  for (size_t i = 0; i < size / sizeof *list; i++)
    if (strstr(text, list[i])) return 1;
  return 0;
}

/* Ends what the kernel still holds back: a line without its line feed is a record only when the next one begins. */
static const char flush_line[] = "<15>attempt: flush\n";

/* The log's records since the last time. */
static void read_log(const char *tag) {
  static char record[16384];
  if (write(log_fd, flush_line, sizeof flush_line - 1) < 0) perror("attempt: log");
  for (;;) {
    ssize_t size = read(log_fd, record, sizeof record - 1);
    if (size < 0 && errno == EPIPE) continue;
    if (size <= 0) return;
    record[size] = 0;
    char *text = strchr(record, ';');
    if (!text) continue;
    text++;
    if (!strncmp(text, flush_line + 4, sizeof flush_line - 5)) continue;
    if (has_any(text, warnings, sizeof warnings)) troubled |= WARNED;
    if (has_any(text, wounds, sizeof wounds)) troubled |= WOUNDED;
    char *line = strtok(text, "\n");
    if (!line) {
      if (tag) say("@%s %d \n", tag, atoi(record) & 7);
      continue;
    }
    if (tag) say("@%s %d %s\n", tag, atoi(record) & 7, line);
    // Lines that begin with a space are the record's dictionary.
    while ((line = strtok(0, "\n")))
      if (tag && line[0] != ' ') say("@more %s\n", line);
  }
}

static void read_placement(void) {
  char text[1024];
  int fd = open("/sys/module/capture/parameters/placement", O_RDONLY);
  if (fd < 0) return;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 1) return;
  text[size - 1] = 0;
  say("@place %s\n", text);
}

static void read_sections(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "/sys/module/%s/sections", name);
  DIR *folder = opendir(path);
  if (!folder) return;
  int folder_fd = dirfd(folder);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    int fd = openat(folder_fd, entry->d_name, O_RDONLY);
    if (fd < 0) continue;
    char text[64];
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) continue;
    text[size] = 0;
    text[strcspn(text, "\n")] = 0;
    say("@section %s %s\n", entry->d_name, text);
  }
  closedir(folder);
}

/* The module that was loaded last, as the kernel names it. */
static int newest(char *name, size_t size) {
  FILE *list = fopen("/proc/modules", "r");
  if (!list) return 0;
  char line[256];
  int found = fgets(line, sizeof line, list) != 0;
  fclose(list);
  if (!found) return 0;
  line[strcspn(line, " ")] = 0;
  if (strlen(line) >= size) return 0;
  strcpy(name, line);
  return 1;
}

static void forget(const char *value) {
  int fd = open("/sys/module/capture/parameters/forget", O_WRONLY);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) perror("attempt: forget");
  close(fd);
  // Warnings that are given once.
  fd = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);
  if (fd < 0 || write(fd, "1", 1) < 0) perror("attempt: clear_warn_once");
  close(fd);
}

static int copy(int input, int module, unsigned long offset, unsigned long size) {
  static char buffer[1 << 20];
  while (size) {
    size_t part = size < sizeof buffer ? size : sizeof buffer;
    ssize_t got = pread(input, buffer, part, offset);
    if (got <= 0 || write(module, buffer, got) != got) return -1;
    offset += got;
    size -= got;
  }
  return 0;
}

static long microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What a broken module may take, which is small, and a good one, which may be amdgpu. */
enum { BROKEN_SECONDS = 40, GOOD_SECONDS = 300 };

/* In a process of its own: one that waits forever in the kernel must not stop the others. */
static int load(int module, const char *parameters, int seconds) {
  int pipe_fd[2], error = 0;
  if (pipe(pipe_fd)) exit(1);
  pid_t child = fork();
  if (child == 0) {
    error = syscall(SYS_finit_module, module, parameters, 0) ? errno : 0;
    if (write(pipe_fd[1], &error, sizeof error) < 0) exit(1);
    _exit(0);
  }
  close(pipe_fd[1]);
  struct pollfd wait = {pipe_fd[0], POLLIN, 0};
  if (poll(&wait, 1, seconds * 1000) != 1 || read(pipe_fd[0], &error, sizeof error) != sizeof error) {
    read_log("log");
    say("@hang\n");
    flush();
    exit(0);
  }
  close(pipe_fd[0]);
  waitpid(child, 0, 0);
  return error;
}

static void attempt(int input, unsigned index, unsigned long offset, unsigned long size, const char *name,
                    const char *parameters, int unload, const char *memory) {
  char loaded[256] = "";
  // A memfd is a regular file to finit_module(2), which wants nobody to have it open for writing.
  char self[64];
  int writable = memfd_create("module", 0);
  say("@try %u %s\n", index, name);
  flush();
  if (writable < 0 || copy(input, writable, offset, size)) {
    perror("attempt: input");
    exit(1);
  }
  snprintf(self, sizeof self, "/proc/self/fd/%d", writable);
  int module = open(self, O_RDONLY);
  close(writable);
  read_log(0);
  troubled = 0;
  long start = microseconds();
  int error = load(module, parameters, unload ? BROKEN_SECONDS : GOOD_SECONDS);
  long end = microseconds();
  close(module);
  read_log("log");
  say("@done %u %d %ld\n", index, error, end - start);
  read_placement();
  if (troubled) say("@warned %u\n", index);
  if (!error && newest(loaded, sizeof loaded)) {
    read_sections(loaded);
    if (unload) {
      // A tracer that is off would keep records of a module that is gone.
      if (memory) forget(memory);
      say("@unload %d\n", syscall(SYS_delete_module, loaded, O_NONBLOCK) ? errno : 0);
      read_log("bye");
    }
  }
  flush();
  if ((troubled & WOUNDED) && unload) exit(0);
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  FILE *list = fopen(arguments[1], "r");
  int input = open(arguments[2], O_RDONLY), unload = 0;
  report_fd = open(arguments[3], O_RDWR);
  log_fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
  const char *memory = 0;
  for (int i = 4; i < count; i++) {
    if (!strcmp(arguments[i], "unload")) unload = 1;
    else memory = arguments[i];
  }
  if (!list || input < 0 || report_fd < 0 || log_fd < 0) {
    perror("attempt");
    return 1;
  }
  char line[4096];
  while (fgets(line, sizeof line, list)) {
    unsigned index;
    unsigned long offset, size;
    char name[256];
    int rest = 0;
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "%u %lu %lu %255s %n", &index, &offset, &size, name, &rest) < 4) continue;
    if (memory) forget(memory);
    attempt(input, index, offset, size, name, line + rest, unload, memory);
  }
  say("@end\n");
  flush();
  return 0;
}
