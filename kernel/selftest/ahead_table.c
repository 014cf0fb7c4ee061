// SPDX-License-Identifier: GPL-2.0-only
/*
 * No test: prints what it costs to touch memory in several orders, as
 *	cost for each touched page / pages committed for each / faults for each
 * for tamalloc beside mmap with every size of huge page. The cost is in ns; in
 * a guest under instruction counting (scripts/vm.sh run --icount) these are
 * instructions. "ahead_table [--subjects NAME,...] [PATTERN]..."
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tam_test.h"

#define TABLE_BYTES	(128 * MB)
#define PAGES		(TABLE_BYTES / 4096)
#define HUGE_PAGES	(HUGE / 4096)
#define THP		"/sys/kernel/mm/transparent_hugepage/"

/* The pages to touch, in order; committed and private to each child. */
static unsigned int order[2 * PAGES];

static unsigned long random_next(void)
{
	static unsigned long state = 0x9e3779b97f4a7c15;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Each fills order[] and returns how many pages that is, all different. */

static size_t every(size_t step)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i += step)
		order[n++] = i;
	return n;
}

static size_t dense_up(void)	{ return every(1); }
static size_t stride_4(void)	{ return every(4); }
static size_t stride_16(void)	{ return every(16); }
static size_t stride_64(void)	{ return every(64); }

static size_t dense_down(void)
{
	for (size_t i = 0; i < PAGES; i++)
		order[i] = PAGES - 1 - i;
	return PAGES;
}

static size_t shuffled(void)
{
	size_t n = every(1);

	for (size_t i = n - 1; i > 0; i--) {
		size_t other = random_next() % (i + 1);
		unsigned int page = order[i];

		order[i] = order[other];
		order[other] = page;
	}
	return n;
}

static size_t sparse_1pct(void)
{
	return shuffled() / 100;
}

static size_t two_streams(void)
{
	for (size_t i = 0; i < PAGES / 2; i++) {
		order[2 * i] = i;
		order[2 * i + 1] = PAGES / 2 + i;
	}
	return PAGES;
}

/* 1 MiB each, one in each 4 MiB, beginning at no round page. */
static size_t chunks_1m(void)
{
	const size_t chunk = MB / 4096;
	size_t n = 0;

	for (size_t slot = 0; slot < PAGES; slot += 4 * chunk) {
		size_t begin = slot + 1 + random_next() % (2 * chunk);

		for (size_t i = 0; i < chunk; i++)
			order[n++] = begin + i;
	}
	return n;
}

static size_t dense_then_sparse(void)
{
	size_t n = 0, at = 0;

	for (; at < 9 * MB / 4096; at++)
		order[n++] = at;
	for (at = 10 * MB / 4096; at < PAGES; at += HUGE_PAGES)
		order[n++] = at;
	return n;
}

/*
 * Who knows mm/tamalloc_fault.c: the evidence for the largest folio, then one
 * page of the folio above it and one of the folio below.
 */
static size_t knowing(void)
{
	const size_t folio = 16, window = 3 * folio;
	size_t n = 0;

	for (size_t at = 0; at + window + 2 * folio <= PAGES; at += window + 2 * folio) {
		for (size_t i = 0; i < window; i++)
			order[n++] = at + folio + i;
		order[n++] = at + folio + window;
		order[n++] = at + folio - 1;
	}
	return n;
}

/*
 * The same with huge pages: three of them in full, a page of each of two above, and
 * of each of two below.
 */
static size_t knowing_huge(void)
{
	size_t n = 0;

	for (size_t at = 2 * HUGE_PAGES; at + 5 * HUGE_PAGES <= PAGES; at += 7 * HUGE_PAGES) {
		for (size_t i = 0; i < 3 * HUGE_PAGES; i++)
			order[n++] = at + i;
		for (size_t i = 0; i < 2; i++) {
			order[n++] = at + (3 + i) * HUGE_PAGES;
			order[n++] = at - 1 - i * HUGE_PAGES;
		}
	}
	return n;
}

/* What is done to the pages of order[], or before to all. */
enum access {
	WRITE,
	READ,
	READ_THEN_WRITE,
	LOCK_THEN_WRITE,	/* mlock() */
	POPULATE_THEN_WRITE,	/* MADV_POPULATE_WRITE */
};

static const struct pattern {
	const char *name;
	size_t (*make)(void);	/* NULL: the first page of each folio, found as it goes */
	unsigned char fill;
	enum access access;
} patterns[] = {
	{ "dense-up", dense_up, 0, WRITE },
	{ "dense-up fill 171", dense_up, 171, WRITE },
	{ "dense-down", dense_down, 0, WRITE },
	{ "two-streams", two_streams, 0, WRITE },
	{ "shuffled", shuffled, 0, WRITE },
	{ "sparse-1pct", sparse_1pct, 0, WRITE },
	{ "stride-4", stride_4, 0, WRITE },
	{ "stride-16", stride_16, 0, WRITE },
	{ "stride-64", stride_64, 0, WRITE },
	{ "chunks-1m", chunks_1m, 0, WRITE },
	{ "dense-then-sparse", dense_then_sparse, 0, WRITE },
	{ "first-of-each-folio", NULL, 0, WRITE },
	{ "knowing", knowing, 0, WRITE },
	{ "huge-knowing", knowing_huge, 0, WRITE },
	{ "read-dense", dense_up, 0, READ },
	{ "read-sparse", sparse_1pct, 0, READ },
	{ "read-then-write", dense_up, 0, READ_THEN_WRITE },
	{ "mlock", dense_up, 0, LOCK_THEN_WRITE },
	{ "populate-write", dense_up, 0, POPULATE_THEN_WRITE },
};

static unsigned char *map_plain(size_t bytes, unsigned char fill, int flags)
{
	unsigned char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	if (p != MAP_FAILED && fill)
		memset(p, fill, bytes);
	return p;
}

static unsigned char *map_mmap(size_t bytes, unsigned char fill)
{
	return map_plain(bytes, fill, 0);
}

static unsigned char *map_populate(size_t bytes, unsigned char fill)
{
	return map_plain(bytes, fill, MAP_POPULATE);
}

static unsigned char *map_single(size_t bytes, unsigned char fill)
{
	return tamalloc(bytes, fill, TAMALLOC_SINGLE);
}

static unsigned char *map_tamalloc(size_t bytes, unsigned char fill)
{
	return tamalloc(bytes, fill, 0);
}

static const struct subject {
	const char *name;
	unsigned char *(*map)(size_t bytes, unsigned char fill);
	const char *huge;	/* the size of huge page that is on: a directory of sysfs */
} subjects[] = {
	{ "tamalloc", map_tamalloc, NULL },
	{ "single", map_single, NULL },
	{ "mmap", map_mmap, NULL },
	{ "populate", map_populate, NULL },
	{ "thp-2m", map_mmap, "hugepages-2048kB" },
	{ "mthp-16k", map_mmap, "hugepages-16kB" },
	{ "mthp-32k", map_mmap, "hugepages-32kB" },
	{ "mthp-64k", map_mmap, "hugepages-64kB" },
	{ "mthp-128k", map_mmap, "hugepages-128kB" },
	{ "mthp-256k", map_mmap, "hugepages-256kB" },
	{ "mthp-512k", map_mmap, "hugepages-512kB" },
	{ "mthp-1m", map_mmap, "hugepages-1024kB" },
};

static void choose_huge(const char *size)
{
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		if (!subjects[i].huge)
			continue;
		snprintf(path, sizeof(path), THP "%s/enabled", subjects[i].huge);
		write_text(path, size && !strcmp(size, subjects[i].huge) ? "always" : "never");
	}
}

static unsigned long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static void touch(unsigned char *p, size_t n, enum access access)
{
	if (access == LOCK_THEN_WRITE && mlock(p, TABLE_BYTES))
		perror("ahead_table: mlock");
	if (access == POPULATE_THEN_WRITE && madvise(p, TABLE_BYTES, MADV_POPULATE_WRITE))
		perror("ahead_table: MADV_POPULATE_WRITE");
	if (access == READ || access == READ_THEN_WRITE)
		for (size_t i = 0; i < n; i++)
			load_byte(p + (size_t)order[i] * 4096);
	if (access != READ)
		for (size_t i = 0; i < n; i++)
			store_byte(p + (size_t)order[i] * 4096, 1);
}

/* Touches the next page that is not there, and again, to the end. */
static size_t touch_first_of_each(unsigned char *p)
{
	size_t n = 0;

	for (size_t i = 0; i < PAGES; i++) {
		if (pagemap_entry(p + i * 4096) & PM_PRESENT)
			continue;
		store_byte(p + i * 4096, 1);
		n++;
	}
	return n;
}

/* In a child: everything is given back at its end. */
static void measure(const struct pattern *pattern, const struct subject *subject)
{
	unsigned long begin, cost = 0;
	unsigned char *p;
	long faults;
	size_t n;

	memset(order, 0, sizeof(order));
	n = pattern->make ? pattern->make() : 0;
	make_own_pages_resident();
	now_ns();	/* the pages of the vDSO are our own, too */

	faults = page_faults();
	begin = now_ns();
	p = subject->map(TABLE_BYTES, pattern->fill);
	cost += now_ns() - begin;
	if (p == MAP_FAILED) {
		printf(" %24s", "not there");
		return;
	}
	if ((uintptr_t)p % HUGE) {	/* the kernel aligns mappings of this size */
		printf(" %24s", "not aligned");
		return;
	}
	if (pattern->make) {
		begin = now_ns();
		touch(p, n, pattern->access);
		cost += now_ns() - begin;
		faults = page_faults() - faults;
		printf(" %7.1f/%.4f/%.5f", (double)cost / n,
		       smaps_kb(getpid(), p, TABLE_BYTES, "Anonymous:") / 4.0 / n,
		       (double)faults / n);
	} else {
		n = touch_first_of_each(p);
		if (n)
			printf(" %7s/%.4f/1.00000", "-",
			       smaps_kb(getpid(), p, TABLE_BYTES, "Anonymous:") / 4.0 / n);
		else
			printf(" %24s", "-/-");
	}
}

/* The same before each measurement: the page allocator hands out what was freed last. */
static void settle(void)
{
	pid_t child;

	choose_huge(NULL);
	child = fork();
	if (!child) {
		touch(map_mmap(TABLE_BYTES, 0), dense_up(), WRITE);
		_exit(0);
	}
	wait_status(child);
}

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strncmp(name, argv[i], strlen(argv[i])))
			return true;
	return !argc;
}

/* Whether name is one of a list with commas; if there is a list. */
static bool listed(const char *name, const char *list)
{
	const size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return !list;
}

int main(int argc, char **argv)
{
	const char *reason = tam_unsupported(), *list = NULL;

	if (reason)
		fprintf(stderr, "ahead_table: %s\n", reason);
	argc--;
	argv++;
	if (argc >= 2 && !strcmp(argv[0], "--subjects")) {
		list = argv[1];
		argc -= 2;
		argv += 2;
	}
	knob_set(THP "enabled", "always");
	printf("%-20s", "pattern");
	for (size_t s = 0; s < ARRAY_LEN(subjects); s++)
		if (listed(subjects[s].name, list))
			printf(" %24s", subjects[s].name);
	printf("\n");
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		if (!wanted(patterns[i].name, argc, argv))
			continue;
		printf("%-20s", patterns[i].name);
		for (size_t s = 0; s < ARRAY_LEN(subjects); s++) {
			pid_t child;

			if (!listed(subjects[s].name, list))
				continue;
			settle();
			choose_huge(subjects[s].huge);
			fflush(stdout);
			child = fork();
			if (!child) {
				measure(&patterns[i], &subjects[s]);
				fflush(stdout);
				_exit(0);
			}
			if (wait_status(child))
				printf(" %24s", "failed");
		}
		printf("\n");
	}
	choose_huge(NULL);
	knobs_restore();
	return 0;
}
