// What the exercises share. Each prints what is to be seen of a subsystem, the same at every run, and returns 0, or says why not.
#ifndef USE_H
#define USE_H
#include <stddef.h>
#include <stdint.h>

/* Ends the program with what went wrong. */
_Noreturn void die(const char *what);
/* Returns `result`, unless it is negative: then that is the end. */
long must(long result, const char *what);
/* FNV-1a, to be begun with DIGEST. */
#define DIGEST 0xcbf29ce484222325ul
uint64_t digest(uint64_t sum, const void *bytes, size_t length);
/* The same bytes for the same seed. */
void fill(unsigned char *bytes, size_t length, uint32_t seed);
/* Writes to a file in /proc, /sys and the like. */
void put(const char *path, const char *text);
void read_all(int file, void *bytes, size_t length);
void write_all(int file, const void *bytes, size_t length);
void loop_up(void);
/* Sends so many bytes over a connected pair of sockets, and back; prints a digest of what came. */
void talk(const char *name, int here, int there, size_t length);
/* Writes to a block device, reads past the page cache, prints a digest. */
void device_bytes(const char *name, const char *path, size_t length);

int use_files(char **arguments);
int use_tree(char **arguments);
int use_alg(char **arguments);
int use_dm(char **arguments);
int use_md(char **arguments);
int use_nbd(char **arguments);
int use_device(char **arguments);
int use_links(char **arguments);
int use_sockets(char **arguments);
int use_tcp(char **arguments);
int use_nft(char **arguments);
int use_tap(char **arguments);
int use_input(char **arguments);
int use_sound(char **arguments);
int use_fuse(char **arguments);
int load(char **arguments);
int unload(char **arguments);
#endif
