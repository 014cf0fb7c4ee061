// SPDX-License-Identifier: MIT
/*
 * Swap: what was touched goes there and comes back, byte for byte; what was not touched needs none.
 * On a host its own swap is used, in the virtual machine a disk in compressed memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "scenario.h"
#include "system_files.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define MIB    ((size_t)1 << 20)
#define BLOCK  (64 * MIB)
#define PAGE   ((size_t)sysconf(_SC_PAGESIZE))
#define STRIDE 8
#define ROOM   (2 * BLOCK)
#define DISK   "/dev/zram0"
#define ROUNDS 50 /* pages that a CPU has just made wait in its batch before they can be taken */

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* As mkswap(8): the header is the first page. */
static int make_swap(const char *path, size_t bytes)
{
	unsigned char page[4096] = {0}; /* the virtual machine's pages */
	unsigned version = 1, last = (unsigned)(bytes / sizeof(page) - 1);
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	memcpy(page + 1024, &version, sizeof(version));
	memcpy(page + 1028, &last, sizeof(last));
	memcpy(page + sizeof(page) - 10, "SWAPSPACE2", 10);
	if (write(fd, page, sizeof(page)) != sizeof(page) || fsync(fd))
		error = -errno;
	close(fd);
	return error;
}

/* *made: it must be given back. */
static bool have_swap(struct scenario_result *r, bool *made)
{
	int error;

	*made = false;
	if (system_meminfo_bytes("SwapFree") >= ROOM)
		return true;
	if (!r->guest) {
		scenario_unsupported(r,
				     "less than %zu MiB of swap are free here; the virtual "
				     "machine has this row",
				     ROOM / MIB);
		return false;
	}
	error = write_text("/sys/block/zram0/disksize", "268435456");
	if (!error)
		error = make_swap(DISK, 4 * BLOCK);
	if (!error && swapon(DISK, 0))
		error = -errno;
	if (error)
		scenario_unsupported(r, "no swap can be made of " DISK ": %s", strerror(-error));
	*made = !error;
	return !error;
}

static void give_back(void)
{
	swapoff(DISK);
	write_text("/sys/block/zram0/reset", "1");
}

/* The pages that hold the block: a malloc's begins a little behind the beginning of one. */
static uint64_t page_out(const struct block *block, size_t wanted)
{
	uintptr_t begin = (uintptr_t)block->addr & ~(PAGE - 1);
	uintptr_t end = ((uintptr_t)block->addr + BLOCK + PAGE - 1) & ~(PAGE - 1);
	uint64_t out = 0;

	for (int i = 0; i < ROUNDS && out < wanted; i++) {
		if (madvise((void *)begin, end - begin, MADV_PAGEOUT))
			return 0;
		out = scenario_smaps_bytes((void *)begin, end - begin, "Swap");
		if (out < wanted)
			usleep(10000);
	}
	return out;
}

static void out_and_in(const struct scenario_case *c, struct scenario_result *r)
{
	size_t committed = c->value ? BLOCK : BLOCK / STRIDE, wrong;
	struct block block;
	uint64_t out, faults;
	int error = scenario_take(c, r, BLOCK, &block);

	if (error == -ENOTSUP)
		return;
	if (error) {
		scenario_broken(r, "no block: %s", strerror(-error));
		return;
	}
	scenario_write(block.addr, BLOCK, STRIDE, 7);
	out = page_out(&block, committed - committed / 16);
	if (!out) {
		scenario_unsupported(r, "MADV_PAGEOUT does nothing here (Linux 5.4)");
		return;
	}
	faults = scenario_faults();
	wrong = scenario_wrong(block.addr, BLOCK, STRIDE, 7);
	scenario_metric(r, "swapped_bytes", (double)out);
	scenario_metric(r, "faults_to_come_back", (double)(scenario_faults() - faults));
	scenario_observed(r,
			  "%zu MiB reserved, each %dth page written: %.1f MiB in swap, and back "
			  "with %zu wrong pages",
			  BLOCK / MIB, STRIDE, (double)out / MIB, wrong);
	if (wrong)
		scenario_broken(r, "%zu pages are wrong after swap", wrong);
	else if (out < committed - committed / 16 || out > committed + 64 * PAGE)
		scenario_broken(r, "%llu bytes were in swap, not %zu", (unsigned long long)out,
				committed);
}

static void swap_scenario(const struct scenario_case *c, struct scenario_result *r)
{
	bool made;

	if (!have_swap(r, &made))
		return;
	out_and_in(c, r);
	if (made)
		give_back();
}

#define LAZY(way)                                                                                 \
	{                                                                                         \
		"swap", "lazy", way,                                                              \
			"only touched pages need swap; they come back as written, the others as " \
			"the fill",                                                               \
			BLOCK, 0, false, swap_scenario                                            \
	}
#define EAGER(way)                                                                               \
	{                                                                                        \
		"swap", "eager", way,                                                            \
			"every page needs swap, touched or not, and comes back right", BLOCK, 1, \
			false, swap_scenario                                                     \
	}

static const struct scenario_case swap_cases[] = {
	LAZY("mmap"),
	LAZY("glibc/calloc"),
	LAZY("tamalloc/lib-plain"),
	LAZY("tamalloc/syscall-4k"),
	EAGER("glibc/malloc+memset"),
	EAGER("mmap/populate"),
};

REGISTER_SCENARIO(swap_cases)
