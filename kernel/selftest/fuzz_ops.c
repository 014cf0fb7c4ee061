// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer's operations: each is told, done, and its effect put into the model. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"

/* So many that a huge page is among them, however they are aligned. */
#define HUGE_PAGES	1023u

/* A range of pages of a slot. */
struct range {
	struct slot *s;
	unsigned int from;
	unsigned int to;
};

static unsigned char *range_addr(const struct range *r)
{
	return r->s->addr + r->from * FUZZ_PAGE;
}

static size_t range_bytes(const struct range *r)
{
	return (r->to - r->from) * FUZZ_PAGE;
}

/* Often short, sometimes all; false if there is no mapping. */
static bool pick_range(struct fuzzer *f, struct range *r)
{
	unsigned int most;

	r->s = slot_used(f);
	if (!r->s)
		return false;
	most = pick(f, 4) ? 8 : r->s->pages;
	r->from = pick(f, r->s->pages);
	r->to = r->from + 1 + pick(f, most);
	if (r->to > r->s->pages)
		r->to = r->s->pages;
	if (!pick(f, 8))
		r->from = 0;
	return true;
}

static int slot_number(const struct fuzzer *f, const struct slot *s)
{
	return s - f->slot;
}

static void tell_range(struct fuzzer *f, const char *what, const struct range *r, long detail)
{
	tell(f, "%s slot %d pages %u..%u of %u at %p: %#lx", what, slot_number(f, r->s), r->from,
	     r->to - 1, r->s->pages, (void *)r->s->addr, detail);
}

static unsigned int pick_pages(struct fuzzer *f)
{
	switch (pick(f, 16)) {
	case 0:
		return HUGE_PAGES + pick(f, MAX_PAGES - HUGE_PAGES);
	case 1 ... 4:
		return 1 + pick(f, 128);
	default:
		return 1 + pick(f, 16);
	}
}

static unsigned char pick_fill(struct fuzzer *f)
{
	static const unsigned char common[] = { 0x00, 0xab, 0xff, 0x01 };

	return pick(f, 3) ? common[pick(f, sizeof(common))] : pick(f, 256);
}

static void op_tamalloc(struct fuzzer *f)
{
	unsigned int pages = pick_pages(f), flags = 0;
	unsigned char fill = pick_fill(f);
	size_t bytes = pages * FUZZ_PAGE - pick(f, FUZZ_PAGE);
	struct slot *s = slot_free(f);
	void *p;

	if (!pick(f, 4))
		flags |= TAMALLOC_ACCOUNT;
	if (!pick(f, 4))
		flags |= TAMALLOC_SINGLE;
	if (!s)
		return;
	if (f->plain)
		fill = 0;
	tell(f, "tamalloc %zu fill %#x flags %u -> slot %d", bytes, fill, flags, slot_number(f, s));
	if (f->plain)
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS |
			 (flags & TAMALLOC_ACCOUNT ? 0 : MAP_NORESERVE), -1, 0);
	else
		p = tamalloc(bytes, fill, flags);
	if (p != MAP_FAILED)
		slot_start(s, p, pages, fill);
	else if (errno != ENOMEM)
		fail(f, "tamalloc: %s", strerror(errno));
}

/* Neighbours that must not be mixed up with tamalloc's: plain memory, which is fill 0 here. */
static void op_mmap(struct fuzzer *f)
{
	unsigned int pages = pick_pages(f);
	struct slot *s = slot_free(f);
	void *p;

	if (!s)
		return;
	tell(f, "mmap %u pages -> slot %d", pages, slot_number(f, s));
	p = mmap(NULL, pages * FUZZ_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p != MAP_FAILED)
		slot_start(s, p, pages, 0);
}

static void op_bad_tamalloc(struct fuzzer *f)
{
	static const struct {
		size_t size;
		unsigned int fill;
		unsigned int flags;
		int err;
	} bad[] = {
		{ 0, 0, 0, EINVAL }, { 1, 256, 0, EINVAL }, { 1, 0, 4, EINVAL },
		{ -1UL, 1, 0, ENOMEM }, { 1UL << 47, 1, 0, ENOMEM }, { 1, 0, ~0U, EINVAL },
	};
	unsigned int i = pick(f, ARRAY_LEN(bad));

	if (f->plain)
		return;
	tell(f, "tamalloc with bad arguments %u", i);
	if (tamalloc(bad[i].size, bad[i].fill, bad[i].flags) != MAP_FAILED || errno != bad[i].err)
		fail(f, "bad arguments %u: %s", i, strerror(errno));
}

static void op_munmap(struct fuzzer *f)
{
	struct range r;

	if (!pick_range(f, &r))
		return;
	if (!pick(f, 3)) {
		r.from = 0;
		r.to = r.s->pages;
	}
	tell_range(f, "munmap", &r, 0);
	if (r.to < r.s->pages && !slot_split(f, r.s, r.to))
		return;
	if (munmap(range_addr(&r), range_bytes(&r)))
		fail(f, "munmap: %s", strerror(errno));
	r.s->pages = r.from;
	if (!r.from)
		r.s->addr = NULL;
}

static void op_read(struct fuzzer *f)
{
	enum via via = pick(f, 2) ? VIA_USER : pick(f, VIA_COUNT);
	struct range r;

	if (!pick_range(f, &r))
		return;
	tell_range(f, "read", &r, via);
	for (unsigned int i = r.from; i < r.to; i++)
		if (r.s->page[i].prot & PROT_READ)
			page_check(f, r.s, i, via);
}

static void op_write(struct fuzzer *f)
{
	enum via via = pick(f, 2) ? VIA_USER : pick(f, VIA_COUNT);
	unsigned char value = pick(f, 256);
	unsigned int offset = pick(f, FUZZ_PAGE), len = 1 + pick(f, FUZZ_PAGE - offset);
	struct range r;

	if (!pick_range(f, &r))
		return;
	/* Whole pages of one byte: what KSM merges. */
	if (!pick(f, 4)) {
		offset = 0;
		len = FUZZ_PAGE;
		value = pick(f, 2) ? 0 : r.s->fill;
	}
	tell_range(f, "write", &r, via << 8 | value);
	for (unsigned int i = r.from; i < r.to; i++) {
		int prot = r.s->page[i].prot;

		/* A debugger's way goes into read-only pages too. */
		if (prot & PROT_WRITE || (via == VIA_PROC_MEM && prot & PROT_READ))
			page_write(f, r.s, i, offset, len, value, via);
	}
}

static void op_mprotect(struct fuzzer *f)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ, PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };
	int prot = prots[pick(f, ARRAY_LEN(prots))];
	struct range r;

	if (!pick_range(f, &r))
		return;
	tell_range(f, "mprotect", &r, prot);
	if (mprotect(range_addr(&r), range_bytes(&r), prot)) {
		if (errno != ENOMEM)
			fail(f, "mprotect: %s", strerror(errno));
		return;
	}
	for (unsigned int i = r.from; i < r.to; i++)
		r.s->page[i].prot = prot;
}

/* What madvise did to the pages, up to the first locked one if it refused that. */
static void advised(const struct range *r, int advice, bool whole)
{
	for (unsigned int i = r->from; i < r->to; i++) {
		struct page_model *m = &r->s->page[i];

		if (m->locked && !whole)
			return;
		switch (advice) {
		case MADV_DONTNEED:
		case MADV_DONTNEED_LOCKED:
			page_fresh(r->s, i);
			break;
		case MADV_FREE:
			m->freed = 1;
			break;
		case MADV_WIPEONFORK:
			m->wiped = 1;
			break;
		case MADV_KEEPONFORK:
			m->wiped = 0;
			break;
		}
	}
}

static void op_madvise(struct fuzzer *f)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_FREE,
		MADV_FREE, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_PAGEOUT, MADV_PAGEOUT, MADV_COLD,
		MADV_WILLNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE,
		MADV_UNMERGEABLE, MADV_RANDOM, MADV_NORMAL, MADV_DONTDUMP, MADV_DODUMP,
	};
	int advice = advices[pick(f, ARRAY_LEN(advices))];
	struct range r;
	bool whole;

	if (!pick_range(f, &r))
		return;
	tell_range(f, "madvise", &r, advice);
	whole = !madvise(range_addr(&r), range_bytes(&r), advice);
	/* Only a locked part stops these; the parts before it are done. */
	if (whole || advice == MADV_DONTNEED || advice == MADV_FREE)
		advised(&r, advice, whole);
}

/* What khugepaged would do later, now; in a mapping large enough, which is looked at afterwards. */
static void op_collapse(struct fuzzer *f)
{
	unsigned int first = pick(f, SLOTS);
	struct slot *s = NULL;

	for (unsigned int i = 0; i < SLOTS && !s; i++) {
		s = &f->slot[(first + i) % SLOTS];
		if (!s->addr || s->pages < HUGE_PAGES)
			s = NULL;
	}
	if (!s)
		return;
	tell(f, "collapse slot %d of %u pages", slot_number(f, s), s->pages);
	madvise(s->addr, s->pages * FUZZ_PAGE, MADV_COLLAPSE);
	for (int i = 0; i < 16; i++) {
		unsigned int page = pick(f, s->pages);

		if (s->page[page].prot & PROT_READ)
			page_check(f, s, page, VIA_USER);
	}
}

static void op_mlock(struct fuzzer *f)
{
	int how = pick(f, 4);
	struct range r;
	int error;

	if (!pick_range(f, &r))
		return;
	tell_range(f, "mlock", &r, how);
	if (how == 0)
		error = mlock(range_addr(&r), range_bytes(&r));
	else if (how == 1)
		error = mlock2(range_addr(&r), range_bytes(&r), MLOCK_ONFAULT);
	else
		error = munlock(range_addr(&r), range_bytes(&r));
	/* It fails at a page that may not be accessed, but has locked the range by then. */
	if (error && errno != ENOMEM && errno != EAGAIN)
		fail(f, "mlock or munlock: %s", strerror(errno));
	for (unsigned int i = r.from; i < r.to; i++)
		r.s->page[i].locked = how <= 1;
}

static void remap_size(struct fuzzer *f, struct slot *s)
{
	unsigned int pages = pick(f, 2) ? 1 + pick(f, s->pages) : s->pages + pick(f, 64);
	int flags = pick(f, 2) ? MREMAP_MAYMOVE : 0;
	void *p;

	if (pages > MAX_PAGES)
		pages = MAX_PAGES;
	tell(f, "mremap slot %d from %u to %u pages, flags %d", slot_number(f, s), s->pages, pages,
	     flags);
	p = mremap(s->addr, s->pages * FUZZ_PAGE, pages * FUZZ_PAGE, flags);
	if (p == MAP_FAILED) {
		if (pages <= s->pages)
			fail(f, "shrinking by mremap: %s", strerror(errno));
		return;		/* several VMAs, or no room */
	}
	s->addr = p;
	if (pages > s->pages)
		slot_extend(s, pages);
	s->pages = pages;
}

/* Into address space that is free just now, which only a single thread can know. */
static void remap_fixed(struct fuzzer *f, struct slot *s)
{
	size_t bytes = s->pages * FUZZ_PAGE;
	void *to = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	tell(f, "mremap slot %d of %u pages from %p to %p", slot_number(f, s), s->pages,
	     (void *)s->addr, to);
	if (to == MAP_FAILED)
		return;
	if (mremap(s->addr, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		s->addr = to;
	else
		munmap(to, bytes);
}

static void remap_dontunmap(struct fuzzer *f, struct slot *s)
{
	size_t bytes = s->pages * FUZZ_PAGE;
	struct slot *to = slot_free(f);
	unsigned char *p;

	if (!to)
		return;
	tell(f, "mremap slot %d of %u pages to slot %d, leaving it", slot_number(f, s), s->pages,
	     slot_number(f, to));
	p = mremap(s->addr, bytes, bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (p == MAP_FAILED)
		return;
	to->addr = p;
	to->pages = s->pages;
	to->fill = s->fill;
	memcpy(to->page, s->page, s->pages * sizeof(s->page[0]));
	for (unsigned int i = 0; i < s->pages; i++) {
		if (s->page[i].has_data)
			memcpy(to->shadow + i * FUZZ_PAGE, s->shadow + i * FUZZ_PAGE, FUZZ_PAGE);
		page_fresh(s, i);
		s->page[i].locked = 0;
	}
}

static void op_mremap(struct fuzzer *f)
{
	struct slot *s = slot_used(f);

	if (!s)
		return;
	switch (pick(f, 8)) {
	case 0 ... 3:
		remap_size(f, s);
		break;
	case 4 ... 5:
		if (f->alone)
			remap_fixed(f, s);
		break;
	case 6:
		remap_dontunmap(f, s);
		break;
	default:
		/* A part of it becomes a mapping of its own, which later moves. */
		if (s->pages > 1) {
			tell(f, "split slot %d", slot_number(f, s));
			slot_split(f, s, 1 + pick(f, s->pages - 1));
		}
	}
}

static __u64 slots_bytes(const struct fuzzer *f)
{
	__u64 sum = 0;

	for (int i = 0; i < SLOTS; i++)
		if (f->slot[i].addr)
			sum += f->slot[i].pages * FUZZ_PAGE;
	return sum;
}

static void op_tamstat(struct fuzzer *f)
{
	static __thread struct tamstat entries[8];
	struct tamstat_total total;
	pid_t from = pick(f, 400);
	long count;

	if (f->plain)
		return;
	tell(f, "tamstat from %d", from);
	count = tamstat(0, 0, entries, 1, sizeof(entries[0]));
	if (count != 1 || entries[0].pid != getpid())
		fail(f, "tamstat of itself: %ld, %s", count, strerror(errno));
	if (f->base_bytes && entries[0].reserved_bytes != f->base_bytes + slots_bytes(f))
		fail(f, "%llu bytes are reserved, not %llu",
		     (unsigned long long)entries[0].reserved_bytes,
		     (unsigned long long)(f->base_bytes + slots_bytes(f)));
	count = tamstat(from, TAMSTAT_ALL, entries, ARRAY_LEN(entries), sizeof(entries[0]));
	if (count < 0)
		fail(f, "tamstat of all from %d: %s", from, strerror(errno));
	for (long i = 0; i < count; i++)
		if (entries[i].pid < from || (i && entries[i].pid <= entries[i - 1].pid))
			fail(f, "tamstat of all from %d: entry %ld is PID %d", from, i,
			     entries[i].pid);
	if (tamstat_total(&total, sizeof(total), 0) || !total.mms || total.mms > total.processes)
		fail(f, "tamstat_total: %s", strerror(errno));
}

/*
 * Into a buffer that is anything: untouched, read-only, inaccessible. EFAULT is
 * as right as a number. What was written is not known byte by byte, so drop it.
 */
static void op_tamstat_anywhere(struct fuzzer *f)
{
	size_t bytes = TAMSTAT_SIZE_VER0 + pick(f, 64);
	unsigned int offset = pick(f, FUZZ_PAGE);
	struct range r;
	long count;

	if (!pick_range(f, &r) || range_bytes(&r) < offset + bytes || f->plain)
		return;
	tell_range(f, "tamstat into", &r, bytes);
	count = tamstat(1, TAMSTAT_ALL, range_addr(&r) + offset, (range_bytes(&r) - offset) / bytes,
			bytes);
	if (count < 0 && errno != EFAULT)
		fail(f, "tamstat: %s", strerror(errno));
	if (madvise(range_addr(&r), range_bytes(&r), MADV_DONTNEED_LOCKED))
		fail(f, "MADV_DONTNEED_LOCKED: %s", strerror(errno));
	advised(&r, MADV_DONTNEED, true);
}

void reap_children(struct fuzzer *f, int flags)
{
	int status;

	while (waitpid(-1, &status, flags) > 0)
		if (status)
			fail(f, "a child ended with status %#x", status);
}

static void op_fork(struct fuzzer *f)
{
	bool wait = pick(f, 2);
	int status;
	pid_t child;

	tell(f, "fork, %s", wait ? "waiting" : "going on");
	fflush(stdout);
	child = fork();
	if (child < 0)
		return;
	if (!child) {
		fuzzer_became_child(f);
		some_operations(f, 24);
		slots_check(f);
		_exit(0);
	}
	if (wait && waitpid(child, &status, 0) == child && status)
		fail(f, "a child ended with status %#x", status);
	reap_children(f, WNOHANG);
}

static void op_system(struct fuzzer *f)
{
	static const char *const writes[][2] = {
		{ "/proc/sys/vm/compact_memory", "1" }, { "/proc/self/clear_refs", "1" },
		{ "/proc/self/clear_refs", "4" }, { "/proc/sys/vm/drop_caches", "4" },
	};
	unsigned int i = pick(f, ARRAY_LEN(writes));

	tell(f, "write %s to %s", writes[i][1], writes[i][0]);
	write_text(writes[i][0], writes[i][1]);
}

static const struct operation {
	void (*run)(struct fuzzer *f);
	unsigned int weight;
} operations[] = {
	{ op_read, 30 },
	{ op_write, 30 },
	{ op_madvise, 24 },
	{ op_tamalloc, 12 },
	{ op_mremap, 12 },
	{ op_munmap, 8 },
	{ op_mprotect, 8 },
	{ op_mlock, 5 },
	{ op_collapse, 4 },
	{ op_mmap, 4 },
	{ op_tamstat, 3 },
	{ op_tamstat_anywhere, 1 },
	{ op_fork, 2 },
	{ op_bad_tamalloc, 2 },
	{ op_system, 1 },
};

void some_operations(struct fuzzer *f, unsigned long count)
{
	static unsigned int all;

	if (!all)
		for (size_t i = 0; i < ARRAY_LEN(operations); i++)
			all += operations[i].weight;
	while (count--) {
		unsigned int n = pick(f, all);
		size_t i = 0;

		f->op++;
		f->trace[f->op % TRACE_LINES][0] = '\0';
		/* A child forks no further. */
		while (n >= operations[i].weight)
			n -= operations[i++].weight;
		if (f->thread >= 0 || operations[i].run != op_fork)
			operations[i].run(f);
	}
}
