// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "fuzz.h"

unsigned int pick(struct fuzzer *f, unsigned int below)
{
	/* xorshift64* */
	f->rng ^= f->rng >> 12;
	f->rng ^= f->rng << 25;
	f->rng ^= f->rng >> 27;
	return (f->rng * 0x2545f4914f6cdd1dULL >> 32) % below;
}

void tell(struct fuzzer *f, const char *format, ...)
{
	char *line = f->trace[f->op % TRACE_LINES];
	int used = snprintf(line, sizeof(f->trace[0]), "%lu ", f->op);
	va_list args;

	va_start(args, format);
	vsnprintf(line + used, sizeof(f->trace[0]) - used, format, args);
	va_end(args);
	if (f->loud)
		printf("# %s%s\n", f->thread < 0 ? "child: " : "", line);
}

void fail(struct fuzzer *f, const char *format, ...)
{
	unsigned long from = f->op < TRACE_LINES ? 0 : f->op - TRACE_LINES + 1;
	va_list args;

	printf("# the last operations of thread %d, the oldest first:\n", f->thread);
	for (unsigned long op = from; op <= f->op; op++)
		if (f->trace[op % TRACE_LINES][0])
			printf("#   %s\n", f->trace[op % TRACE_LINES]);
	va_start(args, format);
	printf("# seed %llu, operation %lu%s: ", (unsigned long long)f->seed, f->op,
	       f->thread < 0 ? " in a child" : "");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	_exit(1);
}

void fuzzer_init(struct fuzzer *f, __u64 seed, int thread, bool alone)
{
	const size_t shadow_bytes = MAX_PAGES * FUZZ_PAGE;
	unsigned char *shadows = mmap(NULL, SLOTS * shadow_bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	f->seed = seed;
	f->rng = (seed + 1) * 0x9e3779b97f4a7c15ULL + thread;
	f->thread = thread;
	f->alone = alone;
	f->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (shadows == MAP_FAILED || f->mem_fd < 0 || pipe(f->pipe)) {
		perror("fuzz");
		exit(1);
	}
	for (int i = 0; i < SLOTS; i++)
		f->slot[i].shadow = shadows + i * shadow_bytes;
}

void fuzzer_became_child(struct fuzzer *f)
{
	f->thread = -1;
	f->alone = true;
	close(f->mem_fd);
	f->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (f->mem_fd < 0 || pipe(f->pipe))
		fail(f, "a child has no /proc/self/mem or pipe: %s", strerror(errno));
	for (int n = 0; n < SLOTS; n++) {
		struct slot *s = &f->slot[n];

		for (unsigned int i = 0; s->addr && i < s->pages; i++) {
			s->page[i].locked = 0;
			if (s->page[i].wiped)
				page_fresh(s, i);
		}
	}
}

struct slot *slot_used(struct fuzzer *f)
{
	unsigned int first = pick(f, SLOTS);

	for (unsigned int i = 0; i < SLOTS; i++) {
		struct slot *s = &f->slot[(first + i) % SLOTS];

		if (s->addr)
			return s;
	}
	return NULL;
}

struct slot *slot_free(struct fuzzer *f)
{
	for (int i = 0; i < SLOTS; i++)
		if (!f->slot[i].addr)
			return &f->slot[i];
	return NULL;
}

void slot_start(struct slot *s, unsigned char *addr, unsigned int pages, unsigned char fill)
{
	s->addr = addr;
	s->pages = pages;
	s->fill = fill;
	for (unsigned int i = 0; i < pages; i++)
		s->page[i] = (struct page_model){ .byte = fill, .prot = PROT_READ | PROT_WRITE };
}

void slot_extend(struct slot *s, unsigned int pages)
{
	for (unsigned int i = s->pages; i < pages; i++) {
		s->page[i] = s->page[0];
		page_fresh(s, i);
	}
	s->pages = pages;
}

bool slot_split(struct fuzzer *f, struct slot *s, unsigned int at)
{
	struct slot *to = slot_free(f);

	if (!to)
		return false;
	to->addr = s->addr + at * FUZZ_PAGE;
	to->pages = s->pages - at;
	to->fill = s->fill;
	memcpy(to->page, s->page + at, to->pages * sizeof(to->page[0]));
	for (unsigned int i = 0; i < to->pages; i++)
		if (to->page[i].has_data)
			memcpy(to->shadow + i * FUZZ_PAGE, s->shadow + (at + i) * FUZZ_PAGE,
			       FUZZ_PAGE);
	s->pages = at;
	return true;
}

void page_fresh(struct slot *s, unsigned int i)
{
	s->page[i].has_data = 0;
	s->page[i].byte = s->fill;
	s->page[i].freed = 0;
}

/* The offset of the first byte of the page at p that is not as the model says; FUZZ_PAGE: none. */
static size_t first_wrong(const struct slot *s, unsigned int i, const unsigned char *p)
{
	const unsigned char *want = s->shadow + i * FUZZ_PAGE;
	size_t at = 0;

	if (!s->page[i].has_data)
		return first_bad(p, FUZZ_PAGE, s->page[i].byte);
	if (!memcmp(want, p, FUZZ_PAGE))
		return FUZZ_PAGE;
	while (want[at] == p[at])
		at++;
	return at;
}

static void wrong_byte(struct fuzzer *f, const struct slot *s, unsigned int i,
		       const unsigned char *p, enum via via)
{
	size_t at = first_wrong(s, i, p);
	const struct page_model *m = &s->page[i];

	fail(f, "slot %d page %u of %u at %p: byte %zu is %#04x, not %#04x (%#04x, %s%s, %d)",
	     (int)(s - f->slot), i, s->pages, (void *)(s->addr + i * FUZZ_PAGE), at, p[at],
	     m->has_data ? s->shadow[i * FUZZ_PAGE + at] : m->byte, s->fill,
	     m->has_data ? "written before" : "one byte throughout", m->freed ? ", freed" : "",
	     via);
}

static const unsigned char *fetch(struct fuzzer *f, const unsigned char *p, unsigned char *buf,
				  enum via via)
{
	struct iovec here = { buf, FUZZ_PAGE }, there = { (void *)p, FUZZ_PAGE };
	ssize_t got = -1;

	switch (via) {
	case VIA_PIPE:
		got = write(f->pipe[1], p, FUZZ_PAGE);
		if (got == (ssize_t)FUZZ_PAGE)
			got = read(f->pipe[0], buf, FUZZ_PAGE);
		break;
	case VIA_PROCESS_VM:
		got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
		break;
	case VIA_PROC_MEM:
		got = pread(f->mem_fd, buf, FUZZ_PAGE, (off_t)p);
		break;
	default:
		memcpy(buf, p, FUZZ_PAGE);
		return buf;
	}
	if (got != (ssize_t)FUZZ_PAGE)
		fail(f, "reading %p via %d: %zd, %s", (void *)p, via, got, strerror(errno));
	return buf;
}

void page_check(struct fuzzer *f, struct slot *s, unsigned int i, enum via via)
{
	static __thread unsigned char buf[FUZZ_PAGE];
	const unsigned char *p = fetch(f, s->addr + i * FUZZ_PAGE, buf, via);

	if (first_wrong(s, i, p) == FUZZ_PAGE)
		return;
	if (!s->page[i].freed || first_bad(p, FUZZ_PAGE, s->fill) != FUZZ_PAGE)
		wrong_byte(f, s, i, p, via);
	page_fresh(s, i);
}

static void store(struct fuzzer *f, unsigned char *p, unsigned int len, unsigned char value,
		  enum via via)
{
	static __thread unsigned char buf[FUZZ_PAGE];
	struct iovec here = { buf, len }, there = { p, len };
	ssize_t put = -1;

	memset(buf, value, len);
	switch (via) {
	case VIA_PIPE:
		put = write(f->pipe[1], buf, len);
		if (put == (ssize_t)len)
			put = read(f->pipe[0], p, len);
		break;
	case VIA_PROCESS_VM:
		put = process_vm_writev(getpid(), &here, 1, &there, 1, 0);
		break;
	case VIA_PROC_MEM:
		put = pwrite(f->mem_fd, buf, len, (off_t)p);
		break;
	default:
		memset(p, value, len);
		return;
	}
	if (put != (ssize_t)len)
		fail(f, "writing %u bytes at %p via %d: %zd, %s", len, (void *)p, via, put,
		     strerror(errno));
}

static void model_write(struct slot *s, unsigned int i, unsigned int offset, unsigned int len,
			unsigned char value)
{
	unsigned char *shadow = s->shadow + i * FUZZ_PAGE;

	if (!s->page[i].has_data)
		memset(shadow, s->page[i].byte, FUZZ_PAGE);
	s->page[i].has_data = 1;
	memset(shadow + offset, value, len);
}

void page_write(struct fuzzer *f, struct slot *s, unsigned int i, unsigned int offset,
		unsigned int len, unsigned char value, enum via via)
{
	unsigned char *p = s->addr + i * FUZZ_PAGE;

	store(f, p + offset, len, value, via);
	model_write(s, i, offset, len, value);
	if (!s->page[i].freed)
		return;
	/* It was written in time to be kept, or only after it had gone. Which, shows now. */
	s->page[i].freed = 0;
	if (!(s->page[i].prot & PROT_READ) || first_wrong(s, i, p) == FUZZ_PAGE)
		return;
	page_fresh(s, i);
	model_write(s, i, offset, len, value);
	if (first_wrong(s, i, p) != FUZZ_PAGE)
		wrong_byte(f, s, i, p, via);
}

void slots_check(struct fuzzer *f)
{
	for (int n = 0; n < SLOTS; n++)
		for (unsigned int i = 0; f->slot[n].addr && i < f->slot[n].pages; i++)
			if (f->slot[n].page[i].prot & PROT_READ)
				page_check(f, &f->slot[n], i, VIA_USER);
}
