/*
 * Executes instructions on machines that stdin describes. A record has the word, the one behind it, r0 to r31, LR, CTR, CR (8 bytes each),
 * and 1 KiB of memory, whose middle is STACK. For each one the signal that ended it goes to stdout, the address of the next instruction,
 * the same registers, and the same memory. Behind the instruction and around it are traps; r1 and r13 are its own, since signal handlers
 * put all registers there and take them from there.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <unistd.h>

/* As in words.lab.test.ts. */
#define DATA 0x20000000UL
#define STACK (DATA + 0x80000)
#define CODE 0x30000000UL
#define SLOT (CODE + 0x8000)
#define TRAP 0x7fe00008

enum { NIP = 32, CTR = 35, LINK = 36, CCR = 38, GREGS = 48 };

static struct {
	uint32_t word, next;
	uint64_t registers[35];
	unsigned char memory[1024];
} given;
static struct {
	uint64_t signal, nip, registers[35];
	unsigned char memory[1024];
} found;
static char stack[1 << 16] __attribute__((aligned(16)));
static unsigned long host[GREGS];

/* SIGUSR1 begins with the given registers; any other signal ends with what was found, and goes back to where SIGUSR1 came. */
static void handle(int signal, siginfo_t *info, void *context)
{
	unsigned long *r = ((ucontext_t *)context)->uc_mcontext.gp_regs;

	if (signal == SIGUSR1) {
		for (int i = 0; i < GREGS; i++)
			host[i] = r[i];
		for (int i = 0; i < 32; i++)
			r[i] = given.registers[i];
		r[LINK] = given.registers[32];
		r[CTR] = given.registers[33];
		r[CCR] = given.registers[34];
		r[NIP] = SLOT;
		return;
	}
	for (int i = 0; i < 32; i++)
		found.registers[i] = r[i];
	found.registers[32] = r[LINK];
	found.registers[33] = r[CTR];
	found.registers[34] = r[CCR];
	found.signal = signal;
	found.nip = r[NIP];
	for (int i = 0; i < GREGS; i++)
		r[i] = host[i];
}

int main(void)
{
	static const int signals[] = { SIGUSR1, SIGILL, SIGSEGV, SIGTRAP, SIGBUS, SIGFPE };
	stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO };
	volatile uint32_t *slot = (uint32_t *)SLOT;

	sigaltstack(&other, 0);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, 0);
	if (mmap((void *)DATA, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 1;
	if (mmap((void *)CODE, 1 << 16, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 1;
	for (uint32_t *word = (uint32_t *)CODE; word < (uint32_t *)(CODE + (1 << 16)); word++)
		*word = TRAP;
	while (fread(&given, sizeof given, 1, stdin) == 1) {
		memcpy((void *)(STACK - 512), given.memory, 1024);
		slot[0] = given.word;
		slot[1] = given.next;
		__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(slot) : "memory");
		kill(getpid(), SIGUSR1);
		memcpy(found.memory, (void *)(STACK - 512), 1024);
		fwrite(&found, sizeof found, 1, stdout);
	}
	return 0;
}
