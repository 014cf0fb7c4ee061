// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a device (HMM): the kernel offers untouched anonymous pages to the
 * device's driver, which provides pages of zeros for them. With another fill it
 * must not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "kselftest_harness.h"
#include "tam_test.h"

/* From lib/test_hmm_uapi.h, which is no header for user space. */
struct hmm_dmirror_cmd {
	__u64 addr;	/* of the pages */
	__u64 ptr;	/* of the caller's buffer */
	__u64 npages;
	__u64 cpages;
	__u64 faults;
};

#define HMM_DMIRROR_READ		_IOWR('H', 0x00, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_WRITE		_IOWR('H', 0x01, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_MIGRATE_TO_DEV	_IOWR('H', 0x02, struct hmm_dmirror_cmd)
#define HMM_DMIRROR_SNAPSHOT		_IOWR('H', 0x04, struct hmm_dmirror_cmd)
#define PROT_DEV_PRIVATE_LOCAL		0x20

static int device = -1;

static const char *device_open(void)
{
	device = open("/dev/hmm_dmirror0", O_RDWR | O_CLOEXEC);
	return device < 0 ? "no device that has memory (CONFIG_TEST_HMM)" : NULL;
}

#define REGION_PREPARE	device_open
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

static int device_does(unsigned long request, void *at, size_t pages, void *buf)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)at,
		.ptr = (uintptr_t)buf,
		.npages = pages,
	};

	return ioctl(device, request, &cmd) ? -errno : 0;
}

TEST_F(region, untouched_pages_read_as_fill_after_migrating)
{
	unsigned char where[REGION_PAGES];
	unsigned char *copy = malloc(self->len);
	int err;

	ASSERT_NE(NULL, copy);
	write_pages(self->p, self->pages, 2, OTHER);
	/* ENOENT: not every page went. */
	err = device_does(HMM_DMIRROR_MIGRATE_TO_DEV, self->p, self->pages, copy);
	EXPECT_EQ(self->fill ? -ENOENT : 0, err);

	ASSERT_EQ(0, device_does(HMM_DMIRROR_SNAPSHOT, self->p, self->pages, where));
	for (size_t i = 0; i < self->pages; i++) {
		bool went = (where[i] & 0xf0) == PROT_DEV_PRIVATE_LOCAL;

		EXPECT_EQ(i % 2 == 0 || !self->fill, went) {
			TH_LOG("page %zu: %#x", i, where[i]);
		}
	}

	for (size_t i = 0; i < self->pages; i++) {
		if (i % 2 == 0) {
			EXPECT_EQ(OTHER, *AT(i));
			EXPECT_FILL(AT(i) + 1, self->page - 1, self->fill);
		} else {
			EXPECT_FILL(AT(i), self->page, self->fill);
		}
	}
	free(copy);
}

TEST_F(region, device_reads_fill_and_writes_untouched_pages)
{
	unsigned char *copy = malloc(self->len);

	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, device_does(HMM_DMIRROR_READ, self->p, self->pages / 2, copy));
	EXPECT_FILL(copy, self->len / 2, self->fill);

	memset(copy, OTHER, self->page);
	ASSERT_EQ(0, device_does(HMM_DMIRROR_WRITE, AT(self->pages - 1), 1, copy));
	EXPECT_FILL(self->p, self->len - self->page, self->fill);
	EXPECT_FILL(AT(self->pages - 1), self->page, OTHER);
	free(copy);
}

TEST_HARNESS_MAIN
