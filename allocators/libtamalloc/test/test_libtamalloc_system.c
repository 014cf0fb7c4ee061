// SPDX-License-Identifier: MIT
/*
 * Untouched memory in the hands of the kernel and of other processes: the ways in which lazily
 * filled memory has been seen to go wrong. Narrow limits: test_libtamalloc_limits.c.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "child.h"

#define NOBODY 65534

/* The last of a tile and the first of the next, in untouched memory. */
#define SEAM (2 * MIB - 4096)

/* 100 bytes came in across the seam, all else is as it was. */
static void expect_written_across_seam(const unsigned char *block, unsigned char fill)
{
	expect_bytes(block, 0, SEAM + 4096 - 50, fill);
	expect_bytes(block, SEAM + 4096 - 50, SEAM + 4096 + 50, 0x77);
	expect_bytes(block, SEAM + 4096 + 50, BLOCK_BYTES, fill);
}

static void read_into(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);
	int fd = file_with(0x77, 100);

	EXPECT(read(fd, block + SEAM + 4096 - 50, 100) == 100);
	expect_written_across_seam(block, fill);
	tafree(block);
}

static void pread_into(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);
	int fd = file_with(0x77, 200);

	EXPECT(pread(fd, block + SEAM + 4096 - 50, 100, 50) == 100);
	expect_written_across_seam(block, fill);
	tafree(block);
}

static void write_from(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill), *back = malloc(BLOCK_BYTES);
	int fd = file_with(0, 1);

	EXPECT(pwrite(fd, block, BLOCK_BYTES, 0) == (ssize_t)BLOCK_BYTES);
	EXPECT(pread(fd, back, BLOCK_BYTES, 0) == (ssize_t)BLOCK_BYTES);
	expect_bytes(back, 0, BLOCK_BYTES, fill);
	free(back);
	tafree(block);
}

static void direct_io(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);
	int fd = file_with(0x77, 2 * 4096), direct;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (direct < 0)
		skip_child("/var/tmp has no O_DIRECT");
	EXPECT(pread(direct, block + SEAM, 2 * 4096, 0) == 2 * 4096);
	expect_bytes(block, 0, SEAM, fill);
	expect_bytes(block, SEAM, SEAM + 2 * 4096, 0x77);
	expect_bytes(block, SEAM + 2 * 4096, BLOCK_BYTES, fill);
	EXPECT(pwrite(direct, block + 6 * MIB, 4096, 0) == 4096);
	EXPECT(pread(fd, block, 4096, 0) == 4096);
	expect_bytes(block, 0, 4096, fill);
	tafree(block);
}

static void *wake(void *argument)
{
	uint32_t *word = argument;

	while (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1)
		usleep(1000);
	return NULL;
}

static void futex_wait_and_wake(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);
	uint32_t *word = (void *)(block + SEAM), value = fill * 0x01010101u;
	pthread_t thread;

	/* The word is untouched: the kernel reads it first. */
	EXPECT(syscall(SYS_futex, word, FUTEX_WAIT, value + 1, NULL, NULL, 0) == -1 &&
	       errno == EAGAIN);
	EXPECT(!pthread_create(&thread, NULL, wake, word));
	EXPECT(syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0) == 0);
	pthread_join(thread, NULL);
	EXPECT(*word == value);
	tafree(block);
}

static void process_vm_read_and_write(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill), back[200];
	struct iovec ours = {back, 100}, theirs = {block + SEAM + 4096 - 50, 100};

	if (process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0) == -1 &&
	    (errno == EPERM || errno == ENOSYS))
		skip_child("process_vm_readv is refused here");
	EXPECT(process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0) == 100);
	expect_bytes(back, 0, 100, fill);
	memset(back, 0x77, sizeof(back));
	EXPECT(process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0) == 100);
	expect_written_across_seam(block, fill);
	tafree(block);
}

static void expect_child_ok(pid_t pid)
{
	int status;

	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (status)
		wrong("the child ended with status %#x", status);
}

static void forked(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill), *small = take(100, fill);
	pid_t pid;

	block[SEAM] = small[0] = 0x77;
	pid = fork();
	if (!pid) {
		EXPECT(block[SEAM] == 0x77 && small[0] == 0x77);
		block[SEAM] = fill;
		expect_bytes(block, 0, BLOCK_BYTES, fill);
		memset(block, 1, BLOCK_BYTES);
		tafree(block);
		tafree(small);
		expect_bytes(take(BLOCK_BYTES, fill), 0, BLOCK_BYTES, fill);
		_exit(0);
	}
	expect_child_ok(pid);
	EXPECT(block[SEAM] == 0x77 && small[0] == 0x77);
	block[SEAM] = fill;
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	tafree(block);
	tafree(small);
}

static void executed(unsigned char fill)
{
	char number[16];
	pid_t pid;

	take(BLOCK_BYTES, fill)[0] = 1;
	pid = fork();
	if (!pid) {
		snprintf(number, sizeof(number), "%u", fill);
		execl("/proc/self/exe", "test_libtamalloc_system", "executed", number, NULL);
		_exit(2);
	}
	expect_child_ok(pid);
}

/* The program started by executed(): nothing is inherited, all works. */
static int run_executed(unsigned char fill)
{
	for (int fd = 3; fd < 64; fd++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "memfd:"))
			wrong("a pattern file was inherited");
	}
	expect_bytes(take(BLOCK_BYTES, fill), 0, BLOCK_BYTES, fill);
	return 0;
}

static void vforked(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);
	char text[2] = {(char)fill, 0};
	pid_t pid = vfork();

	if (!pid) {
		block[SEAM] = 0x77; /* the parent's own memory */
		execl("/bin/true", "true", text, NULL);
		_exit(2);
	}
	expect_child_ok(pid);
	EXPECT(block[SEAM] == 0x77);
	block[SEAM] = fill;
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	tafree(block);
}

/* The header says not to; the data of what moves is right all the same. */
static void mremapped(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill), *moved;

	block[MIB] = 0x77;
	moved = mremap(block + MIB, 65536, 65536, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (moved == MAP_FAILED && errno == EINVAL) /* of file mappings only since 5.13 */
		skip_child("this kernel has no MREMAP_DONTUNMAP for these mappings");
	EXPECT(moved != MAP_FAILED && moved[0] == 0x77);
	expect_bytes(moved, 1, 65536, fill);
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	/* the block is in pieces now, and grows all the same */
	block[3 * MIB] = 0x55;
	block = tarealloc(block, 3 * BLOCK_BYTES);
	EXPECT(block && block[3 * MIB] == 0x55);
	expect_bytes(block, 0, 3 * MIB, fill);
	expect_bytes(block, 3 * MIB + 1, 3 * BLOCK_BYTES, fill);
	tafree(block);
}

static void grows_after_mprotect(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);

	block[5 * MIB] = block[MIB + 2 * 4096] = 0x55; /* the second in the tile that changes */
	EXPECT(!mprotect(block + MIB, 4096, PROT_READ));
	EXPECT(!madvise(block + 3 * MIB, 4096, MADV_DONTDUMP));
	block = tarealloc(block, 3 * BLOCK_BYTES);
	EXPECT(block && block[5 * MIB] == 0x55 && block[MIB + 2 * 4096] == 0x55);
	expect_bytes(block, 0, MIB + 2 * 4096, fill);
	expect_bytes(block, MIB + 2 * 4096 + 1, 5 * MIB, fill);
	expect_bytes(block, 5 * MIB + 1, 3 * BLOCK_BYTES, fill);
	tafree(block);
}

static void dont_need(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);

	memset(block, 0x77, BLOCK_BYTES);
	EXPECT(!madvise(block, 8 * MIB, MADV_DONTNEED));
	expect_bytes(block, 0, 8 * MIB, fill);
	expect_bytes(block, 8 * MIB, BLOCK_BYTES, 0x77);
	tafree(block);
}

static void signals_blocked(unsigned char fill)
{
	unsigned char *block;
	sigset_t all;

	sigfillset(&all);
	EXPECT(!sigprocmask(SIG_SETMASK, &all, NULL));
	block = take(BLOCK_BYTES, fill);
	expect_bytes(block, 0, 3 * MIB, fill);
	for (size_t i = 3 * MIB; i < BLOCK_BYTES; i += 4096) {
		EXPECT(block[i] == fill);
		block[i] = 0x77;
	}
	expect_bytes(block, 3 * MIB + 1, 3 * MIB + 4096, fill);
	tafree(block);
	EXPECT(!sigpending(&all));
	for (int signal = 1; signal < 32; signal++)
		EXPECT(signal == SIGALRM || (signal == SIGTRAP && stats().accel_is_on) ||
		       !sigismember(&all, signal));
}

static void unprivileged(unsigned char fill)
{
	unsigned char *block;

	if (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
		skip_child("cannot become another user");
	block = take(BLOCK_BYTES, fill);
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	EXPECT(stats().eager_blocks == 0);
	tafree(block);
}

#define N_THREADS 4

static unsigned char *common;
static pthread_barrier_t barrier;

/* Each thread has every fourth byte of every page. */
static void *add_to_own_bytes(void *argument)
{
	size_t mine = (uintptr_t)argument;

	pthread_barrier_wait(&barrier);
	for (size_t at = mine; at < BLOCK_BYTES; at += 512)
		common[at]++;
	return NULL;
}

static void threads_on_the_same_pages(unsigned char fill)
{
	pthread_t threads[N_THREADS];

	common = take(BLOCK_BYTES, fill);
	pthread_barrier_init(&barrier, NULL, N_THREADS);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, add_to_own_bytes, (void *)i));
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t at = 0; at < BLOCK_BYTES; at++)
		EXPECT(common[at] == (unsigned char)(fill + (at % 512 < N_THREADS)));
	tafree(common);
}

static const struct test_case cases[] = {
	CASE(read_into),
	CASE(pread_into),
	CASE(write_from),
	CASE(direct_io),
	CASE(futex_wait_and_wake),
	CASE(process_vm_read_and_write),
	CASE(forked),
	CASE(executed),
	CASE(vforked),
	CASE(mremapped),
	CASE(grows_after_mprotect),
	CASE(dont_need),
	CASE(signals_blocked),
	CASE(unprivileged),
	CASE(threads_on_the_same_pages),
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "executed"))
		return run_executed((unsigned char)atoi(argv[2]));
	return run_cases("libtamalloc_system", cases, N_CASES(cases));
}
