/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls the canary from an interrupt. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "canary.h"

struct canary_call {
	canary_entry *entry;
	void *function;		/* for pointer entries */
};

/* A canary_entry. `call` is a struct canary_call: what the interrupt calls. Comes back when the interrupt is over. */
void canary_interrupt(struct canary_record *record, void *call);

#endif
