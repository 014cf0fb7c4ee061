// SPDX-License-Identifier: GPL-2.0-only
/* The kernel as the first to touch a page: system calls, pins, other processes' eyes, signals. */
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

/* Three pages' worth that begins and ends inside a page. */
#define ODD_OFFSET	100
#define ODD_BYTES	(3 * 4096)

static int memory_file(void)
{
	return memfd_create("tamalloc-test", 0);
}

static void make_pattern(unsigned char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = 1 + i % 251;
}

/* After len bytes of the pattern were put at p + ODD_OFFSET, all else is fill. */
#define EXPECT_PATTERN_INSIDE_FILL(pattern) do { \
	EXPECT_FILL(self->p, ODD_OFFSET, self->fill); \
	EXPECT_EQ(0, memcmp(pattern, self->p + ODD_OFFSET, ODD_BYTES)); \
	EXPECT_FILL(self->p + ODD_OFFSET + ODD_BYTES, \
		    self->len - ODD_OFFSET - ODD_BYTES, self->fill); \
} while (0)

TEST_F(region, write_sends_fill_from_untouched_pages)
{
	unsigned char *copy = malloc(ODD_BYTES);
	int fd = memory_file();

	ASSERT_LE(0, fd);
	memset(copy, OTHER, ODD_BYTES);
	ASSERT_EQ(ODD_BYTES, write(fd, self->p + ODD_OFFSET, ODD_BYTES));
	ASSERT_EQ(ODD_BYTES, pread(fd, copy, ODD_BYTES, 0));
	EXPECT_FILL(copy, ODD_BYTES, self->fill);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, read_into_untouched_pages_leaves_fill_around_it)
{
	unsigned char pattern[ODD_BYTES];
	int fd = memory_file();

	make_pattern(pattern, sizeof(pattern));
	ASSERT_EQ(ODD_BYTES, write(fd, pattern, ODD_BYTES));
	ASSERT_EQ(ODD_BYTES, pread(fd, self->p + ODD_OFFSET, ODD_BYTES, 0));
	EXPECT_PATTERN_INSIDE_FILL(pattern);
}

TEST_F(region, small_structures_from_the_kernel_leave_fill_around_them)
{
	struct utsname *name = (struct utsname *)(AT(1) - 50);

	ASSERT_EQ(0, uname(name));
	EXPECT_EQ(0, strcmp("Linux", name->sysname));
	EXPECT_FILL(self->p, self->page - 50, self->fill);
	EXPECT_FILL(name + 1, self->len - self->page + 50 - sizeof(*name), self->fill);
}

TEST_F(region, pipe_and_vmsplice_carry_fill)
{
	unsigned char buf[4096];
	struct iovec iov = { AT(2), 2 * self->page };
	size_t got = 0;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(4096, write(fds[1], self->p, 4096));
	ASSERT_EQ(4096, read(fds[0], buf, 4096));
	EXPECT_FILL(buf, 4096, self->fill);
	ASSERT_EQ((ssize_t)iov.iov_len, vmsplice(fds[1], &iov, 1, 0));
	while (got < iov.iov_len) {
		ssize_t part = read(fds[0], buf, sizeof(buf));

		ASSERT_LT(0, part);
		EXPECT_FILL(buf, part, self->fill);
		got += part;
	}
	/* The other way: from the pipe into untouched memory. */
	memset(buf, OTHER, sizeof(buf));
	ASSERT_EQ(4096, write(fds[1], buf, 4096));
	iov = (struct iovec){ AT(8) + ODD_OFFSET, 4096 };
	ASSERT_EQ(4096, vmsplice(fds[0], &iov, 1, 0));
	EXPECT_FILL(AT(8), ODD_OFFSET, self->fill);
	EXPECT_FILL(AT(8) + ODD_OFFSET, 4096, OTHER);
	EXPECT_FILL(AT(9) + ODD_OFFSET, self->page - ODD_OFFSET, self->fill);
}

/* Direct I/O pins the user's pages; a zram disk is the block device that is always at hand. */
TEST_F(region, direct_io_from_and_into_untouched_pages)
{
	int id = zram_add(MB);
	char path[32];
	int fd;

	if (id < 0)
		SKIP(return, "no zram device (CONFIG_ZRAM, root)");
	snprintf(path, sizeof(path), "/dev/zram%d", id);
	fd = open(path, O_RDWR | O_DIRECT);
	EXPECT_LE(0, fd);
	if (fd >= 0) {
		EXPECT_EQ(4 * 4096, pwrite(fd, AT(4), 4 * 4096, 0));
		EXPECT_EQ(4 * 4096, pread(fd, AT(8), 4 * 4096, 0));
		EXPECT_FILL(self->p, self->len, self->fill);
		memset(AT(0), OTHER, self->page);
		EXPECT_EQ(4096, pwrite(fd, AT(0), 4096, 8192));
		EXPECT_EQ(8192, pread(fd, AT(12), 8192, 4096));
		EXPECT_FILL(AT(12), self->page, self->fill);
		EXPECT_FILL(AT(13), self->page, OTHER);
		EXPECT_FILL(AT(14), 2 * self->page, self->fill);
		close(fd);
	}
	zram_remove(id);
}

/* A child that stays still until it is killed. */
static pid_t still_child(void)
{
	pid_t child = fork();

	if (!child) {
		for (;;)
			pause();
	}
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	wait_status(child);
}

TEST_F(region, process_vm_readv_of_a_child_sees_fill)
{
	static unsigned char copy[ODD_BYTES];
	struct iovec here = { copy, ODD_BYTES }, there = { self->p + ODD_OFFSET, ODD_BYTES };
	pid_t child = still_child();

	memset(copy, OTHER, sizeof(copy));
	EXPECT_EQ(ODD_BYTES, process_vm_readv(child, &here, 1, &there, 1, 0));
	EXPECT_FILL(copy, ODD_BYTES, self->fill);
	end_child(child);
	EXPECT_EQ(0, region_kb(self));
}

TEST_F(region, process_vm_writev_into_a_child_leaves_fill_around_it)
{
	static unsigned char pattern[ODD_BYTES], copy[ODD_BYTES + 2 * ODD_OFFSET];
	struct iovec here = { pattern, ODD_BYTES }, there = { self->p + ODD_OFFSET, ODD_BYTES };
	struct iovec all = { copy, sizeof(copy) }, whole = { self->p, sizeof(copy) };
	pid_t child = still_child();

	make_pattern(pattern, sizeof(pattern));
	EXPECT_EQ(ODD_BYTES, process_vm_writev(child, &here, 1, &there, 1, 0));
	EXPECT_EQ((ssize_t)sizeof(copy), process_vm_readv(child, &all, 1, &whole, 1, 0));
	EXPECT_FILL(copy, ODD_OFFSET, self->fill);
	EXPECT_EQ(0, memcmp(copy + ODD_OFFSET, pattern, ODD_BYTES));
	EXPECT_FILL(copy + ODD_OFFSET + ODD_BYTES, ODD_OFFSET, self->fill);
	end_child(child);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, proc_mem_of_itself_and_of_a_child)
{
	static unsigned char pattern[ODD_BYTES], copy[ODD_BYTES];
	pid_t child = still_child();
	char path[32];
	int fd;

	make_pattern(pattern, sizeof(pattern));
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	fd = open(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ODD_BYTES, pread(fd, copy, ODD_BYTES, (off_t)(self->p + ODD_OFFSET)));
	EXPECT_FILL(copy, ODD_BYTES, self->fill);
	EXPECT_EQ(10, pwrite(fd, pattern, 10, (off_t)AT(6)));
	EXPECT_EQ(4096, pread(fd, copy, 4096, (off_t)AT(6)));
	EXPECT_EQ(0, memcmp(copy, pattern, 10));
	EXPECT_FILL(copy + 10, 4096 - 10, self->fill);
	close(fd);
	end_child(child);

	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ODD_BYTES, pread(fd, copy, ODD_BYTES, (off_t)AT(8)));
	EXPECT_FILL(copy, ODD_BYTES, self->fill);
	EXPECT_EQ(ODD_BYTES, pwrite(fd, pattern, ODD_BYTES, (off_t)(self->p + ODD_OFFSET)));
	EXPECT_PATTERN_INSIDE_FILL(pattern);
	close(fd);
}

/* As a debugger sets a breakpoint: a forced write into a read-only private page. */
TEST_F(region, proc_mem_write_into_a_read_only_part)
{
	int fd = open("/proc/self/mem", O_RDWR);
	unsigned char byte = OTHER;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	EXPECT_FILL(AT(3), self->page, self->fill);
	EXPECT_EQ(1, pwrite(fd, &byte, 1, (off_t)(AT(3) + 5)));	/* a page read before */
	EXPECT_EQ(1, pwrite(fd, &byte, 1, (off_t)(AT(5) + 5)));	/* an untouched one */
	for (int i = 3; i <= 5; i += 2) {
		EXPECT_FILL(AT(i), 5, self->fill);
		EXPECT_EQ(OTHER, AT(i)[5]);
		EXPECT_FILL(AT(i) + 6, self->page - 6, self->fill);
	}
}

TEST_F(region, proc_mem_of_an_inaccessible_part)
{
	unsigned char buf[4096];
	int fd = open("/proc/self/mem", O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_NONE));
	EXPECT_EQ(4096, pread(fd, buf, 4096, (off_t)AT(3)));
	EXPECT_FILL(buf, 4096, self->fill);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, ptrace_peeks_and_pokes_untouched_pages)
{
	__u64 filled, word;
	pid_t child = fork();

	memset(&filled, self->fill, sizeof(filled));
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(first_bad(AT(1) + 8, self->page - 8, self->fill) != self->page - 8);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, child, AT(0), 0);
	EXPECT_EQ(0, errno);
	EXPECT_EQ(filled, word);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, child, AT(1), 0x1122334455667788UL));
	word = ptrace(PTRACE_PEEKDATA, child, AT(1), 0);
	EXPECT_EQ(0x1122334455667788UL, word);
	EXPECT_EQ(0, ptrace(PTRACE_DETACH, child, 0, 0));
	EXPECT_EQ(0, wait_status(child));
}

static int futex(void *word, int op, __u32 value)
{
	struct timespec soon = { .tv_nsec = 1000000 };

	return syscall(SYS_futex, word, op, value, &soon, NULL, 0);
}

TEST_F(region, futex_on_untouched_words)
{
	__u32 filled;

	memset(&filled, self->fill, sizeof(filled));
	/* A wait compares with what the word holds: fill. */
	EXPECT_EQ(-1, futex(AT(0), FUTEX_WAIT_PRIVATE, ~filled));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, futex(AT(1), FUTEX_WAIT_PRIVATE, filled));
	EXPECT_EQ(ETIMEDOUT, errno);
	/* Not private: the key is made from the page itself. */
	EXPECT_EQ(-1, futex(AT(2), FUTEX_WAIT, ~filled));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, futex(AT(3), FUTEX_WAIT, filled));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(0, syscall(SYS_futex, AT(4), FUTEX_WAKE, 1, NULL, NULL, 0));
	EXPECT_FILL(self->p, self->len, self->fill);
}

static uintptr_t signal_stack_at;

static void on_alt_stack(int sig)
{
	__atomic_store_n(&signal_stack_at, (uintptr_t)__builtin_frame_address(0), __ATOMIC_RELAXED);
}

TEST_F(region, untouched_pages_serve_as_a_signal_stack)
{
	stack_t stack = { .ss_sp = self->p, .ss_size = self->len };
	struct sigaction action = { .sa_handler = on_alt_stack, .sa_flags = SA_ONSTACK };

	ASSERT_EQ(0, sigaltstack(&stack, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, raise(SIGUSR1));
	EXPECT_LE((uintptr_t)self->p, signal_stack_at);
	EXPECT_GT((uintptr_t)self->p + self->len, signal_stack_at);
	EXPECT_FILL(self->p, self->page, self->fill);
}

TEST_HARNESS_MAIN
