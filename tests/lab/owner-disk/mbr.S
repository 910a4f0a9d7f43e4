/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the BIOS starts from an emulated owner's disk: boot code for the first
 * 440 bytes of sector 0 that says so on the first serial port and on the screen and
 * stops there. It reads and writes no sector, so that a disk's digest before
 * and after a night is the same exactly if nobody else wrote to it.
 */
	.code16
	.set	COM1, 0x3f8
	.set	COM1_LSR, COM1 + 5
	.set	LSR_EMPTY, 0x20

	.globl	_start
_start:
	ljmp	$0, $1f			/* some BIOSes enter at 07c0:0000 */
1:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7c00, %sp
	sti
	cld
	/* One after the other: some BIOSes copy the screen to the serial port. */
	movw	$text, %si
1:	lodsb
	testb	%al, %al
	jz	2f
	call	put_serial
	jmp	1b
2:	movw	$text, %si
3:	lodsb
	testb	%al, %al
	jz	stop
	movb	$0x0e, %ah		/* INT 10h: teletype output */
	movw	$0x0007, %bx
	int	$0x10
	jmp	3b
stop:
	hlt
	jmp	stop

/* Write AL to COM1; give up on a port that never gets empty (or isn't there). */
put_serial:
	movb	%al, %ah
	movw	$COM1_LSR, %dx
	xorw	%cx, %cx
2:	inb	%dx, %al
	testb	$LSR_EMPTY, %al
	loopz	2b
	movb	%ah, %al
	movw	$COM1, %dx
	outb	%al, %dx
	ret

text:
	.asciz	"\r\nOWNER-OS: started from the local disk (BIOS)\r\n"
