// use sockets FAMILY: a transfer over a family of sockets that needs no network. use tcp: over TCP with each congestion control, and
// with the kernel's TLS.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <linux/rds.h>
#include <linux/tipc.h>
#include <linux/tls.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "use.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef AF_RDS
#define AF_RDS 21
#endif

/* A child sends back what it gets over `there`. */
void talk(const char *name, int here, int there, size_t length)
{
	unsigned char *bytes = malloc(length), *back = malloc(length);
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		close(here);
		for (size_t done = 0; done < length;) {
			ssize_t got = read(there, bytes, 1 << 14);

			if (got <= 0)
				_exit(1);
			write_all(there, bytes, got);
			done += got;
		}
		_exit(0);
	}
	close(there);
	fill(bytes, length, length);
	for (size_t at = 0; at < length; at += 1024) {
		write_all(here, bytes + at, 1024);
		read_all(here, back + at, 1024);
	}
	waitpid(child, NULL, 0);
	printf("%s: %zu bytes, %016lx\n", name, length, (unsigned long)digest(DIGEST, back, length));
	close(here);
	free(bytes);
	free(back);
}

void loop_up(void)
{
	struct ifreq request = { 0 };
	int any = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	strcpy(request.ifr_name, "lo");
	must(ioctl(any, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	must(ioctl(any, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
	close(any);
}

static struct timeval patience = { .tv_sec = 20 };

/* A listener and a connection to it: 0, or an error after the reason has been told. */
static int connected(const char *name, int family, int type, int protocol, void *address, socklen_t length, void *target,
		     int pair[2])
{
	int listener = socket(family, type, protocol);

	if (listener < 0) {
		printf("%s: %s\n", name, strerror(errno));
		return -1;
	}
	must(bind(listener, address, length), name);
	must(listen(listener, 1), name);
	pair[0] = must(socket(family, type, protocol), name);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (target == NULL) {
		must(getsockname(listener, address, &length), name);
		target = address;
	}
	/* Some families connect only when the other side accepts. */
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	if (connect(pair[0], target, length) != 0 && errno != EINPROGRESS)
		die(name);
	pair[1] = must(accept(listener, NULL, NULL), name);
	must(poll(&(struct pollfd){ .fd = pair[0], .events = POLLOUT }, 1, 20000), name);
	fcntl(pair[0], F_SETFL, 0);
	close(listener);
	return 0;
}

static void over_ip(const char *name, int type, int protocol, int port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int pair[2];

	if (connected(name, AF_INET, type, protocol, &here, sizeof here, NULL, pair) == 0)
		talk(name, pair[0], pair[1], 1 << 16);
}

static void over_vsock(void)
{
	struct sockaddr_vm here = { .svm_family = AF_VSOCK, .svm_port = 77, .svm_cid = VMADDR_CID_ANY };
	struct sockaddr_vm there = { .svm_family = AF_VSOCK, .svm_port = 77, .svm_cid = 1 };
	int pair[2];

	if (connected("vsock", AF_VSOCK, SOCK_STREAM, 0, &here, sizeof here, &there, pair) == 0)
		talk("vsock", pair[0], pair[1], 1 << 16);
}

static void over_tipc(void)
{
	struct sockaddr_tipc here = { .family = AF_TIPC, .addrtype = TIPC_ADDR_NAMESEQ, .scope = TIPC_NODE_SCOPE,
				      .addr.nameseq = { 18888, 17, 17 } };
	struct sockaddr_tipc there = { .family = AF_TIPC, .addrtype = TIPC_ADDR_NAME, .addr.name = { { 18888, 17 }, 0 } };
	int pair[2];

	if (connected("tipc", AF_TIPC, SOCK_STREAM, 0, &here, sizeof here, &there, pair) == 0)
		talk("tipc", pair[0], pair[1], 1 << 16);
}

static void over_can(void)
{
	struct sockaddr_can address = { .can_family = AF_CAN, .can_ifindex = if_nametoindex("vcan0") };
	int in = socket(AF_CAN, SOCK_RAW, CAN_RAW), out = socket(AF_CAN, SOCK_RAW, CAN_RAW), received = 0;
	uint64_t sum = DIGEST;

	if (in < 0 || address.can_ifindex == 0) {
		printf("can: %s\n", strerror(errno));
		return;
	}
	setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	must(bind(in, (void *)&address, sizeof address), "can");
	must(bind(out, (void *)&address, sizeof address), "can");
	for (int i = 0; i < 50; i++) {
		struct can_frame frame = { .can_id = i, .can_dlc = 8 }, got;

		fill(frame.data, 8, i);
		must(write(out, &frame, sizeof frame), "can");
		received += read(in, &got, sizeof got) == sizeof got;
		sum = digest(sum, &got, sizeof got);
	}
	printf("can: %d frames, %016lx\n", received, (unsigned long)sum);
}

static void over_rds(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(4001), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in there = here;
	int in = socket(AF_RDS, SOCK_SEQPACKET, 0), out = socket(AF_RDS, SOCK_SEQPACKET, 0);
	char bytes[4000];
	uint64_t sum = DIGEST;

	if (in < 0) {
		printf("rds: %s\n", strerror(errno));
		return;
	}
	there.sin_port = htons(4002);
	setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	must(bind(in, (void *)&here, sizeof here), "rds");
	must(bind(out, (void *)&there, sizeof there), "rds");
	for (int i = 0; i < 20; i++) {
		fill((void *)bytes, sizeof bytes, i);
		must(sendto(out, bytes, sizeof bytes, 0, (void *)&here, sizeof here), "rds");
		sum = digest(sum, bytes, must(recv(in, bytes, sizeof bytes, 0), "rds"));
	}
	printf("rds: %016lx\n", (unsigned long)sum);
}

static void over_sctp(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(900) };
	int pair[2];

	over_ip("sctp", SOCK_STREAM, IPPROTO_SCTP, 901);
	if (connected("sctp over IPv6", AF_INET6, SOCK_STREAM, IPPROTO_SCTP, &six, sizeof six, NULL, pair) == 0)
		talk("sctp over IPv6", pair[0], pair[1], 1 << 15);
}

static void over_dccp(void)
{
	over_ip("dccp", 6 /* SOCK_DCCP */, 33 /* IPPROTO_DCCP */, 902);
}

int use_sockets(char **arguments)
{
	static const struct {
		const char *name;
		void (*use)(void);
	} families[] = { { "sctp", over_sctp }, { "dccp", over_dccp }, { "vsock", over_vsock },
			 { "tipc", over_tipc }, { "can", over_can },   { "rds", over_rds } };

	loop_up();
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (strcmp(arguments[0], families[i].name) == 0)
			families[i].use();
	return 0;
}

static void tls(int socket_, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 info = { .info = { TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128 }, .iv = "iv", .key = "key",
						      .salt = "s" };

	must(setsockopt(socket_, SOL_TLS, direction, &info, sizeof info), "TLS key");
}

int use_tcp(char **arguments)
{
	static const char *controls[] = { "cubic", "vegas", "bbr", "westwood" };
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(910), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int pair[2];

	loop_up();
	for (int i = 0; i < 4; i++) {
		here.sin_port = htons(911 + i);
		must(connected("tcp", AF_INET, SOCK_STREAM, 0, &here, sizeof here, NULL, pair), "tcp");
		if (setsockopt(pair[0], IPPROTO_TCP, TCP_CONGESTION, controls[i], strlen(controls[i])) != 0)
			printf("%s: %s\n", controls[i], strerror(errno));
		talk(controls[i], pair[0], pair[1], 1 << 17);
	}
	here.sin_port = htons(920);
	must(connected("tls", AF_INET, SOCK_STREAM, 0, &here, sizeof here, NULL, pair), "tls");
	for (int i = 0; i < 2; i++) {
		if (setsockopt(pair[i], IPPROTO_TCP, TCP_ULP, "tls", 4) != 0) {
			printf("tls: %s\n", strerror(errno));
			return 0;
		}
		tls(pair[i], TLS_TX);
		tls(pair[i], TLS_RX);
	}
	talk("tls", pair[0], pair[1], 1 << 16);
	return 0;
}
