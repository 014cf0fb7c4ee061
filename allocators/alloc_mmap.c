// SPDX-License-Identifier: MIT
/*
 * mmap, mmap/noreserve, mmap/populate, mmap/populate-write, mmap/hugetlb, mmap/thp,
 * mmap/mthp-<size>: private anonymous mappings straight from the kernel. A fill byte other than 0
 * is written over the whole mapping at once, eagerly.
 */
#include <fcntl.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>

#include "mapping.h"

#define THP_DIR "/sys/kernel/mm/transparent_hugepage/"
#define POOL	"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define HUGE_BYTES \
	((size_t)2 << 20) /* of x86-64 and arm64 with 4 KiB pages; elsewhere only alignment */

/* A mapping at a multiple of HUGE_BYTES: one that is too long, both ends cut off. */
static void *map_aligned(size_t bytes)
{
	char *addr = mapping_new(bytes + HUGE_BYTES, 0);
	size_t head;

	if (!addr)
		return NULL;
	head = -(uintptr_t)addr & (HUGE_BYTES - 1);
	if (head)
		munmap(addr, head);
	munmap(addr + head + bytes, HUGE_BYTES - head);
	return addr + head;
}

static int alloc(size_t size_bytes, unsigned char fill, int flags, bool huge, struct block *block)
{
	size_t bytes;
	int error = mapping_bytes(size_bytes, page_bytes(), &bytes);
	void *addr;

	if (error)
		return error;
	addr = huge ? map_aligned(bytes) : mapping_new(bytes, flags);
	if (!addr)
		return -errno;
	if (huge && madvise(addr, bytes, MADV_HUGEPAGE)) {
		error = -errno;
		munmap(addr, bytes);
		return error;
	}
	return mapping_give(addr, bytes, fill, block);
}

static int alloc_plain(struct alloc_ctx *ctx, size_t size, unsigned char fill, struct block *block)
{
	(void)ctx;
	return alloc(size, fill, 0, false, block);
}

static int alloc_noreserve(struct alloc_ctx *ctx, size_t size, unsigned char fill,
			   struct block *block)
{
	(void)ctx;
	return alloc(size, fill, MAP_NORESERVE, false, block);
}

static int alloc_populate(struct alloc_ctx *ctx, size_t size, unsigned char fill,
			  struct block *block)
{
	(void)ctx;
	return alloc(size, fill, MAP_POPULATE, false, block);
}

/* The kernel fills the page tables on request, as if each page had been written. */
static int alloc_populate_write(struct alloc_ctx *ctx, size_t size, unsigned char fill,
				struct block *block)
{
	int error = alloc(size, 0, 0, false, block);

	(void)ctx;
	if (error)
		return error;
	if (madvise(block->addr, block->bytes, MADV_POPULATE_WRITE)) {
		error = -errno;
		munmap(block->addr, block->bytes);
		return error;
	}
	return mapping_give(block->addr, block->bytes, fill, block);
}

/* Before Linux 5.14 there is none. */
static bool populate_write_supported(char *reason, size_t reason_bytes)
{
	void *addr = mapping_new(page_bytes(), 0);
	bool works = addr && !madvise(addr, page_bytes(), MADV_POPULATE_WRITE);

	if (addr)
		munmap(addr, page_bytes());
	if (!works)
		snprintf(reason, reason_bytes,
			 "this kernel has no MADV_POPULATE_WRITE; Linux 5.14 has");
	return works;
}

/* The pages are those of the pool, reserved here and mapped on their first touch. */
static int alloc_hugetlb(struct alloc_ctx *ctx, size_t size, unsigned char fill,
			 struct block *block)
{
	size_t bytes;
	int error = mapping_bytes(size, HUGE_BYTES, &bytes);
	void *addr;

	(void)ctx;
	if (error)
		return error;
	addr = mapping_new(bytes, MAP_HUGETLB | MAP_HUGE_2MB);
	return addr ? mapping_give(addr, bytes, fill, block) : -errno;
}

static bool tuning_forbidden(void)
{
	const char *no_tune = getenv("NO_TUNE");

	return no_tune && *no_tune;
}

/* Root fills the pool for it; for anyone else there must be pages in it. */
static bool hugetlb_supported(char *reason, size_t reason_bytes)
{
	struct block block = {0};

	if (access(POOL, F_OK)) {
		snprintf(reason, reason_bytes,
			 "this kernel has no pool of huge pages of 2 MiB (hugetlbfs)");
		return false;
	}
	if (!tuning_forbidden() && !access(POOL, W_OK))
		return true;
	if (!alloc_hugetlb(NULL, HUGE_BYTES, 0, &block)) {
		munmap(block.addr, block.bytes);
		return true;
	}
	snprintf(
		reason, reason_bytes,
		"the pool of huge pages is empty; as root (without NO_TUNE) it is filled, or write "
		"to " POOL);
	return false;
}

static int alloc_thp(struct alloc_ctx *ctx, size_t size, unsigned char fill, struct block *block)
{
	(void)ctx;
	return alloc(size, fill, 0, true, block);
}

/* The words of a setting, the one in force in brackets; "" where it cannot be read. */
static void read_setting(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, bytes - 1);

	text[length > 0 ? length : 0] = 0;
	if (fd >= 0)
		close(fd);
}

/* Since Linux 6.8 each size has a setting of its own, and that of 2 MiB may be to inherit. */
static bool thp_supported(char *reason, size_t reason_bytes)
{
	char all[64], own[64];

	read_setting(THP_DIR "enabled", all, sizeof(all));
	read_setting(THP_DIR "hugepages-2048kB/enabled", own, sizeof(own));
	if (!*all)
		snprintf(reason, reason_bytes, "this kernel has no transparent huge pages");
	else if (strstr(own, "[never]"))
		snprintf(reason, reason_bytes,
			 "transparent huge pages of 2 MiB are off; write 'inherit' to " THP_DIR
			 "hugepages-2048kB/enabled");
	else if (strstr(all, "[never]") && (!*own || strstr(own, "[inherit]")))
		snprintf(reason, reason_bytes,
			 "transparent huge pages are off; write 'madvise' to " THP_DIR "enabled");
	else
		return true;
	return false;
}

static struct allocator subjects[] = {
	{
		.name = "mmap",
		.summary = "anonymous mapping, each page on its first touch",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
		.alloc = alloc_plain,
		.release = mapping_release,
	},
	{
		.name = "mmap/noreserve",
		.summary = "mmap with MAP_NORESERVE: not counted against the commit limit",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
		.alloc = alloc_noreserve,
		.release = mapping_release,
	},
	{
		.name = "mmap/populate",
		.summary = "mmap with MAP_POPULATE: every page at once",
		.flags = ALLOC_FILL_ANY,
		.alloc = alloc_populate,
		.release = mapping_release,
	},
	{
		.name = "mmap/populate-write",
		.summary = "mmap, then MADV_POPULATE_WRITE: every page at once",
		.flags = ALLOC_FILL_ANY,
		.supported = populate_write_supported,
		.alloc = alloc_populate_write,
		.release = mapping_release,
	},
	{
		.name = "mmap/hugetlb",
		.summary = "mmap of pages of 2 MiB from the pool (MAP_HUGETLB), on their first "
			   "touch",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY | ALLOC_HUGE | ALLOC_POOL,
		.supported = hugetlb_supported,
		.alloc = alloc_hugetlb,
		.release = mapping_release,
	},
	{
		.name = "mmap/thp",
		.summary = "mmap at a 2 MiB boundary with MADV_HUGEPAGE: each 2 MiB on its first "
			   "touch",
		.flags = ALLOC_LAZY | ALLOC_FILL_ANY | ALLOC_HUGE,
		.supported = thp_supported,
		.alloc = alloc_thp,
		.release = mapping_release,
	},
};

/* ---- mmap/mthp-<size>: one for each size that this kernel has below the largest ---- */

#define MTHP_MAX 12

static struct {
	struct allocator allocator;
	char name[24], size[16], summary[80];
} mthp[MTHP_MAX];

/* Root or the guest may set what these need; anyone else cannot. */
static bool mthp_supported(char *reason, size_t reason_bytes)
{
	if (tuning_forbidden()) {
		snprintf(reason, reason_bytes,
			 "NO_TUNE forbids to choose the size of huge pages; leave it out");
		return false;
	}
	if (!access(THP_DIR "enabled", W_OK))
		return true;
	snprintf(reason, reason_bytes,
		 "only root may choose the size of huge pages; run it with sudo");
	return false;
}

__attribute__((constructor)) static void register_mthp(void)
{
	unsigned n = 0;

	for (size_t kib = 8; kib < HUGE_BYTES >> 10; kib *= 2) {
		char path[96];

		snprintf(path, sizeof(path), THP_DIR "hugepages-%zukB/enabled", kib);
		if (n == MTHP_MAX || access(path, F_OK))
			continue;
		snprintf(mthp[n].size, sizeof(mthp[n].size), "%zukB", kib);
		if (kib < 1024)
			snprintf(mthp[n].name, sizeof(mthp[n].name), "mmap/mthp-%zuk", kib);
		else
			snprintf(mthp[n].name, sizeof(mthp[n].name), "mmap/mthp-%zum", kib >> 10);
		snprintf(mthp[n].summary, sizeof(mthp[n].summary),
			 "mmap with huge pages of %zu KiB only", kib);
		mthp[n].allocator = (struct allocator){
			.name = mthp[n].name,
			.summary = mthp[n].summary,
			.flags = ALLOC_LAZY | ALLOC_FILL_ANY | ALLOC_HUGE,
			.mthp_size = mthp[n].size,
			.supported = mthp_supported,
			.alloc = alloc_thp,
			.release = mapping_release,
		};
		allocator_register(&mthp[n++].allocator);
	}
}

REGISTER_ALLOCATORS(subjects)
