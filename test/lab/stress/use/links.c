// use links: network devices between two network namespaces, traffic over them, and what the packet filter has counted of it.
// use tap: a frame into a tap device and the answer.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "use.h"

#define IFLA_VXLAN_ID_ 1
#define IFLA_VXLAN_GROUP_ 2
#define IFLA_VXLAN_PORT_ 15
#define IFLA_TUN_LOCAL 2
#define IFLA_TUN_REMOTE 3
#define IFLA_GRE_LOCAL_ 6
#define IFLA_GRE_REMOTE_ 7
#define IFLA_VLAN_ID_ 1
#define VETH_PEER 1

static struct {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[1024];
} ask;

static struct rtattr *attribute(int type, const void *value, size_t length)
{
	struct rtattr *at = (void *)((char *)&ask + NLMSG_ALIGN(ask.header.nlmsg_len));

	at->rta_type = type;
	at->rta_len = RTA_LENGTH(length);
	if (length > 0)
		memcpy(RTA_DATA(at), value, length);
	ask.header.nlmsg_len = NLMSG_ALIGN(ask.header.nlmsg_len) + RTA_ALIGN(at->rta_len);
	return at;
}

static void close_attribute(struct rtattr *at)
{
	at->rta_len = (char *)&ask + NLMSG_ALIGN(ask.header.nlmsg_len) - (char *)at;
}

static void begin(int type, int flags, const char *name)
{
	memset(&ask, 0, sizeof ask);
	ask.header.nlmsg_len = NLMSG_LENGTH(sizeof ask.info);
	ask.header.nlmsg_type = type;
	ask.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	attribute(IFLA_IFNAME, name, strlen(name) + 1);
}

static int transact(void)
{
	int link = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[2048];
	} answer;

	must(send(link, &ask, ask.header.nlmsg_len, 0), "send");
	must(recv(link, &answer, sizeof answer, 0), "recv");
	close(link);
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

static unsigned int index_of(const char *name)
{
	struct ifreq request = { 0 };
	int any = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	must(ioctl(any, SIOCGIFINDEX, &request), name);
	close(any);
	return request.ifr_ifindex;
}

static void up(const char *name, const char *address)
{
	struct ifreq request = { 0 };
	int any = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	struct sockaddr_in *in = (void *)&request.ifr_addr;

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (address != NULL) {
		in->sin_family = AF_INET;
		inet_pton(AF_INET, address, &in->sin_addr);
		must(ioctl(any, SIOCSIFADDR, &request), "SIOCSIFADDR");
		inet_pton(AF_INET, "255.255.255.0", &in->sin_addr);
		must(ioctl(any, SIOCSIFNETMASK, &request), "SIOCSIFNETMASK");
	}
	must(ioctl(any, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	must(ioctl(any, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(any);
}

/* A device of a kind, over another one if that is not NULL; negative where there is no such kind. */
static int create(const char *kind, const char *name, const char *over, const char *local, const char *remote)
{
	struct in_addr from, to;

	if (local != NULL) {
		inet_pton(AF_INET, local, &from);
		inet_pton(AF_INET, remote, &to);
	}
	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
	if (over != NULL)
		attribute(IFLA_LINK, &(unsigned){ index_of(over) }, 4);
	struct rtattr *outer = attribute(IFLA_LINKINFO, NULL, 0);
	attribute(IFLA_INFO_KIND, kind, strlen(kind));
	struct rtattr *data = attribute(IFLA_INFO_DATA, NULL, 0);
	if (strcmp(kind, "vlan") == 0)
		attribute(IFLA_VLAN_ID_, &(uint16_t){ 5 }, 2);
	if (strcmp(kind, "vxlan") == 0) {
		attribute(IFLA_VXLAN_ID_, &(uint32_t){ 42 }, 4);
		attribute(IFLA_VXLAN_GROUP_, &to, 4);
		attribute(IFLA_VXLAN_PORT_, &(uint16_t){ htons(4789) }, 2);
	}
	if (strcmp(kind, "geneve") == 0) {
		attribute(1, &(uint32_t){ 43 }, 4);
		attribute(2, &to, 4);
	}
	if (strcmp(kind, "ipip") == 0 || strcmp(kind, "sit") == 0) {
		attribute(IFLA_TUN_LOCAL, &from, 4);
		attribute(IFLA_TUN_REMOTE, &to, 4);
	}
	if (strncmp(kind, "gre", 3) == 0) {
		attribute(IFLA_GRE_LOCAL_, &from, 4);
		attribute(IFLA_GRE_REMOTE_, &to, 4);
	}
	if (strcmp(kind, "veth") == 0) {
		struct rtattr *peer = attribute(VETH_PEER, &(struct ifinfomsg){ 0 }, sizeof(struct ifinfomsg));
		attribute(IFLA_IFNAME, "far", 4);
		close_attribute(peer);
	}
	close_attribute(data);
	close_attribute(outer);
	return transact();
}

static void enslave(const char *name, const char *master)
{
	begin(RTM_NEWLINK, 0, name);
	attribute(IFLA_MASTER, &(unsigned){ index_of(master) }, 4);
	must(transact(), "enslave");
}

static struct sockaddr_in to(const char *address, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, address, &in.sin_addr);
	return in;
}

/* The far side sends back what it gets: 30 datagrams, and a stream. */
static void echo(void)
{
	struct sockaddr_in any = to("0.0.0.0", 7);
	int datagrams = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	must(bind(datagrams, (void *)&any, sizeof any), "bind");
	must(bind(listener, (void *)&any, sizeof any), "bind");
	must(listen(listener, 5), "listen");
	if (fork() == 0)
		for (;;) {
			static char bytes[65536];
			struct sockaddr_in from;
			socklen_t length = sizeof from;
			ssize_t got = recvfrom(datagrams, bytes, sizeof bytes, 0, (void *)&from, &length);

			if (got >= 0)
				sendto(datagrams, bytes, got, 0, (void *)&from, length);
		}
	for (;;) {
		int peer = accept(listener, NULL, NULL);
		char bytes[16384];
		ssize_t got;

		while ((got = read(peer, bytes, sizeof bytes)) > 0)
			write_all(peer, bytes, got);
		close(peer);
	}
}

static void traffic(const char *kind, const char *address)
{
	static unsigned char bytes[32768], back[32768];
	struct sockaddr_in far = to(address, 7);
	struct timeval patience = { .tv_sec = 3 };
	uint64_t sum = DIGEST;
	int answers = 0;
	int datagrams = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	int stream = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	setsockopt(datagrams, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	for (int i = 0; i < 30; i++) {
		/* Some of them have to be sent in fragments. */
		size_t length = 10 + i * 190;

		fill(bytes, length, i);
		must(sendto(datagrams, bytes, length, 0, (void *)&far, sizeof far), "sendto");
		ssize_t got = recv(datagrams, back, sizeof back, 0);
		answers += got == (ssize_t)length && memcmp(bytes, back, length) == 0;
	}
	must(connect(stream, (void *)&far, sizeof far), "connect");
	for (int i = 0; i < 16; i++) {
		fill(bytes, sizeof bytes, 100 + i);
		write_all(stream, bytes, sizeof bytes);
		read_all(stream, back, sizeof back);
		sum = digest(sum, back, sizeof back);
	}
	close(stream);
	close(datagrams);
	printf("%s: %d of 30 datagrams, %016lx\n", kind, answers, (unsigned long)sum);
}

static const struct {
	const char *kind;
	int over, tunnel;
} kinds[] = { { "vlan", 1, 0 },	  { "macvlan", 1, 0 }, { "vxlan", 0, 1 },
	      { "geneve", 0, 1 }, { "ipip", 0, 1 },    { "gre", 0, 1 },    { "gretap", 0, 1 } };
#define KINDS (sizeof kinds / sizeof *kinds)

static void address_of(char *text, unsigned int kind, int side)
{
	sprintf(text, "10.0.%u.%d", 10 + kind, side);
}

/* One device of each kind on this side of the pair. */
static void side(int number, const char *lower, const char *here, const char *there, int *made)
{
	char name[16], address[32];

	for (unsigned int i = 0; i < KINDS; i++) {
		sprintf(name, "t%u", i);
		address_of(address, i, number);
		int error = create(kinds[i].kind, name, kinds[i].over ? lower : NULL, kinds[i].tunnel ? here : NULL, there);
		made[i] = error;
		if (error == 0)
			up(name, address);
	}
}

/* Whether the filter's policies have counted packets, and connections are tracked. A table is there from when it is first asked for. */
static void filters(int tells)
{
	static const char *tables[] = { "filter", "nat", "mangle", "raw" };
	int any = must(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "socket");
	char text[32] = "none";

	for (int t = 0; t < 4; t++) {
		struct ipt_getinfo info = { 0 };
		socklen_t length = sizeof info;

		strcpy(info.name, tables[t]);
		int error = getsockopt(any, SOL_IP, IPT_SO_GET_INFO, &info, &length);
		if (error != 0 && tells)
			printf("%s: %s\n", tables[t], strerror(errno));
		if (error != 0 || !tells)
			continue;
		length = sizeof(struct ipt_get_entries) + info.size;
		struct ipt_get_entries *entries = calloc(1, length);
		strcpy(entries->name, tables[t]);
		entries->size = info.size;
		must(getsockopt(any, SOL_IP, IPT_SO_GET_ENTRIES, entries, &length), "IPT_SO_GET_ENTRIES");
		int counted = 0;
		for (unsigned int at = 0; at < info.size;) {
			struct ipt_entry *entry = (void *)((char *)entries->entrytable + at);

			counted += entry->counters.pcnt > 0;
			at += entry->next_offset;
		}
		printf("%s: %u entries, %d have counted\n", tables[t], info.num_entries, counted);
	}
	close(any);
	if (!tells)
		return;
	FILE *count = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "r");
	if (count != NULL && fgets(text, sizeof text, count) != NULL)
		printf("connections are %s\n", atoi(text) > 0 ? "tracked" : "not tracked");
}

int use_links(char **arguments)
{
	int start[2], ready[2], made[KINDS];
	char byte;

	must(pipe(start), "pipe");
	must(pipe(ready), "pipe");
	must(unshare(CLONE_NEWNET), "unshare");
	up("lo", NULL);
	filters(0);
	pid_t child = must(fork(), "fork");
	if (child == 0) {
		must(unshare(CLONE_NEWNET), "unshare");
		setpgid(0, 0);
		must(write(ready[1], "n", 1), "write");
		read_all(start[0], &byte, 1);
		up("lo", NULL);
		up("far", "10.0.0.2");
		side(2, "far", "10.0.0.2", "10.0.0.1", made);
		must(write(ready[1], "r", 1), "write");
		echo();
	}
	read_all(ready[0], &byte, 1);
	int veth = create("veth", "near", NULL, NULL, NULL), bridge = create("bridge", "br0", NULL, NULL, NULL);
	printf("veth %d, bridge %d, dummy %d, ifb %d, bond %d, nlmon %d\n", veth, bridge, create("dummy", "d0", NULL, NULL, NULL),
	       create("ifb", "i0", NULL, NULL, NULL), create("bond", "b0", NULL, NULL, NULL), create("nlmon", "n0", NULL, NULL, NULL));
	begin(RTM_NEWLINK, 0, "far");
	attribute(IFLA_NET_NS_PID, &(uint32_t){ child }, 4);
	must(transact(), "move");
	up("near", NULL);
	enslave("near", "br0");
	enslave("d0", "br0");
	up("d0", NULL);
	up("br0", "10.0.0.1");
	must(write(start[1], "g", 1), "write");
	read_all(ready[0], &byte, 1);
	side(1, "br0", "10.0.0.1", "10.0.0.2", made);
	/* The bridge's port learns first. */
	usleep(100000);
	traffic("bridge", "10.0.0.2");
	for (unsigned int i = 0; i < KINDS; i++) {
		char address[32];

		address_of(address, i, 2);
		if (made[i] == 0)
			traffic(kinds[i].kind, address);
		else
			printf("%s: %s\n", kinds[i].kind, strerror(-made[i]));
	}
	filters(1);
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}

/* An ARP request for the address of the device, and the answer. */
int use_tap(char **arguments)
{
	unsigned char frame[2048] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
				      2,   0,	0,   0,	  0,   9,   10, 9, 0, 2, 0, 0, 0, 0, 0, 0, 10, 9, 0, 1 };
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int tap = must(open("/dev/net/tun", O_RDWR), "/dev/net/tun");

	strcpy(request.ifr_name, "tap0");
	must(ioctl(tap, TUNSETIFF, &request), "TUNSETIFF");
	up("tap0", "10.9.0.1");
	must(write(tap, frame, 42), "write");
	for (int i = 0; i < 20; i++) {
		ssize_t got = must(read(tap, frame, sizeof frame), "read");

		if (got >= 42 && frame[12] == 8 && frame[13] == 6 && frame[21] == 2) {
			printf("tap: answer for %d.%d.%d.%d\n", frame[28], frame[29], frame[30], frame[31]);
			return 0;
		}
	}
	return 1;
}
