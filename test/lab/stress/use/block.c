// use device NAME, use dm KIND DEVICE LENGTH, use md LEVEL DEVICE..., use nbd: block devices, written and read past the page cache.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/major.h>
#include <linux/nbd.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <arpa/inet.h>
#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "use.h"

#define PIECE (1 << 18)

void device_bytes(const char *name, const char *path, size_t length)
{
	int file = must(open(path, O_RDWR | O_DIRECT), path);
	unsigned char *bytes;
	uint64_t sum = DIGEST;

	if (posix_memalign((void **)&bytes, 65536, PIECE) != 0)
		abort();
	for (size_t at = 0; at < length; at += PIECE) {
		fill(bytes, PIECE, at + length);
		must(pwrite(file, bytes, PIECE, at), "pwrite");
	}
	must(fsync(file), "fsync");
	for (size_t at = 0; at < length; at += PIECE) {
		must(pread(file, bytes, PIECE, at), "pread");
		sum = digest(sum, bytes, PIECE);
	}
	close(file);
	printf("%s: %zu bytes, %016lx\n", name, length, (unsigned long)sum);
}

int use_device(char **arguments)
{
	device_bytes("device", arguments[0], 2 << 20);
	return 0;
}

/* use dm NAME SECTORS TARGET PARAMETERS: a device of one target, at /dev/dm-N. */
static struct dm_ioctl *request(const char *name)
{
	static char buffer[16384] __attribute__((aligned(8)));
	struct dm_ioctl *dmi = (void *)buffer;

	memset(buffer, 0, sizeof buffer);
	dmi->version[0] = DM_VERSION_MAJOR;
	dmi->data_size = sizeof buffer;
	dmi->data_start = sizeof *dmi;
	snprintf(dmi->name, sizeof dmi->name, "%s", name);
	return dmi;
}

int use_dm(char **arguments)
{
	const char *name = arguments[0];
	int control = must(open("/dev/mapper/control", O_RDWR), "/dev/mapper/control");
	struct dm_ioctl *dmi = request(name);
	char path[32];

	must(ioctl(control, DM_DEV_CREATE, dmi), "create");
	snprintf(path, sizeof path, "/dev/dm-%u", minor(dmi->dev));
	dmi = request(name);
	struct dm_target_spec *spec = (void *)(dmi + 1);
	dmi->target_count = 1;
	spec->length = strtoul(arguments[1], NULL, 0);
	snprintf(spec->target_type, sizeof spec->target_type, "%s", arguments[2]);
	snprintf((char *)(spec + 1), 1024, "%s", arguments[3]);
	int loaded = ioctl(control, DM_TABLE_LOAD, dmi);
	if (loaded == 0) {
		must(ioctl(control, DM_DEV_SUSPEND, request(name)), "resume");
		device_bytes(name, path, 2 << 20);
		dmi = request(name);
		must(ioctl(control, DM_TABLE_STATUS, dmi), "status");
		printf("%s\n", ((struct dm_target_spec *)((char *)dmi + dmi->data_start))->target_type);
	} else {
		printf("table: %s\n", strerror(errno));
	}
	must(ioctl(control, DM_DEV_REMOVE, request(name)), "remove");
	return 0;
}

/* use md NODE LEVEL DEVICE...: an array without superblocks. */
int use_md(char **arguments)
{
	const char *path = arguments[0];
	int level = atoi(arguments[1]), disks = 0;
	mdu_array_info_t array = { .major_version = 0, .minor_version = 90, .level = level, .not_persistent = 1 };

	while (arguments[2 + disks] != NULL)
		disks++;
	mknod(path, S_IFBLK | 0600, makedev(MD_MAJOR, atoi(path + strlen("/dev/md"))));
	int file = must(open(path, O_RDWR), path);
	array.raid_disks = array.nr_disks = disks;
	array.md_minor = atoi(path + strlen("/dev/md"));
	array.size = level == 1 || level == 5 || level == 10 ? 7168 : 0;
	array.chunk_size = level == 1 ? 0 : 65536;
	array.layout = level == 5 ? 2 : level == 10 ? 0x102 : 0;
	array.state = 1 << MD_SB_CLEAN;
	array.active_disks = array.working_disks = disks;
	must(ioctl(file, SET_ARRAY_INFO, &array), "SET_ARRAY_INFO");
	for (int i = 0; i < disks; i++) {
		struct stat st;

		must(stat(arguments[2 + i], &st), arguments[2 + i]);
		mdu_disk_info_t disk = { .number = i, .major = major(st.st_rdev), .minor = minor(st.st_rdev), .raid_disk = i,
					 .state = 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC };
		must(ioctl(file, ADD_NEW_DISK, &disk), "ADD_NEW_DISK");
	}
	must(ioctl(file, RUN_ARRAY, NULL), "RUN_ARRAY");
	device_bytes(path, path, 2 << 20);
	must(ioctl(file, GET_ARRAY_INFO, &array), "GET_ARRAY_INFO");
	printf("level %d, %d of %d disks\n", array.level, array.working_disks, array.raid_disks);
	must(ioctl(file, STOP_ARRAY, NULL), "STOP_ARRAY");
	return 0;
}

/* A server of 4 MB behind /dev/nbd0, and a client of it. */
static void serve(int socket)
{
	static char disk[4 << 20];
	struct nbd_request ask;
	unsigned long requests = 0;

	for (;;) {
		read_all(socket, &ask, sizeof ask);
		uint32_t type = ntohl(ask.type) & 0xffff, length = ntohl(ask.len);
		uint64_t from = be64toh(ask.from);
		struct nbd_reply reply = { .magic = htonl(NBD_REPLY_MAGIC) };

		memcpy(reply.handle, ask.handle, sizeof reply.handle);
		requests++;
		if (type == NBD_CMD_DISC)
			_exit(requests < 3);
		if (type == NBD_CMD_WRITE)
			read_all(socket, disk + from, length);
		write_all(socket, &reply, sizeof reply);
		if (type == NBD_CMD_READ)
			write_all(socket, disk + from, length);
	}
}

int use_nbd(char **arguments)
{
	int pair[2], status;
	int file = must(open("/dev/nbd0", O_RDWR), "/dev/nbd0");

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	must(ioctl(file, NBD_SET_BLKSIZE, 4096ul), "NBD_SET_BLKSIZE");
	must(ioctl(file, NBD_SET_SIZE_BLOCKS, 1024ul), "NBD_SET_SIZE_BLOCKS");
	must(ioctl(file, NBD_SET_SOCK, pair[0]), "NBD_SET_SOCK");
	pid_t server = must(fork(), "fork");
	if (server == 0) {
		close(file);
		close(pair[0]);
		serve(pair[1]);
	}
	close(pair[1]);
	pid_t waiter = must(fork(), "fork");
	if (waiter == 0)
		_exit(ioctl(file, NBD_DO_IT) != 0);
	usleep(200000);
	device_bytes("nbd0", "/dev/nbd0", 2 << 20);
	must(ioctl(file, NBD_DISCONNECT), "NBD_DISCONNECT");
	waitpid(server, &status, 0);
	printf("server ended with %d\n", WEXITSTATUS(status));
	waitpid(waiter, &status, 0);
	ioctl(file, NBD_CLEAR_SOCK);
	return 0;
}
