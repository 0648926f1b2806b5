// use input: a keyboard made by uinput, a key on it, read back through evdev. use sound: a card's controls. use fuse DIRECTORY: a file system
// served by this program, with one file in it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/uinput.h>
#include <sound/asound.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "use.h"

int use_input(char **arguments)
{
	struct uinput_setup setup = { .id = { BUS_USB, 1, 2, 3 }, .name = "stress" };
	int made = must(open("/dev/uinput", O_RDWR), "/dev/uinput"), seen = 0;
	char path[300], name[64] = "";
	struct dirent **entries;
	struct input_event event;

	must(ioctl(made, UI_SET_EVBIT, EV_KEY), "UI_SET_EVBIT");
	for (int key = KEY_A; key < KEY_A + 5; key++)
		must(ioctl(made, UI_SET_KEYBIT, key), "UI_SET_KEYBIT");
	must(ioctl(made, UI_DEV_SETUP, &setup), "UI_DEV_SETUP");
	must(ioctl(made, UI_DEV_CREATE), "UI_DEV_CREATE");
	int found = must(scandir("/dev/input", &entries, NULL, alphasort), "/dev/input"), device = -1;
	for (int i = 0; i < found && device < 0; i++) {
		snprintf(path, sizeof path, "/dev/input/%s", entries[i]->d_name);
		if (strncmp(entries[i]->d_name, "event", 5) != 0)
			continue;
		device = must(open(path, O_RDONLY), path);
		must(ioctl(device, EVIOCGNAME(sizeof name), name), "EVIOCGNAME");
		if (strcmp(name, "stress") == 0)
			break;
		close(device);
		device = -1;
	}
	must(device, "no device");
	for (int i = 0; i < 20; i++) {
		struct input_event events[2] = { { .type = EV_KEY, .code = KEY_A + i / 2 % 5, .value = i % 2 == 0 },
						 { .type = EV_SYN } };

		write_all(made, events, sizeof events);
		read_all(device, &event, sizeof event);
		seen += event.code == events[0].code && event.value == events[0].value;
		read_all(device, &event, sizeof event);
	}
	printf("%s: %d of 20 events\n", name, seen);
	must(ioctl(made, UI_DEV_DESTROY), "UI_DEV_DESTROY");
	return 0;
}

int use_sound(char **arguments)
{
	struct snd_ctl_card_info info;
	struct snd_ctl_elem_list list = { 0 };
	struct snd_ctl_elem_value value = { 0 };
	int card = must(open("/dev/snd/controlC0", O_RDWR), "/dev/snd/controlC0"), written = 0;

	must(ioctl(card, SNDRV_CTL_IOCTL_CARD_INFO, &info), "card");
	list.space = 512;
	list.pids = calloc(512, sizeof *list.pids);
	must(ioctl(card, SNDRV_CTL_IOCTL_ELEM_LIST, &list), "list");
	for (unsigned int i = 0; i < list.used; i++) {
		value.id = list.pids[i];
		if (ioctl(card, SNDRV_CTL_IOCTL_ELEM_READ, &value) != 0)
			continue;
		value.value.integer.value[0] ^= 1;
		written += ioctl(card, SNDRV_CTL_IOCTL_ELEM_WRITE, &value) >= 0;
	}
	printf("%s: %u controls, %d written\n", info.driver, list.count, written);
	return 0;
}

#define TEXT "served by a program\n"

static void attributes(struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr->nlink = 1;
	attr->size = node == 1 ? 0 : strlen(TEXT);
}

static void serve(int fuse)
{
	static char bytes[1 << 17];

	for (;;) {
		struct fuse_in_header *ask = (void *)bytes;
		struct {
			struct fuse_out_header header;
			union {
				struct fuse_init_out init;
				struct fuse_entry_out entry;
				struct fuse_attr_out attr;
				struct fuse_open_out open;
				char text[64];
			};
		} reply = { 0 };
		size_t length = 0;

		if (read(fuse, bytes, sizeof bytes) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			_exit(errno != ENODEV);
		}
		switch (ask->opcode) {
		case FUSE_INIT:
			reply.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = 65536 };
			length = sizeof reply.init;
			break;
		case FUSE_LOOKUP:
			if (ask->nodeid != 1 || strcmp((char *)(ask + 1), "text") != 0) {
				reply.header.error = -ENOENT;
				break;
			}
			reply.entry.nodeid = 2;
			attributes(&reply.entry.attr, 2);
			length = sizeof reply.entry;
			break;
		case FUSE_GETATTR:
			attributes(&reply.attr.attr, ask->nodeid);
			length = sizeof reply.attr;
			break;
		case FUSE_OPEN:
			length = sizeof reply.open;
			break;
		case FUSE_READ:
			if (((struct fuse_read_in *)(ask + 1))->offset == 0) {
				strcpy(reply.text, TEXT);
				length = strlen(TEXT);
			}
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
			continue;
		case FUSE_FLUSH:
		case FUSE_RELEASE:
		case FUSE_DESTROY:
			break;
		default:
			reply.header.error = -ENOSYS;
		}
		reply.header.len = sizeof reply.header + length;
		reply.header.unique = ask->unique;
		if (write(fuse, &reply, reply.header.len) < 0)
			_exit(2);
	}
}

int use_fuse(char **arguments)
{
	const char *point = arguments[0];
	int fuse = must(open("/dev/fuse", O_RDWR), "/dev/fuse"), status;
	char options[128], path[256], text[64] = "";

	snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0", fuse);
	must(mount("stress", point, "fuse", 0, options), "mount");
	pid_t server = must(fork(), "fork");
	if (server == 0)
		serve(fuse);
	close(fuse);
	snprintf(path, sizeof path, "%s/text", point);
	int file = must(open(path, O_RDONLY), path);
	must(read(file, text, sizeof text - 1), "read");
	close(file);
	snprintf(path, sizeof path, "%s/nothing", point);
	printf("%sand another name: %s\n", text, open(path, O_RDONLY) < 0 ? strerror(errno) : "opened");
	must(umount(point), "umount");
	waitpid(server, &status, 0);
	printf("server ended with %d\n", WEXITSTATUS(status));
	return 0;
}
