// use EXERCISE [ARGUMENT]...: uses a subsystem of the kernel and prints what is to be seen.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "use.h"

static const struct {
	const char *name;
	int (*run)(char **arguments);
} exercises[] = {
	{ "files", use_files },	    { "tree", use_tree },	{ "alg", use_alg },   { "dm", use_dm },	      { "md", use_md },
	{ "nbd", use_nbd },	    { "device", use_device },	{ "links", use_links }, { "sockets", use_sockets },
	{ "tcp", use_tcp },	    { "nft", use_nft },	  { "tap", use_tap },	    { "input", use_input },
	{ "sound", use_sound },	    { "fuse", use_fuse },	{ "load", load },     { "unload", unload },
};

void die(const char *what)
{
	fflush(stdout);
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

long must(long result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

uint64_t digest(uint64_t sum, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
	return sum;
}

void fill(unsigned char *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = seed >> 24;
	}
}

void put(const char *path, const char *text)
{
	int file = must(open(path, O_WRONLY), path);

	must(write(file, text, strlen(text)), path);
	close(file);
}

void read_all(int file, void *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t got = must(read(file, (char *)bytes + at, length - at), "read");

		if (got == 0) {
			errno = EPIPE;
			die("read");
		}
		at += got;
	}
}

void write_all(int file, const void *bytes, size_t length)
{
	for (size_t at = 0; at < length;)
		at += must(write(file, (const char *)bytes + at, length - at), "write");
}

int main(int count, char **arguments)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; count > 1 && i < sizeof exercises / sizeof *exercises; i++)
		if (strcmp(arguments[1], exercises[i].name) == 0)
			return exercises[i].run(arguments + 2);
	fprintf(stderr, "usage: see the beginning of main.c\n");
	return 2;
}
