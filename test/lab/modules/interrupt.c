// SPDX-License-Identifier: GPL-2.0-only
// The handler of an irq_work that must not wait for a task runs with interrupts off, in an interrupt raised for it.
#include <linux/bug.h>
#include <linux/irq_work.h>
#include <linux/preempt.h>

#include "interrupt.h"

static struct canary_record *interrupt_record;
static const struct canary_call *interrupt_call;

static void interrupt_handler(struct irq_work *work)
{
	WARN_ON_ONCE(!in_hardirq());
	interrupt_call->entry(interrupt_record, interrupt_call->function);
}

static struct irq_work interrupt_work = IRQ_WORK_INIT_HARD(interrupt_handler);

void canary_interrupt(struct canary_record *record, void *call)
{
	interrupt_record = record;
	interrupt_call = call;
	irq_work_queue(&interrupt_work);
	irq_work_sync(&interrupt_work);
}
