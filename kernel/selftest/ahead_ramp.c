// SPDX-License-Identifier: GPL-2.0-only
/*
 * No test: what first touches make, as CSV for charts (scripts/kernel-ahead-charts.sh).
 * Two kinds of lines:
 *	committed,PATTERN,SUBJECT,touched pages,committed pages	after every 16th touch
 *	folio,PATTERN,SUBJECT,first page,pages,pte|pmd		in the order of addresses
 * The subjects: tamalloc, and mmap with transparent huge pages of 2 MiB (thp-2m).
 */
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "tam_test.h"

#define PAGES		(32 * MB / 4096)
#define PFN_MASK	((1ULL << 55) - 1)

static unsigned char *memory;
static const char *pattern, *subject;
static size_t touched;

static void touch(size_t page)
{
	store_byte(memory + page * 4096, 1);
	if (++touched % 16 == 0)
		printf("committed,%s,%s,%zu,%ld\n", pattern, subject, touched,
		       smaps_kb(getpid(), memory, PAGES * 4096, "Anonymous:") / 4);
}

static void dense(void)
{
	for (size_t i = 0; i < PAGES; i++)
		touch(i);
}

/* 1 MiB of every 4, at no round page. */
static void chunks(void)
{
	for (size_t slot = 0; slot < PAGES; slot += 1024)
		for (size_t i = 0; i < 256; i++)
			touch(slot + 77 + slot / 16 + i);
}

static void dense_then_sparse(void)
{
	size_t i = 0;

	for (; i < 9 * MB / 4096; i++)
		touch(i);
	for (i = 10 * MB / 4096; i < PAGES; i += 64)
		touch(i);
}

/* PAGEMAP_SCAN of linux/fs.h, which older headers do not have. */
struct region_of_pages {
	__u64 start, end, categories;
};

struct scan {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN		_IOWR('f', 16, struct scan)
#define SCAN_HUGE	(1 << 6)

/* Whether a PMD maps what is at p. */
static bool mapped_by_pmd(int pagemap, const void *p)
{
	struct region_of_pages found;
	struct scan scan = {
		.size = sizeof(scan),
		.start = (uintptr_t)p,
		.end = (uintptr_t)p + 4096,
		.vec = (uintptr_t)&found,
		.vec_len = 1,
		.category_mask = SCAN_HUGE,
		.return_mask = SCAN_HUGE,
	};

	return ioctl(pagemap, SCAN, &scan) > 0;
}

static __u64 entry_of(int fd, __u64 at)
{
	__u64 entry = 0;

	if (pread(fd, &entry, sizeof(entry), at * sizeof(entry)) != sizeof(entry))
		perror("ahead_ramp");
	return entry;
}

static void print_folios(void)
{
	int flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0, pages; i < PAGES; i += pages) {
		const unsigned char *p = memory + i * 4096;
		__u64 entry = pagemap_entry(p);

		pages = 1;
		if (!(entry & PM_PRESENT))
			continue;
		while (entry_of(flags, (entry & PFN_MASK) + pages) & (1 << KPF_COMPOUND_TAIL))
			pages++;
		printf("folio,%s,%s,%zu,%zu,%s\n", pattern, subject, i, pages,
		       mapped_by_pmd(pagemap, p) ? "pmd" : "pte");
	}
	close(flags);
	close(pagemap);
}

static unsigned char *map_huge(void)
{
	unsigned char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p != MAP_FAILED && madvise(p, PAGES * 4096, MADV_HUGEPAGE))
		perror("ahead_ramp: MADV_HUGEPAGE");
	return p;
}

static void touch_all(const char *name, unsigned char *p, void (*touches)(void))
{
	subject = name;
	touched = 0;
	memory = p;
	if (memory == MAP_FAILED) {
		perror("ahead_ramp: no memory");
		exit(1);
	}
	touches();
	print_folios();
	munmap(memory, PAGES * 4096);
}

static void run(const char *name, void (*touches)(void))
{
	pattern = name;
	touch_all("tamalloc", tamalloc(PAGES * 4096, 0, 0), touches);
	touch_all("thp-2m", map_huge(), touches);
}

int main(void)
{
	const char *reason = tam_unsupported();

	if (reason) {
		fprintf(stderr, "ahead_ramp: %s\n", reason);
		return 4;
	}
	knob_set("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	run("dense-up", dense);
	run("chunks-1m", chunks);
	run("dense-then-sparse", dense_then_sparse);
	knobs_restore();
	return 0;
}
