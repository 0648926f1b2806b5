// use files DIRECTORY: makes a tree there. use tree DIRECTORY: prints a digest of names, kinds, sizes and contents of a tree.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "use.h"

static unsigned char bytes[1 << 18];

static void write_file(const char *path, size_t length, uint32_t seed)
{
	int file = must(open(path, O_CREAT | O_RDWR | O_TRUNC, 0644), path);

	fill(bytes, length, seed);
	write_all(file, bytes, length);
	if (seed % 5 == 0)
		must(fsync(file), "fsync");
	close(file);
}

int use_files(char **arguments)
{
	char path[256], other[256];
	int file, links;

	must(chdir(arguments[0]), arguments[0]);
	for (int d = 0; d < 8; d++) {
		snprintf(path, sizeof path, "dir%d", d);
		must(mkdir(path, 0755), path);
	}
	for (int d = 0; d < 8; d++) {
		for (int f = 0; f < 20; f++) {
			snprintf(path, sizeof path, "dir%d/f%d", d, f);
			write_file(path, (d * 20 + f) * 397 + (f == 7 ? 150000 : 0), d * 20 + f);
		}
		snprintf(path, sizeof path, "dir%d/f3", d);
		snprintf(other, sizeof other, "dir%d/new", (d + 1) % 8);
		must(rename(path, other), "rename");
		snprintf(path, sizeof path, "dir%d/f5", d);
		must(unlink(path), "unlink");
		snprintf(path, sizeof path, "dir%d/f8", d);
		must(truncate(path, 100 + d), "truncate");
	}
	/* A hole, written at its end through a mapping. */
	file = must(open("sparse", O_CREAT | O_RDWR, 0644), "sparse");
	must(ftruncate(file, 200000), "ftruncate");
	unsigned char *map = mmap(NULL, 200000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (map != MAP_FAILED) {
		fill(map + 150000, 1000, 77);
		must(msync(map, 200000, MS_SYNC), "msync");
		munmap(map, 200000);
	}
	close(file);
	links = symlink("dir1/f2", "symbolic") == 0;
	links += link("dir2/f9", "hard") == 0 ? 2 : 0;
	links += mkfifo("fifo", 0600) == 0 ? 4 : 0;
	printf("links %d, map %d\n", links, map != MAP_FAILED);
	sync();
	return 0;
}

static unsigned long count, total;

static uint64_t walk(uint64_t sum, const char *path)
{
	struct dirent **entries;
	struct stat st;
	char target[256] = "";

	must(lstat(path, &st), path);
	sum = digest(sum, path, strlen(path));
	sum = digest(sum, &(unsigned){ st.st_mode & S_IFMT }, sizeof(unsigned));
	count++;
	if (S_ISLNK(st.st_mode))
		return digest(sum, target, must(readlink(path, target, sizeof target), path));
	if (S_ISREG(st.st_mode)) {
		int file = must(open(path, O_RDONLY), path);
		ssize_t got;

		while ((got = must(read(file, bytes, sizeof bytes), path)) > 0) {
			sum = digest(sum, bytes, got);
			total += got;
		}
		close(file);
	}
	if (!S_ISDIR(st.st_mode))
		return sum;
	int found = must(scandir(path, &entries, NULL, alphasort), path);
	for (int i = 0; i < found; i++) {
		char below[512];

		if (strcmp(entries[i]->d_name, ".") == 0 || strcmp(entries[i]->d_name, "..") == 0 ||
		    strcmp(entries[i]->d_name, "lost+found") == 0)
			continue;
		snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
		sum = walk(sum, below);
	}
	return sum;
}

int use_tree(char **arguments)
{
	uint64_t sum;

	must(chdir(arguments[0]), arguments[0]);
	sum = walk(DIGEST, ".");
	printf("%lu entries, %lu bytes, %016lx\n", count, total, (unsigned long)sum);
	return 0;
}
