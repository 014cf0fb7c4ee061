// SPDX-License-Identifier: MIT
/* Narrow limits, and system calls that are refused: memory is right, or there is none (ENOMEM). */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "child.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static void all_locked(unsigned char fill)
{
	unsigned char *block;

	if (UNDER_ASAN)
		skip_child(
			"ASan turns mlockall into nothing: its shadow memory could not be locked");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		skip_child("mlockall is refused: no CAP_IPC_LOCK");
	block = take(BLOCK_BYTES, fill);
	EXPECT(committed_pages(block, BLOCK_BYTES) ==
	       (BLOCK_BYTES + 4095) / 4096); /* as for mmap */
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	memset(block, 0x77, BLOCK_BYTES);
	tamalloc_discard(block, 0, SIZE_MAX);
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	block = tarealloc(block, 2 * BLOCK_BYTES);
	EXPECT(block);
	expect_bytes(block, 0, 2 * BLOCK_BYTES, fill);
	tafree(block);
}

static void limit(int resource, size_t value)
{
	struct rlimit narrow = {value, value};

	EXPECT(!setrlimit(resource, &narrow));
}

static size_t address_space_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	EXPECT(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	return pages * 4096;
}

static void address_space_limit(unsigned char fill)
{
	unsigned char *small, *block;
	size_t space = address_space_bytes();

	limit(RLIMIT_AS, space + 64 * MIB);
	small = take(100, fill);
	errno = 0;
	EXPECT(!tamalloc_fill(100 * MIB, fill) && errno == ENOMEM);
	block = take(BLOCK_BYTES, fill);
	block[0] = 0x77;
	EXPECT(!tarealloc(block, 100 * MIB) && errno == ENOMEM);
	EXPECT(block[0] == 0x77);
	expect_bytes(block, 1, BLOCK_BYTES, fill);
	tafree(block);
	for (unsigned i = 0; i < 100; i++) /* nothing leaks */
		tafree(take(20 * MIB, fill));
	for (size_t n = 0; tamalloc_fill(30000, fill); n++) /* small ones end in ENOMEM too */
		EXPECT(n < 64 * MIB / 30000);
	EXPECT(errno == ENOMEM);
	expect_bytes(small, 0, 100, fill);
}

static void no_descriptors_left(unsigned char fill)
{
	unsigned char *block;

	limit(RLIMIT_NOFILE, 3);
	block = take(BLOCK_BYTES, fill); /* eagerly, if there must be a file */
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	memset(block, 0x77, BLOCK_BYTES);
	tamalloc_discard(block, 0, SIZE_MAX);
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	block = tarealloc(block, 2 * BLOCK_BYTES);
	expect_bytes(block, 0, 2 * BLOCK_BYTES, fill);
	if (!strcmp(stats().backend, "plain"))
		EXPECT(stats().eager_blocks == !!fill);
	tafree(block);
	EXPECT(stats().eager_blocks == 0);
}

static void file_size_limit(unsigned char fill)
{
	limit(RLIMIT_FSIZE, 4096); /* beyond it, SIGXFSZ */
	expect_bytes(take(BLOCK_BYTES, fill), 0, BLOCK_BYTES, fill);
}

/* Daemons close all descriptors, and get the same numbers for files of their own. */
static void descriptors_closed_and_reused(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);

	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (int fd = 3; fd < 10; fd++)
		file_with(0x11, 3 * MIB);
	expect_bytes(take(BLOCK_BYTES, fill), 0, BLOCK_BYTES, fill);
	block = tarealloc(block, 3 * BLOCK_BYTES);
	expect_bytes(block, 0, 3 * BLOCK_BYTES, fill);
	tafree(block);
	for (int fd = 3; fd < 10; fd++)
		EXPECT(fcntl(fd, F_GETFD) >= 0); /* not closed for the program */
}

static void all_mappings_used(unsigned char fill)
{
	unsigned char *early = take(BLOCK_BYTES, fill), *block;
	size_t page = 4096, n = 0, failed = 0;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	char *area;
	unsigned long most = 0;

	EXPECT(file && fscanf(file, "%lu", &most) == 1);
	fclose(file);
	if (most > 300000)
		skip_child("vm.max_map_count is too high to be reached in a test");
	area = mmap(NULL, (most + 10) * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	EXPECT(area != MAP_FAILED);
	while (n < most + 10 && !mprotect(area + n * page, page, PROT_READ))
		n += 2;
	EXPECT(errno == ENOMEM && n < most);
	for (unsigned i = 0; i < 5; i++) { /* right, or refused */
		errno = 0;
		block = tamalloc_fill(BLOCK_BYTES * 8, fill);
		failed += !block;
		if (block)
			expect_bytes(block, 0, BLOCK_BYTES * 8, fill);
		else
			EXPECT(errno == ENOMEM);
	}
	if (fill && !strcmp(stats().backend, "plain"))
		EXPECT(failed); /* else the limit was not reached */
	expect_bytes(early, 0, BLOCK_BYTES, fill);
	tafree(early);
	munmap(area, (most + 10) * page);
	expect_bytes(take(BLOCK_BYTES, fill), 0, BLOCK_BYTES, fill);
}

/* A block that 2 MiB tiles would make of more mappings than a process may have. */
static void more_tiles_than_mappings(unsigned char fill)
{
	size_t size = (size_t)160 << 30;
	unsigned char *block;
	unsigned blocks = 0;

	while (blocks < 4 && (block = tamalloc_fill(size, fill))) {
		for (size_t at = 0; at < size; at += size / 64 + 4096)
			EXPECT(((volatile unsigned char *)block)[at] == fill);
		block[size - 1] = 0x77;
		EXPECT(block[size - 2] == fill);
		blocks++;
	}
	EXPECT(blocks == 4);
	if (!strcmp(stats().backend, "plain") && fill)
		EXPECT(stats().pattern_bytes <= 128 * MIB);
	free(malloc(10 * MIB)); /* there are mappings left for the program */
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void put(const char *directory, const char *file, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		rmdir(directory);
		skip_child("no memory cgroup can be made here");
	}
	close(fd);
}

static void make_cgroup(char *directory, size_t bytes)
{
	const char *v2 = "/sys/fs/cgroup/cgroup.controllers";
	bool is_v2 = !access(v2, F_OK);

	snprintf(directory, bytes, "/sys/fs/cgroup/%stamalloc-%d", is_v2 ? "" : "memory/",
		 getpid());
	if (mkdir(directory, 0700))
		skip_child("no memory cgroup can be made here");
	put(directory, is_v2 ? "memory.max" : "memory.limit_in_bytes", "33554432");
}

/* Far more is reserved than the group may have; what is touched fits. */
static void memory_cgroup(unsigned char fill)
{
	char directory[128], number[16];
	int status;
	pid_t pid;

	make_cgroup(directory, sizeof(directory));
	pid = fork();
	if (!pid) {
		unsigned char *block;

		snprintf(number, sizeof(number), "%d", getpid());
		put(directory, "cgroup.procs", number);
		block = take(1024 * MIB, fill);
		for (size_t at = 0; at < 1024 * MIB; at += MIB)
			EXPECT(block[at + 7]++ == fill && block[at + 8] == fill);
		tafree(block);
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	for (unsigned i = 0; i < 100 && rmdir(directory); i++)
		usleep(10000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip_child("no memory cgroup can be entered here");
	EXPECT(status == 0);
}

static void install_filter(struct sock_filter *program, size_t count)
{
	struct sock_fprog filter = {(unsigned short)count, program};

	EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

static void refuse(unsigned call)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 551, 0, 1), /* as strict filters do */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install_filter(program, sizeof(program) / sizeof(*program));
}

/* Advice that is no more than a gain in speed is not given where a filter may kill for it. */
static void small_blocks_under_a_filter(unsigned char fill)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_POPULATE_WRITE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	unsigned char *block;

	install_filter(program, sizeof(program) / sizeof(*program));
	block = take(16384, fill);
	block[16383] = 0x77;
	tafree(block);
	EXPECT(take(16384, fill) == block);
	expect_bytes(block, 0, 16384, fill);
}

static void memfd_create_refused(unsigned char fill)
{
	unsigned char *block;

	refuse(SYS_memfd_create);
	block = take(BLOCK_BYTES, fill);
	expect_bytes(block, 0, BLOCK_BYTES, fill);
	EXPECT(!strcmp(stats().backend, "plain") && stats().eager_blocks == !!fill);
	/* what cannot be had at once is refused, not left to the out-of-memory killer */
	if (fill)
		EXPECT(!tamalloc_fill((size_t)1 << 46, fill) && errno == ENOMEM);
	tafree(block);
}

/* As before Linux 6.17, where a tile that the program changed a part of cannot be moved. */
static void mremap_refused(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);

	block[5 * MIB] = block[BLOCK_BYTES - 1] = 0x55;
	refuse(SYS_mremap);
	block = tarealloc(block, 3 * BLOCK_BYTES);
	EXPECT(block && block[5 * MIB] == 0x55 && block[BLOCK_BYTES - 1] == 0x55);
	expect_bytes(block, 0, 5 * MIB, fill);
	expect_bytes(block, 5 * MIB + 1, BLOCK_BYTES - 1, fill);
	expect_bytes(block, BLOCK_BYTES, 3 * BLOCK_BYTES, fill);
	tafree(block);
}

static const struct test_case cases[] = {
	CASE(all_locked),
	CASE(address_space_limit),
	CASE(no_descriptors_left),
	CASE(file_size_limit),
	CASE(descriptors_closed_and_reused),
	CASE(all_mappings_used),
	CASE(more_tiles_than_mappings),
	CASE(memory_cgroup),
	CASE(small_blocks_under_a_filter),
	CASE(memfd_create_refused),
	CASE(mremap_refused),
};

int main(void)
{
	return run_cases("libtamalloc_limits", cases, N_CASES(cases));
}
