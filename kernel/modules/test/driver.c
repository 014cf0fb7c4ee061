// SPDX-License-Identifier: GPL-2.0-only
/* The devices of tamalloc_driver.ko, each in every respect that tamalloc_driver.h promises. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include "kselftest_harness.h"
#include "module.h"
#include "tam_test.h"
#include "../tamalloc_driver.h"

#define MODULE		"tamalloc_driver"
#define CHUNK		(4 * MB)
#define OTHER		0x5a

/* What is reserved if nothing else is said: two chunks and some pages of a third. */
#define PAGES		(2 * CHUNK / 4096 + 5)

/* No memory there; not static, so that the compiler does not see it coming. */
void *nowhere = (void *)8;

static int reserve(int fd, uint64_t bytes, unsigned int fill)
{
	struct tamalloc_driver_reserve wish = { .size_bytes = bytes, .fill = fill };

	return ioctl(fd, TAMALLOC_DRIVER_RESERVE, &wish) ? -errno : 0;
}

static struct tamalloc_driver_info info(int fd)
{
	struct tamalloc_driver_info info = {};

	if (ioctl(fd, TAMALLOC_DRIVER_INFO, &info))
		info.reserved_bytes = -1;
	return info;
}

static unsigned char *map(int fd, size_t bytes, off_t offset)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

FIXTURE(device) {
	size_t page;
	size_t len;
	int fd;
};

FIXTURE_VARIANT(device) {
	const char *path;
	unsigned int fill;
	bool lazy;
	bool zeros_only;
	bool pfn_map;		/* no page references: the kernel cannot look into it */
};

FIXTURE_VARIANT_ADD(device, kmalloc_memset) {
	.path = "/dev/tamalloc/kmalloc_memset", .fill = 171, .pfn_map = true,
};

FIXTURE_VARIANT_ADD(device, kzalloc) {
	.path = "/dev/tamalloc/kzalloc", .zeros_only = true, .pfn_map = true,
};

FIXTURE_VARIANT_ADD(device, vzalloc) {
	.path = "/dev/tamalloc/vzalloc", .zeros_only = true,
};

FIXTURE_VARIANT_ADD(device, pages) {
	.path = "/dev/tamalloc/pages", .fill = 171,
};

FIXTURE_VARIANT_ADD(device, pages_zero) {
	.path = "/dev/tamalloc/pages",
};

FIXTURE_VARIANT_ADD(device, lazy) {
	.path = "/dev/tamalloc/lazy", .fill = 171, .lazy = true,
};

FIXTURE_VARIANT_ADD(device, lazy_zero) {
	.path = "/dev/tamalloc/lazy", .lazy = true,
};

FIXTURE_SETUP(device)
{
	int error = module_load(MODULE);

	if (error == -ENOENT || error == -EPERM)
		SKIP(return, "no " MODULE ".ko here, or not root");
	ASSERT_EQ(0, error);
	self->page = page_bytes();
	self->len = PAGES * self->page;
	self->fd = open(variant->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(device)
{
	/* The test's own mappings and descriptors end with its process. */
}

#define RESERVE()	ASSERT_EQ(0, reserve(self->fd, self->len, variant->fill))
#define MAP()		({							\
	unsigned char *_p = map(self->fd, self->len, 0);			\
										\
	ASSERT_NE(MAP_FAILED, _p);						\
	_p;									\
})

TEST_F(device, holds_all_at_once_or_nothing)
{
	RESERVE();
	EXPECT_EQ(self->len, info(self->fd).reserved_bytes);
	EXPECT_EQ(variant->fill, info(self->fd).fill);
	if (variant->lazy) {
		EXPECT_EQ(0, info(self->fd).held_bytes);
	} else if (variant->pfn_map) {
		/* Five pages come out of eight. */
		EXPECT_EQ(2 * CHUNK + 8 * self->page, info(self->fd).held_bytes);
	} else {
		EXPECT_EQ(self->len, info(self->fd).held_bytes);
	}
}

TEST_F(device, size_is_rounded_up_to_pages)
{
	ASSERT_EQ(0, reserve(self->fd, self->page + 1, variant->fill));
	EXPECT_EQ(2 * self->page, info(self->fd).reserved_bytes);
	if (!variant->lazy)
		EXPECT_EQ(2 * self->page, info(self->fd).held_bytes);
}

TEST_F(device, every_byte_reads_as_the_fill)
{
	unsigned char *p;

	RESERVE();
	p = MAP();
	EXPECT_FILL(p, self->len, variant->fill);
	EXPECT_EQ(self->len, variant->lazy ? info(self->fd).held_bytes : self->len);
}

TEST_F(device, faults_once_per_page_if_lazy_else_never)
{
	long before, after_map, after_touch, again;
	unsigned char *p;

	RESERVE();
	before = page_faults();
	p = map(self->fd, self->len, 0);
	after_map = page_faults();
	ASSERT_NE(MAP_FAILED, p);
	write_pages(p, PAGES, 2, OTHER);
	after_touch = page_faults();
	write_pages(p, PAGES, 2, OTHER);
	again = page_faults();
	EXPECT_EQ(0, after_map - before);
	EXPECT_EQ(variant->lazy ? (PAGES + 1) / 2 : 0, after_touch - after_map);
	EXPECT_EQ(0, again - after_touch);
	if (variant->lazy)
		EXPECT_EQ((PAGES + 1) / 2 * self->page, info(self->fd).held_bytes);
}

TEST_F(device, a_write_after_a_read_does_not_fault_again)
{
	long before, after;
	unsigned char *p;

	RESERVE();
	p = MAP();
	before = page_faults();
	read_pages(p, PAGES, 1);
	write_pages(p, PAGES, 1, OTHER);
	after = page_faults();
	EXPECT_EQ(variant->lazy ? PAGES : 0, after - before);
}

TEST_F(device, reads_and_writes_as_a_file)
{
	size_t at = CHUNK - 100, len = 2 * self->page;
	unsigned char buf[8192], *p;

	EXPECT_EQ(0, read(self->fd, buf, 1));
	RESERVE();
	EXPECT_EQ(len, pread(self->fd, buf, len, at));
	EXPECT_FILL(buf, len, variant->fill);
	memset(buf, OTHER, len);
	EXPECT_EQ(len, pwrite(self->fd, buf, len, at));
	p = MAP();
	EXPECT_FILL(p, at, variant->fill);
	EXPECT_FILL(p + at, len, OTHER);
	EXPECT_FILL(p + at + len, self->len - at - len, variant->fill);
	p[at] = 1;
	EXPECT_EQ(1, pread(self->fd, buf, 1, at));
	EXPECT_EQ(1, buf[0]);
}

TEST_F(device, ends_where_the_reserved_range_ends)
{
	unsigned char buf[64];

	EXPECT_EQ(-1, pwrite(self->fd, buf, 1, 0));
	EXPECT_EQ(ENOSPC, errno);
	RESERVE();
	EXPECT_EQ(self->len - 10, lseek(self->fd, -10, SEEK_END));
	EXPECT_EQ(10, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(-1, write(self->fd, buf, 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(-1, lseek(self->fd, self->len + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(4, pwrite(self->fd, buf, sizeof(buf), self->len - 4));
	EXPECT_EQ(-1, pread(self->fd, nowhere, 8, 0));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(device, reserve_refuses_what_cannot_be)
{
	struct tamalloc_driver_reserve wish = { .size_bytes = self->page, .reserved = 1 };

	EXPECT_EQ(-EINVAL, reserve(self->fd, 0, 0));
	EXPECT_EQ(-EINVAL, reserve(self->fd, self->page, 256));
	EXPECT_EQ(variant->zeros_only ? -EOPNOTSUPP : 0, reserve(self->fd, self->page, 255));
	close(self->fd);

	self->fd = open(variant->path, O_RDWR);
	EXPECT_EQ(-ENOMEM, reserve(self->fd, UINT64_MAX, 0));
	EXPECT_EQ(-ENOMEM, reserve(self->fd, UINT64_MAX - self->page, 0));
	EXPECT_EQ(-ENOMEM, reserve(self->fd, 1UL << 47, 0));
	EXPECT_EQ(variant->lazy ? 0 : -ENOMEM, reserve(self->fd, 1UL << 40, 0));
	close(self->fd);

	self->fd = open(variant->path, O_RDWR);
	EXPECT_EQ(-1, ioctl(self->fd, TAMALLOC_DRIVER_RESERVE, &wish));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, TAMALLOC_DRIVER_RESERVE, nowhere));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, TAMALLOC_DRIVER_INFO, nowhere));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IO('T', 0xA2), NULL));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(0, info(self->fd).reserved_bytes);
	EXPECT_EQ(0, info(self->fd).held_bytes);
}

TEST_F(device, all_together_hold_at_most_half_of_ram)
{
	long half = file_kb("/proc/meminfo", "MemTotal:") / 2 * 1024;
	int more = open(variant->path, O_RDWR);

	ASSERT_EQ(0, reserve(self->fd, 64 * MB, 0));
	/* lazy holds nothing yet, so it may. */
	EXPECT_EQ(variant->lazy ? 0 : -ENOMEM, reserve(more, half - 32 * MB, 0));
	EXPECT_EQ(variant->lazy ? -EBUSY : 0, reserve(more, MB, 0));
}

TEST_F(device, reserves_once)
{
	RESERVE();
	EXPECT_EQ(-EBUSY, reserve(self->fd, self->page, 0));
	EXPECT_EQ(self->len, info(self->fd).reserved_bytes);
}

static void *reserve_in_thread(void *arg)
{
	int fd = *(int *)arg;

	return (void *)(long)reserve(fd, 2 * CHUNK, 0);
}

TEST_F(device, of_concurrent_reserves_one_succeeds)
{
	pthread_t threads[8];
	int won = 0, busy = 0;
	void *ret;

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, reserve_in_thread, &self->fd));
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &ret);
		won += ret == 0;
		busy += (long)ret == -EBUSY;
	}
	EXPECT_EQ(1, won);
	EXPECT_EQ(ARRAY_LEN(threads) - 1, busy);
}

struct toucher {
	pthread_barrier_t *start;
	unsigned char *p;
	int value;
};

static void *touch_in_thread(void *arg)
{
	struct toucher *t = arg;

	pthread_barrier_wait(t->start);
	for (size_t i = 0; i < PAGES; i++)
		t->p[i * page_bytes() + t->value] = t->value;
	return NULL;
}

TEST_F(device, threads_that_touch_a_page_at_once_share_it)
{
	struct toucher touchers[4];
	pthread_barrier_t start;
	pthread_t threads[4];
	unsigned char *p;

	RESERVE();
	p = MAP();
	pthread_barrier_init(&start, NULL, ARRAY_LEN(threads));
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		touchers[i] = (struct toucher){ &start, p, i + 1 };
		pthread_create(&threads[i], NULL, touch_in_thread, &touchers[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < PAGES; i++)
		for (size_t j = 1; j <= ARRAY_LEN(threads); j++)
			ASSERT_EQ(j, p[i * self->page + j]);
	EXPECT_EQ(self->len, variant->lazy ? info(self->fd).held_bytes : self->len);
}

TEST_F(device, mmap_refuses_what_cannot_be)
{
	size_t page = self->page, len = self->len;

	EXPECT_EQ(MAP_FAILED, map(self->fd, page, 0));
	EXPECT_EQ(ENXIO, errno);
	RESERVE();
	EXPECT_EQ(MAP_FAILED, map(self->fd, len + page, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, page, len));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(MAP_FAILED, map(self->fd, page, INT64_MAX & ~(page - 1)));
	EXPECT_TRUE(errno == ENXIO || errno == EOVERFLOW);
	EXPECT_EQ(MAP_FAILED, map(self->fd, page, 100));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, info(self->fd).mappings);
}

TEST_F(device, a_part_can_be_mapped)
{
	unsigned char *p;

	RESERVE();
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, CHUNK));
	p = map(self->fd, 2 * self->page, CHUNK - self->page);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_FILL(p, self->page, variant->fill);
	EXPECT_EQ('x', p[self->page]);
}

TEST_F(device, a_second_mmap_is_refused_until_the_first_is_gone)
{
	unsigned char *p;

	RESERVE();
	p = MAP();
	EXPECT_EQ(MAP_FAILED, map(self->fd, self->page, 0));
	EXPECT_EQ(EBUSY, errno);
	/* A hole makes two of it. */
	munmap(p + self->page, self->page);
	EXPECT_EQ(2, info(self->fd).mappings);
	EXPECT_FILL(p, self->page, variant->fill);
	EXPECT_FILL(p + 2 * self->page, self->len - 2 * self->page, variant->fill);
	munmap(p, self->page);
	EXPECT_EQ(MAP_FAILED, map(self->fd, self->page, 0));
	munmap(p, self->len);
	EXPECT_EQ(0, info(self->fd).mappings);
	EXPECT_NE(MAP_FAILED, map(self->fd, self->page, 0));
}

TEST_F(device, a_child_shares_the_memory)
{
	unsigned char *p;
	pid_t child;

	RESERVE();
	p = MAP();
	p[0] = 1;
	child = fork();
	if (!child) {
		EXPECT_EQ(1, p[0]);
		EXPECT_FILL(p + 1, self->len - 1, variant->fill);
		p[self->len - 1] = OTHER;
		EXPECT_EQ(2, info(self->fd).mappings);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(OTHER, p[self->len - 1]);
	EXPECT_FILL(p + 1, self->len - 2, variant->fill);
	EXPECT_EQ(1, info(self->fd).mappings);
}

TEST_F(device, the_last_user_keeps_it_alive)
{
	unsigned char *p;
	int turn[2];
	pid_t child;
	char c;

	RESERVE();
	p = MAP();
	p[0] = 1;
	ASSERT_EQ(0, pipe(turn));
	child = fork();
	if (!child) {
		close(turn[1]);
		close(self->fd);
		read(turn[0], &c, 1);
		EXPECT_EQ(1, p[0]);
		EXPECT_FILL(p + 1, self->len - 1, variant->fill);
		_exit(0);
	}
	munmap(p, self->len);
	close(self->fd);
	EXPECT_EQ(-EAGAIN, module_unload(MODULE));
	close(turn[1]);
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, module_unload(MODULE));
}

TEST_F(device, the_module_stays_while_in_use)
{
	unsigned char *p;

	EXPECT_EQ(-EAGAIN, module_unload(MODULE));
	RESERVE();
	p = MAP();
	close(self->fd);
	EXPECT_EQ(-EAGAIN, module_unload(MODULE));
	EXPECT_FILL(p, self->len, variant->fill);
	munmap(p, self->len);
	EXPECT_EQ(0, module_unload(MODULE));
	EXPECT_EQ(-1, access(variant->path, F_OK));
}

TEST_F(device, mremap_moves_and_shrinks_but_does_not_grow)
{
	unsigned char *p, *q;

	RESERVE();
	p = MAP();
	p[0] = OTHER;
	EXPECT_EQ(MAP_FAILED, mremap(p, self->len, self->len + self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	q = mmap(NULL, self->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(q, mremap(p, self->len, self->len, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_EQ(OTHER, q[0]);
	EXPECT_FILL(q + 1, self->len - 1, variant->fill);
	ASSERT_EQ(q, mremap(q, self->len, self->page, 0));
	EXPECT_EQ(1, info(self->fd).mappings);
	EXPECT_EQ(OTHER, q[0]);
}

TEST_F(device, dropped_pages_come_back_as_they_were)
{
	unsigned char *p;
	int ret;

	RESERVE();
	p = MAP();
	p[0] = OTHER;
	ret = madvise(p, self->len, MADV_DONTNEED);
	EXPECT_EQ(variant->pfn_map ? -1 : 0, ret);
	EXPECT_EQ(OTHER, p[0]);
	EXPECT_FILL(p + 1, self->len - 1, variant->fill);
}

TEST_F(device, can_be_locked_protected_and_looked_into)
{
	struct iovec local, remote;
	unsigned char buf[8192], *p;

	RESERVE();
	p = MAP();
	EXPECT_EQ(0, mlock(p, self->len));
	EXPECT_EQ(0, munlock(p, self->len));
	EXPECT_EQ(0, mprotect(p, self->page, PROT_READ));
	EXPECT_EQ(0, mprotect(p, self->page, PROT_READ | PROT_WRITE));
	local = (struct iovec){ buf, sizeof(buf) };
	remote = (struct iovec){ p + self->page, sizeof(buf) };
	if (variant->pfn_map) {
		EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
		EXPECT_EQ(EFAULT, errno);
	} else {
		EXPECT_EQ(sizeof(buf), process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
		EXPECT_FILL(buf, sizeof(buf), variant->fill);
	}
	p[0] = OTHER;
	EXPECT_EQ(OTHER, p[0]);
}

TEST_F(device, read_only_opens_map_read_only)
{
	int fd = open(variant->path, O_RDONLY);
	unsigned char *p;

	ASSERT_EQ(0, reserve(fd, self->len, variant->fill));
	EXPECT_EQ(MAP_FAILED, map(fd, self->len, 0));
	EXPECT_EQ(EACCES, errno);
	p = mmap(NULL, self->len, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_FILL(p, self->len, variant->fill);
	EXPECT_EQ(-1, mprotect(p, self->page, PROT_READ | PROT_WRITE));
}

TEST_HARNESS_MAIN
