// use nft: rules, a set and a redirect of ports in nf_tables, datagrams through them, and what the counters say.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "use.h"

#define PORTS 5
#define FIRST_PORT 5000
#define EACH 40

static char buffer[16384] __attribute__((aligned(8)));
static size_t length;
static uint32_t sequence;

static struct nlmsghdr *message(int type, int flags, int family, int resource)
{
	struct nlmsghdr *header = (void *)(buffer + length);
	struct nfgenmsg *generic = NLMSG_DATA(header);

	*header = (struct nlmsghdr){ .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++sequence };
	*generic = (struct nfgenmsg){ .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource) };
	length += NLMSG_SPACE(sizeof *generic);
	return header;
}

static struct nlmsghdr *table_message(int type, int flags, int family)
{
	return message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

static void end(struct nlmsghdr *header)
{
	header->nlmsg_len = buffer + length - (char *)header;
}

static struct nlattr *put_bytes(int type, const void *value, size_t bytes)
{
	struct nlattr *at = (void *)(buffer + length);

	*at = (struct nlattr){ .nla_type = type, .nla_len = NLA_HDRLEN + bytes };
	if (bytes > 0)
		memcpy(at + 1, value, bytes);
	length += NLA_ALIGN(at->nla_len);
	return at;
}

static struct nlattr *open_nest(int type)
{
	return put_bytes(type | NLA_F_NESTED, NULL, 0);
}

static void close_nest(struct nlattr *at)
{
	at->nla_len = buffer + length - (char *)at;
}

static void put_text(int type, const char *text)
{
	put_bytes(type, text, strlen(text) + 1);
}

static void put_number(int type, uint32_t number)
{
	put_bytes(type, &(uint32_t){ htonl(number) }, 4);
}

static void put_value(int type, const void *value, size_t bytes)
{
	struct nlattr *at = open_nest(type);

	put_bytes(NFTA_DATA_VALUE, value, bytes);
	close_nest(at);
}

static struct nlattr *outer;

static struct nlattr *expression(const char *name)
{
	outer = open_nest(NFTA_LIST_ELEM);
	put_text(NFTA_EXPR_NAME, name);
	return open_nest(NFTA_EXPR_DATA);
}

static void end_expression(struct nlattr *at)
{
	close_nest(at);
	close_nest(outer);
}

static void counter(void)
{
	end_expression(expression("counter"));
}

static void compare(const void *value, size_t bytes)
{
	struct nlattr *at = expression("cmp");

	put_number(NFTA_CMP_SREG, NFT_REG_1);
	put_number(NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(NFTA_CMP_DATA, value, bytes);
	end_expression(at);
}

/* The packet's port is in the first register, if it is a datagram. */
static void port_of_datagram(void)
{
	struct nlattr *at = expression("meta");

	put_number(NFTA_META_DREG, NFT_REG_1);
	put_number(NFTA_META_KEY, NFT_META_L4PROTO);
	end_expression(at);
	compare(&(uint8_t){ IPPROTO_UDP }, 1);
	at = expression("payload");
	put_number(NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_number(NFTA_PAYLOAD_OFFSET, 2);
	put_number(NFTA_PAYLOAD_LEN, 2);
	end_expression(at);
}

static void verdict(int code)
{
	struct nlattr *at = expression("immediate"), *data, *inner;

	put_number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = open_nest(NFTA_IMMEDIATE_DATA);
	inner = open_nest(NFTA_DATA_VERDICT);
	put_number(NFTA_VERDICT_CODE, code);
	close_nest(inner);
	close_nest(data);
	end_expression(at);
}

static void table(int family, const char *name)
{
	struct nlmsghdr *header = table_message(NFT_MSG_NEWTABLE, NLM_F_CREATE, family);

	put_text(NFTA_TABLE_NAME, name);
	end(header);
}

static void chain(int family, const char *of, const char *name, const char *type, int hook, int priority)
{
	struct nlmsghdr *header = table_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	struct nlattr *at;

	put_text(NFTA_CHAIN_TABLE, of);
	put_text(NFTA_CHAIN_NAME, name);
	put_text(NFTA_CHAIN_TYPE, type);
	at = open_nest(NFTA_CHAIN_HOOK);
	put_number(NFTA_HOOK_HOOKNUM, hook);
	put_number(NFTA_HOOK_PRIORITY, priority);
	close_nest(at);
	end(header);
}

static void rule(int family, const char *of, const char *in, void (*fill_in)(void))
{
	struct nlmsghdr *header = table_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
	struct nlattr *at;

	put_text(NFTA_RULE_TABLE, of);
	put_text(NFTA_RULE_CHAIN, in);
	at = open_nest(NFTA_RULE_EXPRESSIONS);
	fill_in();
	close_nest(at);
	end(header);
}

static void set_of_ports(void)
{
	struct nlmsghdr *header = table_message(NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET);
	struct nlattr *list, *element;

	put_text(NFTA_SET_TABLE, "stress");
	put_text(NFTA_SET_NAME, "ports");
	put_number(NFTA_SET_FLAGS, 0);
	put_number(NFTA_SET_KEY_TYPE, 13);
	put_number(NFTA_SET_KEY_LEN, 2);
	put_number(NFTA_SET_ID, 1);
	end(header);
	header = table_message(NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFPROTO_INET);
	put_text(NFTA_SET_ELEM_LIST_TABLE, "stress");
	put_text(NFTA_SET_ELEM_LIST_SET, "ports");
	list = open_nest(NFTA_SET_ELEM_LIST_ELEMENTS);
	for (int port = 1; port <= 3; port += 2) {
		element = open_nest(NFTA_LIST_ELEM);
		put_value(NFTA_SET_ELEM_KEY, &(uint16_t){ htons(FIRST_PORT + port) }, 2);
		close_nest(element);
	}
	close_nest(list);
	end(header);
}

static void drop_ports_of_set(void)
{
	struct nlattr *at;

	port_of_datagram();
	at = expression("lookup");
	put_text(NFTA_LOOKUP_SET, "ports");
	put_number(NFTA_LOOKUP_SREG, NFT_REG_1);
	put_number(NFTA_LOOKUP_SET_ID, 1);
	end_expression(at);
	counter();
	verdict(NF_DROP);
}

static void count_other_ports(void)
{
	port_of_datagram();
	counter();
}

static void count_connections(void)
{
	struct nlattr *at = expression("ct");

	put_number(NFTA_CT_DREG, NFT_REG_1);
	put_number(NFTA_CT_KEY, NFT_CT_STATE);
	end_expression(at);
	at = expression("bitwise");
	put_number(NFTA_BITWISE_SREG, NFT_REG_1);
	put_number(NFTA_BITWISE_DREG, NFT_REG_1);
	put_number(NFTA_BITWISE_LEN, 4);
	put_value(NFTA_BITWISE_MASK, &(uint32_t){ 8 /* new */ }, 4);
	put_value(NFTA_BITWISE_XOR, &(uint32_t){ 0 }, 4);
	end_expression(at);
	compare(&(uint32_t){ 8 }, 4);
	counter();
}

/* Whoever sends to the last port comes to the first. */
static void redirect_last_port(void)
{
	struct nlattr *at;

	port_of_datagram();
	compare(&(uint16_t){ htons(FIRST_PORT + PORTS - 1) }, 2);
	counter();
	at = expression("immediate");
	put_number(NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(NFTA_IMMEDIATE_DATA, &(uint16_t){ htons(FIRST_PORT) }, 2);
	end_expression(at);
	at = expression("redir");
	put_number(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	end_expression(at);
}

/* The first error of a batch, 0 where there is none. */
static int commit(int link, void (*fill_in)(void))
{
	char answer[8192];
	struct nlmsghdr *header;
	int error = 0;
	ssize_t got;

	length = 0;
	end(message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	fill_in();
	end(message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	must(send(link, buffer, length, 0), "send");
	while ((got = recv(link, answer, sizeof answer, MSG_DONTWAIT)) > 0)
		for (header = (void *)answer; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got))
			if (header->nlmsg_type == NLMSG_ERROR && error == 0)
				error = -((struct nlmsgerr *)NLMSG_DATA(header))->error;
	return error;
}

static void filter(void)
{
	table(NFPROTO_INET, "stress");
	chain(NFPROTO_INET, "stress", "in", "filter", NF_INET_LOCAL_IN, 0);
	set_of_ports();
	rule(NFPROTO_INET, "stress", "in", count_connections);
	rule(NFPROTO_INET, "stress", "in", drop_ports_of_set);
	rule(NFPROTO_INET, "stress", "in", count_other_ports);
}

static void nat(void)
{
	table(NFPROTO_IPV4, "nat");
	chain(NFPROTO_IPV4, "nat", "out", "nat", NF_INET_LOCAL_OUT, -100);
	rule(NFPROTO_IPV4, "nat", "out", redirect_last_port);
}

static void nothing_left(void)
{
	end(table_message(NFT_MSG_DELTABLE, 0, AF_UNSPEC));
}

/* Each attribute of the kind `type` of a list. */
#define EACH_OF(at, list, bytes, type)                                                                              \
	for (struct nlattr *at = (void *)(list); (char *)at < (char *)(list) + (bytes);                             \
	     at = (void *)((char *)at + NLA_ALIGN(at->nla_len)))                                                    \
		if ((at->nla_type & NLA_TYPE_MASK) == (type))

static void show_counters(struct nlmsghdr *header)
{
	char *rule_ = (char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	EACH_OF(list, rule_, (char *)header + header->nlmsg_len - rule_, NFTA_RULE_EXPRESSIONS)
		EACH_OF(element, list + 1, list->nla_len - NLA_HDRLEN, NFTA_LIST_ELEM)
			EACH_OF(data, element + 1, element->nla_len - NLA_HDRLEN, NFTA_EXPR_DATA)
				if (strcmp((char *)(element + 1) + NLA_HDRLEN, "counter") == 0)
					EACH_OF(packets, data + 1, data->nla_len - NLA_HDRLEN, NFTA_COUNTER_PACKETS) {
						uint64_t count;

						memcpy(&count, packets + 1, 8);
						printf("counter: %lu\n", (unsigned long)be64toh(count));
					}
}

static void counters(int link)
{
	static char answer[65536] __attribute__((aligned(8)));
	struct nlmsghdr *header;

	length = 0;
	end(table_message(NFT_MSG_GETRULE, NLM_F_DUMP, AF_UNSPEC));
	must(send(link, buffer, length, 0), "send");
	for (;;) {
		ssize_t got = must(recv(link, answer, sizeof answer, 0), "recv");

		for (header = (void *)answer; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got)) {
			if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
				return;
			show_counters(header);
		}
	}
}

/* What arrives of datagrams to each port. */
static void datagrams(const char *name, int family)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	void *address = family == AF_INET ? (void *)&four : (void *)&six;
	socklen_t size = family == AF_INET ? sizeof four : sizeof six;
	int in[PORTS], out = must(socket(family, SOCK_DGRAM, 0), name);
	char bytes[200] = "datagram";

	for (int i = 0; i < PORTS; i++) {
		four.sin_port = six.sin6_port = htons(FIRST_PORT + i);
		in[i] = must(socket(family, SOCK_DGRAM, 0), name);
		must(bind(in[i], address, size), name);
	}
	for (int i = 0; i < PORTS * EACH; i++) {
		four.sin_port = six.sin6_port = htons(FIRST_PORT + i % PORTS);
		sendto(out, bytes, sizeof bytes, 0, address, size);
	}
	for (int i = 0; i < PORTS; i++) {
		int got = 0;

		while (recv(in[i], bytes, sizeof bytes, MSG_DONTWAIT) == sizeof bytes)
			got++;
		printf("%s: %d at port %d\n", name, got, FIRST_PORT + i);
		close(in[i]);
	}
	close(out);
}

int use_nft(char **arguments)
{
	int link = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), "netlink");

	loop_up();
	printf("filter: %s\n", strerror(commit(link, filter)));
	printf("nat: %s\n", strerror(commit(link, nat)));
	datagrams("IPv4", AF_INET);
	datagrams("IPv6", AF_INET6);
	counters(link);
	printf("away: %s\n", strerror(commit(link, nothing_left)));
	return 0;
}
