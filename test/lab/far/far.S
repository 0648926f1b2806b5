/* A replacement for home_add() that no branch reaches: 40 MB of code lie between. */
	.section .text.filler, "ax", @progbits
	.space 40 << 20
	.section .text.far, "ax", @progbits
	.globl far_add
	.type far_add, @function
	.balign 16
far_add:
0:	addis 2, 12, (.TOC. - 0b)@ha
	addi 2, 2, (.TOC. - 0b)@l
	.localentry far_add, . - far_add
	add 3, 3, 4
	addi 3, 3, 1005
	blr
	.size far_add, . - far_add
