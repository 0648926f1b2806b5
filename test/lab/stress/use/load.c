// use load LIST, use unload LIST: each module of a list of paths and parameters is loaded, or unloaded, in a process of its own, which
// may take so long and no longer. `LOAD NAME ERRNO` and `UNLOAD NAME ERRNO` are printed; the kernel's log has a mark before each.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "use.h"

#define PATIENCE 60

static void mark(const char *what, const char *name)
{
	int log = open("/dev/kmsg", O_WRONLY);

	dprintf(log, "tocsin-stress: %s %s\n", what, name);
	close(log);
}

static int load_one(const char *path, const char *parameters)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	return file >= 0 && syscall(SYS_finit_module, file, parameters, 0) == 0 ? 0 : errno;
}

/* Sockets that have been closed may hold their module for a while. */
static int unload_one(const char *name, const char *unused)
{
	for (int tries = 0;; tries++) {
		if (syscall(SYS_delete_module, name, O_NONBLOCK) == 0)
			return 0;
		if (errno != EAGAIN || tries == 30)
			return errno;
		usleep(100000);
	}
}

/* What the process ended with; -1 where it did not. */
static int bounded(int (*run)(const char *, const char *), const char *first, const char *second)
{
	pid_t child = must(fork(), "fork");

	if (child == 0)
		_exit(run(first, second));
	for (int waited = 0; waited < PATIENCE * 100; waited++) {
		int status;

		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		nanosleep(&(struct timespec){ .tv_nsec = waited < 100 ? 1000000 : 10000000 }, NULL);
	}
	kill(child, SIGKILL);
	return -1;
}

static void name_of(char *name, const char *path)
{
	char copy[512];
	char *end;

	snprintf(copy, sizeof copy, "%s", path);
	snprintf(name, 128, "%s", basename(copy));
	if ((end = strstr(name, ".ko")) != NULL)
		*end = 0;
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

int load(char **arguments)
{
	FILE *list = fopen(arguments[0], "r");
	char line[1024], name[128];

	while (list != NULL && fgets(line, sizeof line, list)) {
		char *parameters = line + strcspn(line, " \n");

		if (*parameters == ' ')
			*parameters++ = 0;
		parameters[strcspn(parameters, "\n")] = 0;
		name_of(name, line);
		mark("load", name);
		printf("LOAD %s %d\n", name, bounded(load_one, line, parameters));
	}
	mark("load", "-");
	return 0;
}

int unload(char **arguments)
{
	static char names[2048][128];
	FILE *list = fopen(arguments[0], "r");
	char line[1024];
	int count = 0;

	while (list != NULL && count < 2048 && fgets(line, sizeof line, list)) {
		line[strcspn(line, " \n")] = 0;
		name_of(names[count++], line);
	}
	while (count-- > 0) {
		mark("unload", names[count]);
		printf("UNLOAD %s %d\n", names[count], bounded(unload_one, names[count], NULL));
	}
	mark("unload", "-");
	return 0;
}
