// SPDX-License-Identifier: GPL-2.0-only
/*
 * userfaultfd(2): a registered range asks its owner instead of filling itself;
 * what the owner does not answer, write-protects or unregisters is fill.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

static int uffd_open(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int uffd_register(int fd, void *p, size_t len, __u64 mode)
{
	struct uffdio_register reg = { .range = { (uintptr_t)p, len }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &reg);
}

static int uffd_protect(int fd, void *p, size_t len, __u64 mode)
{
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)p, len }, .mode = mode };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
}

/*
 * The owner of a range: a thread that answers each fault by a page of OTHER
 * (missing) or by lifting the protection (write-protect), and counts them.
 */
struct owner {
	pthread_t thread;
	int fd;
	int stop[2];
	size_t page;
	int missing;
	int protected;
	unsigned char *source;
};

static void answer(struct owner *owner, const struct uffd_msg *msg)
{
	uintptr_t at = msg->arg.pagefault.address & ~(owner->page - 1);
	struct uffdio_copy copy = {
		.dst = at, .src = (uintptr_t)owner->source, .len = owner->page,
	};

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		owner->protected++;
		uffd_protect(owner->fd, (void *)at, owner->page, 0);
	} else {
		owner->missing++;
		ioctl(owner->fd, UFFDIO_COPY, &copy);
	}
}

static void *owner_main(void *arg)
{
	struct owner *owner = arg;
	struct pollfd fds[2] = {
		{ .fd = owner->fd, .events = POLLIN }, { .fd = owner->stop[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		if (read(owner->fd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT)
			answer(owner, &msg);
	return NULL;
}

static void owner_start(struct owner *owner, int fd)
{
	owner->fd = fd;
	owner->page = page_bytes();
	owner->missing = 0;
	owner->protected = 0;
	owner->source = aligned_alloc(owner->page, owner->page);
	memset(owner->source, OTHER, owner->page);
	if (pipe(owner->stop) || pthread_create(&owner->thread, NULL, owner_main, owner))
		exit(1);
}

static void owner_stop(struct owner *owner)
{
	if (write(owner->stop[1], "x", 1) != 1)
		exit(1);
	pthread_join(owner->thread, NULL);
}

TEST_F(region, missing_pages_ask_the_owner_once_each)
{
	struct owner owner;
	int fd;

	fd = uffd_open(0);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	AT(0)[0] = 1;	/* there before: never asked for */
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_MISSING));
	owner_start(&owner, fd);
	EXPECT_FILL(AT(1), 3 * self->page, OTHER);
	AT(4)[7] = 1;
	EXPECT_FILL(AT(4), 7, OTHER);
	EXPECT_EQ(1, AT(4)[7]);
	EXPECT_FILL(AT(0) + 1, self->page - 1, self->fill);
	owner_stop(&owner);
	EXPECT_EQ(4, owner.missing);
	EXPECT_EQ(20, region_kb(self));
	/* Without an owner the rest fills itself again. */
	close(fd);
	EXPECT_FILL(AT(5), 11 * self->page, self->fill);
}

TEST_F(region, unregistered_range_is_fill_again)
{
	struct uffdio_range range = { (uintptr_t)self->p, self->len };
	struct owner owner;
	int fd;

	fd = uffd_open(0);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_MISSING));
	owner_start(&owner, fd);
	EXPECT_EQ(OTHER, AT(2)[0]);
	owner_stop(&owner);
	ASSERT_EQ(0, ioctl(fd, UFFDIO_UNREGISTER, &range));
	EXPECT_FILL(AT(0), 2 * self->page, self->fill);
	EXPECT_FILL(AT(2), self->page, OTHER);
	EXPECT_FILL(AT(3), 13 * self->page, self->fill);
	EXPECT_EQ(1, vma_count(self->p, self->len));
}

TEST_F(region, kernel_access_of_a_missing_page_asks_the_owner)
{
	unsigned char buf[100];
	struct owner owner;
	int fd, fds[2];

	fd = uffd_open(0);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_MISSING));
	owner_start(&owner, fd);
	EXPECT_EQ(100, write(fds[1], AT(3), 100));
	EXPECT_EQ(100, read(fds[0], buf, 100));
	EXPECT_FILL(buf, 100, OTHER);
	owner_stop(&owner);
	EXPECT_EQ(1, owner.missing);
}

/* The owner who answers "zeros" gets zeros, whatever the fill is. */
TEST_F(region, zeropage_gives_zeros_and_dropping_it_asks_again)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)AT(2), 2 * self->page } };
	struct owner owner;
	int fd;

	fd = uffd_open(0);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_MISSING));
	ASSERT_EQ(0, ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	EXPECT_FILL(AT(2), 2 * self->page, 0);
	/* Contents are zero, not untouched: a write must not bring the fill back. */
	AT(2)[5] = OTHER;
	EXPECT_FILL(AT(2), 5, 0);
	EXPECT_FILL(AT(2) + 6, 2 * self->page - 6, 0);
	owner_start(&owner, fd);
	ASSERT_EQ(0, madvise(AT(3), self->page, MADV_DONTNEED));
	EXPECT_FILL(AT(3), self->page, OTHER);
	owner_stop(&owner);
	EXPECT_EQ(1, owner.missing);
	close(fd);
	EXPECT_FILL(AT(4), 12 * self->page, self->fill);
}

TEST_F(region, write_protected_pages_report_the_write_and_keep_their_bytes)
{
	struct owner owner;
	int fd;

	fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	/* Two written, two read, the rest untouched. */
	memset(AT(0), OTHER, 2 * self->page);
	read_pages(AT(2), 2, 1);
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, uffd_protect(fd, self->p, self->len, UFFDIO_WRITEPROTECT_MODE_WP));
	owner_start(&owner, fd);
	EXPECT_FILL(AT(0), 2 * self->page, OTHER);
	EXPECT_FILL(AT(2), 2 * self->page, self->fill);
	EXPECT_EQ(0, owner.protected);
	for (int i = 0; i < 4; i++)
		AT(i)[9] = 1;
	owner_stop(&owner);
	EXPECT_EQ(4, owner.protected);
	for (int i = 0; i < 4; i++) {
		unsigned char held = i < 2 ? OTHER : self->fill;

		EXPECT_FILL(AT(i), 9, held);
		EXPECT_EQ(1, AT(i)[9]);
		EXPECT_FILL(AT(i) + 10, self->page - 10, held);
	}
	close(fd);
	EXPECT_FILL(AT(4), 12 * self->page, self->fill);
}

/* Untouched pages can be protected ahead (a marker stands in the page table). */
TEST_F(region, write_protected_untouched_pages_are_fill)
{
	struct owner owner;
	int fd;

	fd = uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	ASSERT_EQ(0, uffd_register(fd, self->p, self->len, UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, uffd_protect(fd, self->p, self->len, UFFDIO_WRITEPROTECT_MODE_WP));
	owner_start(&owner, fd);
	EXPECT_FILL(AT(0), 4 * self->page, self->fill);
	EXPECT_EQ(0, owner.protected);
	AT(1)[9] = 1;		/* read before */
	AT(6)[9] = 1;		/* untouched */
	owner_stop(&owner);
	EXPECT_EQ(2, owner.protected);
	for (int i = 1; i < 7; i += 5) {
		EXPECT_FILL(AT(i), 9, self->fill);
		EXPECT_EQ(1, AT(i)[9]);
		EXPECT_FILL(AT(i) + 10, self->page - 10, self->fill);
	}
	close(fd);
	EXPECT_FILL(AT(7), 9 * self->page, self->fill);
}

#ifdef UFFDIO_MOVE
TEST_F(region, moved_pages_leave_fill_behind)
{
	struct uffdio_move move;
	unsigned char *to = tamalloc(self->len, 0x77, 0);
	int fd;

	ASSERT_NE(MAP_FAILED, to);
	fd = uffd_open(UFFD_FEATURE_MOVE);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	ASSERT_EQ(0, uffd_register(fd, to, self->len, UFFDIO_REGISTER_MODE_MISSING));
	memset(AT(1), OTHER, self->page);
	AT(4)[0] = 1;
	move = (struct uffdio_move){
		.dst = (uintptr_t)to, .src = (uintptr_t)self->p, .len = self->len,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};
	ASSERT_EQ(0, ioctl(fd, UFFDIO_MOVE, &move)) {
		TH_LOG("UFFDIO_MOVE: %s, moved %lld", strerror(errno), (long long)move.move);
	}
	close(fd);
	EXPECT_FILL(self->p, self->len, self->fill);
	/* What was there came along; a hole is the destination's own fill. */
	EXPECT_FILL(to + self->page, self->page, OTHER);
	EXPECT_EQ(1, to[4 * self->page]);
	EXPECT_FILL(to + 4 * self->page + 1, self->page - 1, self->fill);
	EXPECT_FILL(to, self->page, 0x77);
	EXPECT_FILL(to + 5 * self->page, 11 * self->page, 0x77);
}
#endif

/* However dense the run before: under an owner, no page is made ahead of being asked for. */
TEST_F(region, a_dense_run_into_an_owned_range_asks_for_each_page)
{
	const size_t pages = 512, before = 256;
	struct owner owner;
	unsigned char *p;
	int fd;

	fd = uffd_open(0);
	if (fd < 0)
		SKIP(return, "no userfaultfd with these features");
	p = tamalloc(pages * self->page, self->fill, 0);
	ASSERT_NE(MAP_FAILED, p);
	write_pages(p, before, 1, 1);
	ASSERT_EQ(0, uffd_register(fd, p, pages * self->page, UFFDIO_REGISTER_MODE_MISSING));
	owner_start(&owner, fd);
	write_pages(p + before * self->page, pages - before, 1, 1);
	owner_stop(&owner);
	EXPECT_EQ(pages - before, (size_t)owner.missing);
	for (size_t i = before; i < pages; i++)
		ASSERT_EQ(self->page - 1, first_bad(p + i * self->page + 1, self->page - 1, OTHER));
	close(fd);
	munmap(p, pages * self->page);
}

TEST_HARNESS_MAIN
