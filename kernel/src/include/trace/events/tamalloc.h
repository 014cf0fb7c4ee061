/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tamalloc

#if !defined(_TRACE_TAMALLOC_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TAMALLOC_H

#include <linux/tracepoint.h>

/* A first touch for which there was evidence: what it allowed, what was made. */
TRACE_EVENT(tamalloc_ahead,
	    TP_PROTO(unsigned long address, int wanted, int order),

	    TP_ARGS(address, wanted, order),

	    TP_STRUCT__entry(__field(unsigned long, address)
			     __field(int, wanted)
			     __field(int, order)
	    ),

	    TP_fast_assign(__entry->address = address;
			   __entry->wanted = wanted;
			   __entry->order = order;
	    ),

	    TP_printk("address=%lx wanted=%d order=%d",
		      __entry->address, __entry->wanted, __entry->order)
);

#endif /* _TRACE_TAMALLOC_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
