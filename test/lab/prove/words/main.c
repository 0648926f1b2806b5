/*
 * Executes instruction words that stdin has, 4 bytes each, twice with made-up registers, and writes 8 bytes for each: which places
 * changed (bit n: rn; 32 LR, 33 CTR, 34 to 36 CR2 to CR4), and bit 63 where it ran to its end at least once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

extern int run_word(void);
extern uint32_t slot[];
extern void interrupted(int);
extern uint64_t given[], found[];

static char memory[1 << 20] __attribute__((aligned(4096)));
static char stack[1 << 16] __attribute__((aligned(16)));
static uint64_t seed = 88172645463325252ULL;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Half of the registers are addresses, so that loads and stores come through, with an index as well. */
static void make_up(void)
{
	char *middle = memory + sizeof memory / 2;

	for (int r = 0; r < 32; r++)
		given[r] = next() % 2 ? (uint64_t)middle + next() % 4096 * 16 : next() % 256 * 8 + 8;
	given[1] = (uint64_t)middle;
	given[32] = next();
	given[33] = next();
	given[34] = next() & 0xffffffff;
}

int main(void)
{
	static const int signals[] = { SIGILL, SIGSEGV, SIGTRAP, SIGBUS, SIGFPE };
	stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_ONSTACK | SA_NODEFER };
	uint32_t word;

	sigaltstack(&other, 0);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, 0);
	if (mprotect((void *)((uintptr_t)slot & ~65535UL), 65536, PROT_READ | PROT_WRITE | PROT_EXEC))
		return 1;
	while (fread(&word, 4, 1, stdin) == 1) {
		uint64_t changed = 0;

		*slot = word;
		__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(slot) : "memory");
		for (int run = 0; run < 2; run++) {
			make_up();
			if (run_word())
				continue;
			changed |= 1ULL << 63;
			for (int r = 0; r < 34; r++)
				changed |= (uint64_t)(given[r] != found[r]) << r;
			for (int f = 2; f < 5; f++)
				changed |= (uint64_t)(((given[34] ^ found[34]) >> (28 - 4 * f) & 15) != 0) << (32 + f);
		}
		fwrite(&changed, 8, 1, stdout);
	}
	return 0;
}
