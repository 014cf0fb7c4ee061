// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a core file says of tamalloc memory: never touched pages are fill in it,
 * and writing it commits none of them. The core is piped to this very program
 * (core_pattern "|coredump --receive ..."), which the kernel lets look at the
 * dying process until it is done (core_pipe_limit).
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "kselftest_harness.h"
#include "region.h"

#define DIR_PATTERN	"/tmp/tamalloc-core.XXXXXX"
#define AT(n)		(self->p + (n) * self->page)

struct core {
	int fd;
	size_t phdr_count;
	Elf64_Phdr phdr[256];
};

/* The helper: stdin to DIR/core, and the state of the dumped process afterwards to DIR/smaps. */
static int receive(const char *dir, const char *pid)
{
	static char buf[1 << 16];
	char path[128];
	ssize_t got;
	int fd, smaps;

	snprintf(path, sizeof(path), "%s/core", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (fd >= 0 && (got = read(0, buf, sizeof(buf))) > 0)
		if (write(fd, buf, got) != got)
			return 1;
	close(fd);
	snprintf(path, sizeof(path), "/proc/%s/smaps", pid);
	smaps = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "%s/smaps", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (fd >= 0 && smaps >= 0 && (got = read(smaps, buf, sizeof(buf))) > 0)
		if (write(fd, buf, got) != got)
			return 1;
	return 0;
}

static const char *pipe_cores_here(char *dir)
{
	char self_path[64], pattern[160];
	ssize_t len = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	if (len < 0 || !mkdtemp(dir))
		return "no directory for the core can be made";
	self_path[len] = '\0';
	snprintf(pattern, sizeof(pattern), "|%s --receive %s %%P", self_path, dir);
	if (len == sizeof(self_path) - 1 || strlen(pattern) > 127)
		return "the path of this program is too long for core_pattern";
	if (knob_set("/proc/sys/kernel/core_pattern", pattern) ||
	    knob_set("/proc/sys/kernel/core_pipe_limit", "1"))
		return "core_pattern cannot be set (CONFIG_COREDUMP, root)";
	return NULL;
}

static bool core_open(struct core *core, const char *dir)
{
	Elf64_Ehdr header;
	char path[128];
	size_t bytes;

	snprintf(path, sizeof(path), "%s/core", dir);
	core->fd = open(path, O_RDONLY);
	if (core->fd < 0 || read(core->fd, &header, sizeof(header)) != sizeof(header))
		return false;
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_type != ET_CORE ||
	    header.e_phnum > ARRAY_LEN(core->phdr))
		return false;
	core->phdr_count = header.e_phnum;
	bytes = core->phdr_count * sizeof(core->phdr[0]);
	return pread(core->fd, core->phdr, bytes, header.e_phoff) == (ssize_t)bytes;
}

/* The bytes that the core holds for [p, p + len), as a debugger would show them; false: none. */
static bool core_read(const struct core *core, const void *p, size_t len, unsigned char *to)
{
	uintptr_t at = (uintptr_t)p;

	for (size_t i = 0; i < core->phdr_count; i++) {
		const Elf64_Phdr *phdr = &core->phdr[i];
		size_t offset = at - phdr->p_vaddr, part = len;

		if (phdr->p_type != PT_LOAD || at < phdr->p_vaddr || offset >= phdr->p_memsz)
			continue;
		if (offset + part > phdr->p_memsz)
			part = phdr->p_memsz - offset;
		/* Beyond the file's part a segment is zeros. */
		memset(to, 0, part);
		if (offset < phdr->p_filesz) {
			size_t stored = phdr->p_filesz - offset;

			if (stored > part)
				stored = part;
			if (pread(core->fd, to, stored, phdr->p_offset + offset) != (ssize_t)stored)
				return false;
		}
		if (part == len)
			return true;
		at += part;
		to += part;
		len -= part;
		i = -1UL;
	}
	return false;
}

static size_t core_file_bytes(const struct core *core, const void *p, size_t len)
{
	uintptr_t start = (uintptr_t)p;
	size_t sum = 0;

	for (size_t i = 0; i < core->phdr_count; i++) {
		const Elf64_Phdr *phdr = &core->phdr[i];

		if (phdr->p_type == PT_LOAD && phdr->p_vaddr < start + len &&
		    phdr->p_vaddr + phdr->p_memsz > start)
			sum += phdr->p_filesz;
	}
	return sum;
}

static long saved_kb(const char *dir, const void *p, size_t len, const char *field)
{
	unsigned long start = (uintptr_t)p, end = start + len, vma_start, vma_end;
	bool inside = false, seen = false;
	char path[128], line[512];
	long sum = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/smaps", dir);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &vma_start, &vma_end) == 2)
			inside = vma_start < end && vma_end > start;
		else if (inside && !strncmp(line, field, strlen(field)))
			sum += strtol(line + strlen(field), NULL, 10);
		seen |= inside;
	}
	fclose(file);
	return seen ? sum : -1;
}

/* Ends with a core of this process as it is now. */
static void dump_core(const char *filter)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &unlimited);
	if (filter)
		write_text("/proc/self/coredump_filter", filter);
	signal(SIGABRT, SIG_DFL);
	abort();
}

static void remove_dir(const char *dir)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/core", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/smaps", dir);
	unlink(path);
	rmdir(dir);
}

TEST_F_TIMEOUT(region, never_touched_pages_dump_as_fill_and_stay_untouched, LIMIT_SLOW)
{
	char dir[] = DIR_PATTERN;
	const char *reason;
	unsigned char page[4096];
	struct core core;
	long before;
	pid_t child;

	reason = pipe_cores_here(dir);
	if (reason)
		SKIP(return, "%s", reason);
	child = fork();
	if (!child)
		dump_core(NULL);
	before = region_kb(self);
	EXPECT_EQ(128 + SIGABRT, wait_status(child));
	ASSERT_TRUE(core_open(&core, dir));
	for (size_t i = 0; i < self->pages; i++) {
		ASSERT_TRUE(core_read(&core, AT(i), sizeof(page), page));
		EXPECT_FILL(page, sizeof(page), self->fill);
	}
	EXPECT_EQ(before, saved_kb(dir, self->p, self->len, "Anonymous:"));
	EXPECT_EQ(0, saved_kb(dir, self->p, self->len, "Rss:"));
	remove_dir(dir);
}

TEST_F_TIMEOUT(region, written_read_dropped_and_untouched_pages_dump_right, LIMIT_SLOW)
{
	char dir[] = DIR_PATTERN;
	const char *reason;
	unsigned char page[4096];
	struct core core;
	pid_t child;

	reason = pipe_cores_here(dir);
	if (reason)
		SKIP(return, "%s", reason);
	memset(AT(0), OTHER, self->page);
	AT(3)[100] = OTHER;
	read_pages(AT(5), 2, 1);
	memset(AT(8), OTHER, 2 * self->page);
	madvise(AT(9), self->page, MADV_DONTNEED);
	memset(AT(11), 0, self->page);
	child = fork();
	if (!child)
		dump_core(NULL);
	EXPECT_EQ(128 + SIGABRT, wait_status(child));
	ASSERT_TRUE(core_open(&core, dir));
	for (size_t i = 0; i < self->pages; i++) {
		ASSERT_TRUE(core_read(&core, AT(i), sizeof(page), page));
		EXPECT_EQ(0, memcmp(page, AT(i), sizeof(page))) {
			TH_LOG("page %zu begins with %#04x in the core, %#04x in memory", i,
			       page[0], AT(i)[0]);
		}
	}
	EXPECT_EQ(self->fill ? 24 : 16, saved_kb(dir, self->p, self->len, "Rss:"))
	{
		TH_LOG("pages in memory after the dump");
	}
	remove_dir(dir);
}

TEST_F_TIMEOUT(region, protected_and_moved_pages_dump_right, LIMIT_SLOW)
{
	char dir[] = DIR_PATTERN;
	const char *reason;
	unsigned char page[4096];
	unsigned char *moved;
	struct core core;
	pid_t child;

	reason = pipe_cores_here(dir);
	if (reason)
		SKIP(return, "%s", reason);
	AT(1)[0] = OTHER;
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_NONE));
	ASSERT_EQ(0, mprotect(AT(8), 4 * self->page, PROT_READ));
	moved = mremap(AT(12), 4 * self->page, 8 * self->page, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, moved);
	child = fork();
	if (!child)
		dump_core(NULL);
	EXPECT_EQ(128 + SIGABRT, wait_status(child));
	ASSERT_TRUE(core_open(&core, dir));
	for (size_t i = 0; i < 20; i++) {
		unsigned char *at = i < 12 ? AT(i) : moved + (i - 12) * self->page;

		ASSERT_TRUE(core_read(&core, at, sizeof(page), page));
		EXPECT_EQ(i == 1 ? OTHER : self->fill, page[0]);
		EXPECT_FILL(page + 1, sizeof(page) - 1, self->fill);
	}
	remove_dir(dir);
}

TEST_F_TIMEOUT(region, dontdump_and_the_filter_leave_it_out, LIMIT_SLOW)
{
	char dir[] = DIR_PATTERN;
	const char *reason;
	struct core core;
	pid_t child;

	reason = pipe_cores_here(dir);
	if (reason)
		SKIP(return, "%s", reason);
	AT(1)[0] = OTHER;
	child = fork();
	if (!child) {
		madvise(self->p, self->len, MADV_DONTDUMP);
		dump_core(NULL);
	}
	EXPECT_EQ(128 + SIGABRT, wait_status(child));
	ASSERT_TRUE(core_open(&core, dir));
	EXPECT_EQ(0, core_file_bytes(&core, self->p, self->len));
	close(core.fd);

	/* Bit 0 is private anonymous memory. */
	child = fork();
	if (!child)
		dump_core("0x32");
	EXPECT_EQ(128 + SIGABRT, wait_status(child));
	ASSERT_TRUE(core_open(&core, dir));
	EXPECT_EQ(0, core_file_bytes(&core, self->p, self->len));
	remove_dir(dir);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--receive"))
		return receive(argv[2], argv[3]);
	return test_harness_run(argc, argv);
}
