// use alg: digests, ciphers and random numbers of the kernel's, through AF_ALG sockets. What a kernel does not have is told.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "use.h"

#ifndef SOL_ALG
#define SOL_ALG 279
#endif

static unsigned char text[8192], answer[8192 + 64], key[64];

static int bound(const char *type, const char *name)
{
	struct sockaddr_alg address = { .salg_family = AF_ALG };
	int socket_ = must(socket(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG");

	snprintf((char *)address.salg_type, sizeof address.salg_type, "%s", type);
	snprintf((char *)address.salg_name, sizeof address.salg_name, "%s", name);
	if (bind(socket_, (void *)&address, sizeof address) == 0)
		return socket_;
	printf("%s: %s\n", name, strerror(errno));
	close(socket_);
	return -1;
}

static void hash(const char *name, size_t key_length)
{
	int socket_ = bound("hash", name), operation;

	if (socket_ < 0)
		return;
	if (key_length > 0)
		must(setsockopt(socket_, SOL_ALG, ALG_SET_KEY, key, key_length), name);
	operation = must(accept(socket_, NULL, NULL), "accept");
	must(send(operation, text, 1000, MSG_MORE), "send");
	must(send(operation, text + 1000, 5000, 0), "send");
	ssize_t got = must(read(operation, answer, 64), "read");
	printf("%s: %zd bytes, %016lx\n", name, got, (unsigned long)digest(DIGEST, answer, got));
	close(operation);
	close(socket_);
}

/* Encrypts, decrypts, and says whether the text is the same again. */
static void cipher(const char *type, const char *name, size_t key_length, size_t iv_length, size_t tag)
{
	int socket_ = bound(type, name), operation;
	uint64_t sum = 0;

	if (socket_ < 0)
		return;
	must(setsockopt(socket_, SOL_ALG, ALG_SET_KEY, key, key_length), name);
	if (tag > 0)
		must(setsockopt(socket_, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, tag), "authsize");
	operation = must(accept(socket_, NULL, NULL), "accept");
	memcpy(answer, text, 4096);
	for (int encrypt = 1; encrypt >= 0; encrypt--) {
		char control[CMSG_SPACE(4) + CMSG_SPACE(4 + 32) + CMSG_SPACE(4)] = { 0 };
		size_t length = 4096 + (encrypt ? 0 : tag);
		struct iovec io = { answer, length };
		struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control };
		struct cmsghdr *c = (void *)control;

		c->cmsg_level = SOL_ALG;
		c->cmsg_type = ALG_SET_OP;
		c->cmsg_len = CMSG_LEN(4);
		*(uint32_t *)CMSG_DATA(c) = encrypt ? ALG_OP_ENCRYPT : ALG_OP_DECRYPT;
		message.msg_controllen = CMSG_SPACE(4);
		if (iv_length > 0) {
			c = (void *)(control + message.msg_controllen);
			c->cmsg_level = SOL_ALG;
			c->cmsg_type = ALG_SET_IV;
			c->cmsg_len = CMSG_LEN(4 + iv_length);
			((struct af_alg_iv *)CMSG_DATA(c))->ivlen = iv_length;
			memcpy(((struct af_alg_iv *)CMSG_DATA(c))->iv, key, iv_length);
			message.msg_controllen += CMSG_SPACE(4 + iv_length);
		}
		if (tag > 0) {
			c = (void *)(control + message.msg_controllen);
			c->cmsg_level = SOL_ALG;
			c->cmsg_type = ALG_SET_AEAD_ASSOCLEN;
			c->cmsg_len = CMSG_LEN(4);
			*(uint32_t *)CMSG_DATA(c) = 16;
			message.msg_controllen += CMSG_SPACE(4);
		}
		must(sendmsg(operation, &message, 0), "sendmsg");
		must(read(operation, answer, encrypt ? 4096 + tag : 4096), name);
		if (encrypt)
			sum = digest(DIGEST, answer, 4096 + tag);
	}
	printf("%s: %016lx, %s\n", name, (unsigned long)sum, memcmp(answer, text, 4096) ? "different" : "and back");
	close(operation);
	close(socket_);
}

int use_alg(char **arguments)
{
	static const char *hashes[] = { "md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b-256", "md4", "rmd160", "wp512",
					"sm3", "streebog256", "crc32c", "xxhash64", "michael_mic" };
	int random = bound("rng", "ansi_cprng");

	fill(text, sizeof text, 1);
	fill(key, sizeof key, 2);
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
		hash(hashes[i], strcmp(hashes[i], "michael_mic") ? 0 : 8);
	hash("hmac(sha512)", 20);
	cipher("skcipher", "cbc(aes)", 32, 16, 0);
	cipher("skcipher", "ctr(aes)", 16, 16, 0);
	cipher("skcipher", "xts(aes)", 64, 16, 0);
	cipher("skcipher", "ecb(camellia)", 32, 0, 0);
	cipher("skcipher", "cbc(serpent)", 32, 16, 0);
	cipher("skcipher", "cbc(twofish)", 32, 16, 0);
	cipher("skcipher", "cbc(cast5)", 16, 8, 0);
	cipher("skcipher", "cbc(cast6)", 32, 16, 0);
	cipher("skcipher", "cbc(blowfish)", 16, 8, 0);
	cipher("skcipher", "ecb(sm4)", 16, 0, 0);
	cipher("skcipher", "chacha20", 32, 16, 0);
	cipher("aead", "gcm(aes)", 16, 12, 16);
	if (random >= 0) {
		must(setsockopt(random, SOL_ALG, ALG_SET_KEY, key, 48), "seed");
		int operation = must(accept(random, NULL, NULL), "accept");
		ssize_t got = must(read(operation, answer, 64), "read");
		printf("ansi_cprng: %zd bytes, %016lx\n", got, (unsigned long)digest(DIGEST, answer, got));
	}
	return 0;
}
