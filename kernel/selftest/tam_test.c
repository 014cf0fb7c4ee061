// SPDX-License-Identifier: GPL-2.0-only
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tam_test.h"

void *tamalloc(size_t size, unsigned int fill, unsigned int flags)
{
	return (void *)syscall(__NR_tamalloc, size, fill, flags);
}

long tamstat(pid_t pid, unsigned int flags, void *buf, unsigned int count, size_t entry_bytes)
{
	return syscall(__NR_tamstat, pid, flags, buf, count, entry_bytes);
}

long tamstat_total(void *buf, size_t bytes, unsigned int flags)
{
	return syscall(__NR_tamstat_total, buf, bytes, flags);
}

/*
 * A kernel without CONFIG_TAMALLOC, and an older one, has no such system call
 * whatever the arguments are, by which a program knows that it has to fall back
 * to mmap(2). Arguments that are never right tell without side effects.
 */
const char *tam_unsupported(void)
{
	if (tamalloc(0, 0, 0) == MAP_FAILED && errno != EINVAL)
		return "tamalloc is not in this kernel (CONFIG_TAMALLOC)";
	return NULL;
}

int repeat(int times)
{
	return getenv("TAM_SHORT") ? (times + 9) / 10 : times;
}

size_t page_bytes(void)
{
	return getpagesize();
}

size_t first_bad(const void *p, size_t len, unsigned char value)
{
	const unsigned char *bytes = p;
	__u64 want, word;
	size_t at = 0;

	memset(&want, value, sizeof(want));
	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		if (word != want)
			break;
	}
	while (at < len && bytes[at] == value)
		at++;
	return at;
}

void read_pages(const void *p, size_t pages, size_t step)
{
	for (size_t i = 0; i < pages; i += step)
		load_byte((const char *)p + i * page_bytes());
}

void write_pages(void *p, size_t pages, size_t step, unsigned char value)
{
	for (size_t i = 0; i < pages; i += step)
		store_byte((char *)p + i * page_bytes(), value);
}

void make_stack_resident(void)
{
	const size_t stack_bytes = 64 << 10;
	volatile char *stack = alloca(stack_bytes);

	for (size_t at = 0; at < stack_bytes; at += page_bytes())
		stack[at] = 0;
}

/*
 * A forked test starts with its code unmapped and its data and stack shared: each
 * would be one fault and one page more in the middle of what it counts, where the
 * linker and the random start of the stack happen to have put a page's end.
 */
void make_own_pages_resident(void)
{
	static pid_t resident_in;
	const size_t page = page_bytes();
	char *code = (char *)((unsigned long)__executable_start & -page);
	char *data = (char *)((unsigned long)__data_start & -page);
	/* What the callers, the test itself first of all, keep on the stack. */
	char *stack = (char *)((unsigned long)__builtin_frame_address(0) & -page);

	if (resident_in == getpid())
		return;
	if (madvise(code, etext - code, MADV_POPULATE_READ) ||
	    madvise(data, _end - data, MADV_POPULATE_WRITE) ||
	    (getpid() == gettid() &&
	     madvise(stack, (char *)__libc_stack_end - stack, MADV_POPULATE_WRITE))) {
		perror("own pages");
		_exit(1);
	}
	make_stack_resident();
	resident_in = getpid();
}

long page_faults(void)
{
	struct rusage usage;

	make_own_pages_resident();
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

ssize_t read_text(const char *path, char *buf, size_t size)
{
	ssize_t got, all = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((got = read(fd, buf + all, size - 1 - all)) > 0)
		all += got;
	close(fd);
	buf[all] = '\0';
	return got < 0 ? -1 : all;
}

int write_text(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t put;
	int err;

	if (fd < 0)
		return -1;
	put = write(fd, text, len);
	err = errno;
	close(fd);
	errno = err;
	return put == len ? 0 : -1;
}

long read_long(const char *path)
{
	char text[64];

	return read_text(path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : -1;
}

/* /proc files larger than a page: one static buffer, so that reading allocates nothing. */
static char proc_text[1 << 18];

/* Where the number after field stands in text; NULL if it does not. */
static const char *field_at(const char *text, const char *field)
{
	const char *line = text;
	size_t len = strlen(field);

	while (line && *line) {
		if (!strncmp(line, field, len))
			return line + len;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

long file_kb(const char *path, const char *field)
{
	const char *value;

	if (read_text(path, proc_text, sizeof(proc_text)) < 0)
		return -1;
	value = field_at(proc_text, field);
	return value ? strtol(value, NULL, 10) : -1;
}

static bool meets(const char *line, uintptr_t start, size_t len)
{
	unsigned long vma_start, vma_end;

	/* A VMA's line begins with its address; fields begin with a capital. */
	if (sscanf(line, "%lx-%lx ", &vma_start, &vma_end) != 2)
		return false;
	return vma_start < start + len && vma_end > start;
}

static bool is_vma_line(const char *line)
{
	return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f');
}

long smaps_kb(pid_t pid, const void *p, size_t len, const char *field)
{
	size_t field_len = strlen(field);
	char path[32], *line, *next;
	bool inside = false;
	long sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	if (read_text(path, proc_text, sizeof(proc_text)) < 0)
		return -1;
	for (line = proc_text; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (is_vma_line(line))
			inside = meets(line, (uintptr_t)p, len);
		else if (inside && !strncmp(line, field, field_len))
			sum += strtol(line + field_len, NULL, 10);
	}
	return sum;
}

const char *vm_flags_of(const void *p)
{
	bool inside = false;
	char *line, *next;

	if (read_text("/proc/self/smaps", proc_text, sizeof(proc_text)) < 0)
		return NULL;
	for (line = proc_text; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (is_vma_line(line))
			inside = meets(line, (uintptr_t)p, 1);
		else if (inside && !strncmp(line, "VmFlags:", 8))
			return line + 8;
	}
	return NULL;
}

int vma_count(const void *p, size_t len)
{
	char *line, *next;
	int count = 0;

	if (read_text("/proc/self/maps", proc_text, sizeof(proc_text)) < 0)
		return -1;
	for (line = proc_text; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		count += meets(line, (uintptr_t)p, len);
	}
	return count;
}

__u64 pagemap_entry(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entry = 0;

	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry), (uintptr_t)p / page_bytes() * sizeof(entry)) !=
	    sizeof(entry)) {
		perror("pagemap");
		exit(1);
	}
	close(fd);
	return entry;
}

int wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Shared, because the parent restores what a killed test has set. */
static struct knobs {
	int count;
	struct knob {
		char path[128];
		char value[128];
	} knob[32];
	int zram;			/* the swap device, as its number + 1 */
} *knobs;

static void __attribute__((constructor)) prepare(void)
{
	/* Touched once here, so that reading /proc later commits nothing. */
	memset(proc_text, 1, sizeof(proc_text));
	knobs = mmap(NULL, sizeof(*knobs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (knobs == MAP_FAILED)
		abort();
}

int knob_set(const char *path, const char *value)
{
	struct knob *knob = &knobs->knob[knobs->count];
	char text[128], *from, *to;

	if (knobs->count == ARRAY_LEN(knobs->knob)) {
		errno = ENOSPC;
		return -1;
	}
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (to)
		*to = '\0';
	else
		text[strcspn(text, "\n")] = '\0';
	snprintf(knob->path, sizeof(knob->path), "%s", path);
	snprintf(knob->value, sizeof(knob->value), "%s", to ? from + 1 : text);
	if (write_text(path, value) < 0)
		return -1;
	knobs->count++;
	return 0;
}

void knobs_restore(void)
{
	while (knobs->count > 0) {
		const struct knob *knob = &knobs->knob[--knobs->count];

		if (write_text(knob->path, knob->value) < 0)
			printf("# %s stays changed: %s\n", knob->path, strerror(errno));
	}
}

int zram_add(size_t bytes)
{
	char path[64], size[32];
	int id = read_long("/sys/class/zram-control/hot_add");

	if (id < 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", id);
	snprintf(size, sizeof(size), "%zu", bytes);
	if (write_text(path, size) < 0) {
		zram_remove(id);
		return -1;
	}
	return id;
}

void zram_remove(int id)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", id);
	/* Somebody (devtmpfs, udev) may hold it open for a moment. */
	for (int i = 0; i < 100; i++) {
		if (!write_text("/sys/class/zram-control/hot_remove", text))
			return;
		usleep(10000);
	}
	printf("# zram%d stays: %s\n", id, strerror(errno));
}

/* What mkswap(8) writes: the header of version 1. */
static int make_swap(const char *path, size_t bytes)
{
	static unsigned char header[4096];
	__u32 version = 1, last_page = bytes / sizeof(header) - 1;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t put;

	if (fd < 0)
		return -1;
	memcpy(header + 1024, &version, sizeof(version));
	memcpy(header + 1028, &last_page, sizeof(last_page));
	memcpy(header + sizeof(header) - 10, "SWAPSPACE2", 10);
	put = write(fd, header, sizeof(header));
	return close(fd) < 0 || put != sizeof(header) ? -1 : 0;
}

const char *zram_swap_on(size_t bytes)
{
	int id = zram_add(bytes);
	char path[32];

	if (id < 0)
		return "no zram device (CONFIG_ZRAM, root)";
	knobs->zram = id + 1;
	snprintf(path, sizeof(path), "/dev/zram%d", id);
	if (make_swap(path, bytes) < 0)
		return "the zram device cannot be written";
	if (swapon(path, SWAP_FLAG_PREFER | 100) < 0)
		return "swapon on the zram device failed (CONFIG_SWAP)";
	return NULL;
}

void zram_swap_off(void)
{
	char path[32];

	if (!knobs->zram)
		return;
	snprintf(path, sizeof(path), "/dev/zram%d", knobs->zram - 1);
	swapoff(path);
	zram_remove(knobs->zram - 1);
	knobs->zram = 0;
}
