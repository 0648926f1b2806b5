# run_word(): loads all registers from `given`, executes the word at `slot`, stores all registers to `found`, and comes back with 0;
# after a signal with 1. Statically linked below 2 GiB, so that addresses need no register that holds something.
	.section .bss
	.balign 16
	.globl given, found
host:	.skip 8 * 40
given:	.skip 8 * 40
found:	.skip 8 * 40

	.text
	.macro at, register, symbol
	lis \register,\symbol@h
	ori \register,\register,\symbol@l
	.endm

	.balign 65536
	.globl run_word, slot, interrupted
run_word:
	at 12,host
	.irp r,1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std \r,8*\r(12)
	.endr
	mflr 0
	std 0,8*32(12)
	mfcr 0
	std 0,8*33(12)
	at 31,given
	ld 0,8*32(31)
	mtlr 0
	ld 0,8*33(31)
	mtctr 0
	ld 0,8*34(31)
	mtcr 0
	.irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld \r,8*\r(31)
	.endr
slot:	nop
	mtvsrd 63,31
	at 31,found
	.irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	std \r,8*\r(31)
	.endr
	mfvsrd 0,63
	std 0,8*31(31)
	mflr 0
	std 0,8*32(31)
	mfctr 0
	std 0,8*33(31)
	mfcr 0
	std 0,8*34(31)
	li 3,0
back:	at 12,host
	.irp r,1,2,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld \r,8*\r(12)
	.endr
	ld 0,8*33(12)
	mtcr 0
	ld 0,8*32(12)
	mtlr 0
	blr
interrupted:
	li 3,1
	b back
	.balign 65536
